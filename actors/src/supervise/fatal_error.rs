//! The one way up: an actor that cannot be saved says so here, and the application, which watches, goes not
//! ready, drains and exits with [`EXIT_CODE`] for the process manager. No actor holds an address upwards.

use huemill_observability::log;
use tokio::sync::watch;

/// The process's exit code after a doom: `EX_SOFTWARE` of sysexits.h.
pub const EXIT_CODE: u8 = 70;

/// What cannot be saved, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FatalError {
    /// The actor's noun, lower case.
    pub actor: &'static str,
    /// For the log.
    pub reason: String,
}

/// Rung once and for all; clones ring the same bell.
#[derive(Debug, Clone)]
pub struct ShutdownTrigger(watch::Sender<Option<FatalError>>);

/// What the application awaits: `wait_for(Option::is_some)`.
pub type FatalErrorReceiver = watch::Receiver<Option<FatalError>>;

impl ShutdownTrigger {
    /// A silent bell and its listener.
    #[must_use]
    pub fn new() -> (Self, FatalErrorReceiver) {
        let (send, receive) = watch::channel(None);
        (Self(send), receive)
    }

    /// Reports a doom. The first one is kept: what follows is its consequence.
    pub fn trigger(&self, fatal_error: FatalError) {
        log!(ACTOR_DOOMED, actor = fatal_error.actor, reason = fatal_error.reason.as_str());
        self.0.send_if_modified(|kept| {
            let first = kept.is_none();
            if first {
                *kept = Some(fatal_error);
            }
            first
        });
    }

    /// Whether it has rung.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.0.borrow().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_doom_is_kept() {
        let (shutdown_trigger, listener) = ShutdownTrigger::new();
        assert!(!shutdown_trigger.is_triggered());
        for actor in ["workers", "metrics"] {
            shutdown_trigger.trigger(FatalError { actor, reason: String::new() });
        }
        assert!(shutdown_trigger.is_triggered());
        assert_eq!(listener.borrow().as_ref().unwrap().actor, "workers");
    }
}
