//! Unix signals: SIGTERM and SIGINT stop the service, SIGUSR1 and SIGUSR2 change the log level.
//!
//! The service handles SIGTERM and SIGINT itself, because actix would stop listening before probes notice that the
//! service is not ready. SIGUSR1 turns on debug lines and SIGUSR2 restores the configured filter; both work while HTTP
//! does not.

use huemill_observability::json_log::FilterHandle;
use huemill_observability::log;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Receives the signals that ask the process to stop.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Installs the handlers. From now on the signals no longer end the process by themselves.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal and returns its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Changes the log filter on signals: SIGUSR1 adds Huemill's debug lines to `configured`, SIGUSR2 removes them.
///
/// # Errors
/// The signal handlers cannot be installed.
pub(crate) fn change_log_filter_on_signals(handle: FilterHandle, configured: String) -> std::io::Result<()> {
    let (mut verbose, mut normal) =
        (signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?);
    actix_rt::spawn(async move {
        loop {
            let filter = tokio::select! {
                // If both are pending, SIGUSR1 is handled first, so SIGUSR2 wins.
                biased;
                _ = verbose.recv() => format!("{configured},huemill=debug"),
                _ = normal.recv() => configured.clone(),
            };
            if handle.set(&filter).is_ok() {
                log!(LOG_FILTER_CHANGED, filter);
            }
        }
    });
    Ok(())
}
