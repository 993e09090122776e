//! The recorder: how actors report events to the Metrics actor without waiting. A leaf that all actors share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use huemill_observability::Event;
use tokio::sync::mpsc;

/// Sends events to the Metrics actor. It never waits: when the channel is full, the event is dropped and the drop is
/// counted. Clones share the channel.
#[derive(Debug, Clone)]
pub struct Recorder {
    events: mpsc::Sender<Event>,
    dropped: Arc<AtomicU64>,
}

impl Recorder {
    /// A recorder and the receiving end of its channel, which holds `capacity` events, at least 1.
    #[must_use]
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<Event>) {
        let (events, receiver) = mpsc::channel(capacity.max(1));
        (Self { events, dropped: Arc::default() }, receiver)
    }

    /// Records an event; cheap, and works on any thread.
    pub fn record(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Number of events dropped since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
