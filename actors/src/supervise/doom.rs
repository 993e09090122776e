//! The one way up: an actor that cannot be saved says so here, and the application, which watches, goes not
//! ready, drains and exits with [`EXIT_CODE`] for the process manager. No actor holds an address upwards.

use huemill_observability::log;
use tokio::sync::watch;

/// The process's exit code after a doom: `EX_SOFTWARE` of sysexits.h.
pub const EXIT_CODE: u8 = 70;

/// What cannot be saved, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doom {
    /// The actor's noun, lower case.
    pub actor: &'static str,
    /// For the log.
    pub reason: String,
}

/// Rung once and for all; clones ring the same bell.
#[derive(Debug, Clone)]
pub struct Bell(watch::Sender<Option<Doom>>);

/// What the application awaits: `wait_for(Option::is_some)`.
pub type DoomReceiver = watch::Receiver<Option<Doom>>;

impl Bell {
    /// A silent bell and its listener.
    #[must_use]
    pub fn new() -> (Self, DoomReceiver) {
        let (send, receive) = watch::channel(None);
        (Self(send), receive)
    }

    /// Reports a doom. The first one is kept: what follows is its consequence.
    pub fn ring(&self, doom: Doom) {
        log!(ACTOR_DOOMED, actor = doom.actor, reason = doom.reason.as_str());
        self.0.send_if_modified(|kept| {
            let first = kept.is_none();
            if first {
                *kept = Some(doom);
            }
            first
        });
    }

    /// Whether it has rung.
    #[must_use]
    pub fn has_rung(&self) -> bool {
        self.0.borrow().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_doom_is_kept() {
        let (bell, listener) = Bell::new();
        assert!(!bell.has_rung());
        for actor in ["workers", "metrics"] {
            bell.ring(Doom { actor, reason: String::new() });
        }
        assert!(bell.has_rung());
        assert_eq!(listener.borrow().as_ref().unwrap().actor, "workers");
    }
}
