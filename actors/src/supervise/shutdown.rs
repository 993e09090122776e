//! How the process stops: a fatal error of an actor triggers the shutdown, and the drain lets work in flight end.
//!
//! An actor that cannot be restarted reports here; the application, which watches, becomes not ready, drains and exits
//! with [`EXIT_CODE`] for the process manager. This way no actor needs an address of what is above it. Nothing here
//! fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use actix::Message;
use huemill_observability::log;
use tokio::sync::watch;

use crate::clock::Instant;

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

/// Whether the service drains. First /ready says so, while everything goes on, so that balancers send their requests
/// elsewhere. From the beginning of the drain on, no picture and no webhook is started, and streams end; requests of
/// connections that are open are still served. Uploads are refused once these connections are closed. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct DrainFlag(Arc<AtomicU8>);

impl DrainFlag {
    const ANNOUNCED: u8 = 1;
    const BEGUN: u8 = 2;
    const REFUSING: u8 = 3;

    /// Announces the drain, permanently.
    pub fn announce(&self) {
        self.0.fetch_max(Self::ANNOUNCED, Ordering::AcqRel);
    }

    /// Starts the drain, permanently.
    pub fn begin(&self) {
        self.0.fetch_max(Self::BEGUN, Ordering::AcqRel);
    }

    /// Refuses uploads from now on.
    pub fn refuse_uploads(&self) {
        self.0.fetch_max(Self::REFUSING, Ordering::AcqRel);
    }

    /// Whether the drain is announced or has begun.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.0.load(Ordering::Acquire) >= Self::ANNOUNCED
    }

    /// Whether the drain has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire) >= Self::BEGUN
    }

    /// Whether uploads are refused.
    #[must_use]
    pub fn refuses_uploads(&self) -> bool {
        self.0.load(Ordering::Acquire) >= Self::REFUSING
    }
}

/// Sent to Dispatcher and Delivery once the service drains, so that they start nothing more. They answer when their
/// work in flight has ended, or at the deadline; then the Dispatcher gives back the rest.
#[derive(Debug, Clone, Copy)]
pub struct Drain {
    /// The deadline.
    pub until: Instant,
}

impl Message for Drain {
    type Result = ();
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
