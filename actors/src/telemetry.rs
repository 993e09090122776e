//! How actors report what they do: events to the Metrics actor, and parts of a task to traces.
//!
//! A leaf that all actors and the edge share. Reporting never waits and never fails the work: an event that does not
//! fit is dropped and counted, and a span is recorded only where traces are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use huemill_observability::Event;
use huemill_observability::trace::{Scope, SpanKind};
use tokio::sync::mpsc;

use crate::fault::Fault;

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

/// An error that a span can name.
pub trait SpanError {
    /// Its code, from a closed set.
    fn code(&self) -> &'static str;
}

impl SpanError for Fault {
    fn code(&self) -> &'static str {
        self.code.as_str()
    }
}

/// Runs `work` in a child span of the current one. An error sets the span's status.
///
/// # Errors
/// Those of `work`.
pub async fn traced<T, E: SpanError>(
    name: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let span = Scope::here().span(name, SpanKind::Internal, || []);
    let answer = span.scope().run(work).await;
    if let Err(error) = &answer {
        span.fail(error.code());
    }
    answer
}
