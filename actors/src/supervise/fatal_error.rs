//! Fatal errors: how an actor that cannot be restarted makes the process exit. It reports here; the application,
//! which watches, becomes not ready, drains and exits with [`EXIT_CODE`] for the process manager. This way no actor
//! needs an address of what is above it.

use huemill_observability::log;
use tokio::sync::watch;

/// The process's exit code after a fatal error: `EX_SOFTWARE` of sysexits.h.
pub const EXIT_CODE: u8 = 70;

/// An actor that cannot be restarted, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FatalError {
    /// The actor's name in lower case.
    pub actor: &'static str,
    /// For the log.
    pub reason: String,
}

/// Reports the fatal error that shuts the process down; clones share it.
#[derive(Debug, Clone)]
pub struct ShutdownTrigger(watch::Sender<Option<FatalError>>);

/// What the application awaits: `wait_for(Option::is_some)`.
pub type FatalErrorReceiver = watch::Receiver<Option<FatalError>>;

impl ShutdownTrigger {
    /// An untriggered trigger and its receiver.
    #[must_use]
    pub fn new() -> (Self, FatalErrorReceiver) {
        let (send, receive) = watch::channel(None);
        (Self(send), receive)
    }

    /// Reports a fatal error. Only the first one is kept: later ones usually follow from it.
    pub fn trigger(&self, fatal_error: FatalError) {
        log!(ACTOR_DOOMED, actor = fatal_error.actor, reason = fatal_error.reason.as_str());
        self.0.send_if_modified(|stored| {
            let first = stored.is_none();
            if first {
                *stored = Some(fatal_error);
            }
            first
        });
    }

    /// Whether a fatal error was reported.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.0.borrow().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fatal_error_is_kept() {
        let (shutdown_trigger, receiver) = ShutdownTrigger::new();
        assert!(!shutdown_trigger.is_triggered());
        for actor in ["workers", "metrics"] {
            shutdown_trigger.trigger(FatalError { actor, reason: String::new() });
        }
        assert!(shutdown_trigger.is_triggered());
        assert_eq!(receiver.borrow().as_ref().unwrap().actor, "workers");
    }
}
