//! The Recorder, through which everybody tells what happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use huemill_observability::Event;
use tokio::sync::mpsc;

/// Tells the Metrics actor what happened. Never waits: when the channel is full the event is dropped and the
/// drop counted. Clones share the channel.
#[derive(Debug, Clone)]
pub struct Recorder {
    events: mpsc::Sender<Event>,
    dropped: Arc<AtomicU64>,
}

impl Recorder {
    /// A recorder and the other end of its channel, which holds `capacity` events.
    #[must_use]
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<Event>) {
        let (events, receiver) = mpsc::channel(capacity);
        (Self { events, dropped: Arc::default() }, receiver)
    }

    /// Notes an event; cheap, and from any thread.
    pub fn record(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Events dropped since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
