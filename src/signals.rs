//! SIGTERM and SIGINT, as something to await. They are ours and not actix's, which would stop listening before
//! probes have seen that the service is not ready. SIGUSR1 makes the log say more, SIGUSR2 what it said at first:
//! they work where HTTP does not.

use huemill_observability::json_log::FilterHandle;
use huemill_observability::log;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask the process to stop.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on the signals do not end the process by themselves.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next signal's name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Switches the log from now on: SIGUSR1 to `configured` and our own debug lines, SIGUSR2 back.
///
/// # Errors
/// Where the signals cannot be listened to.
pub(crate) fn switch_log(handle: FilterHandle, configured: String) -> std::io::Result<()> {
    let (mut more, mut back) = (signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?);
    actix_rt::spawn(async move {
        loop {
            let filter = tokio::select! {
                // Of two that came together the way back is the later one.
                biased;
                _ = more.recv() => format!("{configured},huemill=debug"),
                _ = back.recv() => configured.clone(),
            };
            if handle.set(&filter).is_ok() {
                log!(LOG_FILTER_CHANGED, filter);
            }
        }
    });
    Ok(())
}
