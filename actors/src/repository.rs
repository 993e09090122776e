//! The service's persistent data as one value: the store, the blobs, and the snapshots that answer polls.
//!
//! Each operation of the store is counted, timed and traced. Blob work runs on the io runtime and to its end, even if
//! the caller goes away. This file alone translates the errors of store and blobs into a [`Fault`].

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{Stream, StreamExt, poll_fn};
use huemill_observability::Event;
use huemill_observability::trace::{KeyValue, Scope, Span, SpanKind};
use huemill_store::blobs::{BlobError, Blobs};
use huemill_store::store::{Observation, Observer, Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::metrics::Recorder;
use crate::snapshots::Snapshots;

pub use huemill_store::store::OPERATIONS;

/// Store, blobs and snapshots. Cheap to clone.
#[derive(Clone)]
pub struct Repository {
    /// Jobs, items, keys and deliveries.
    pub store: Arc<dyn Store>,
    /// The contents that are too large for a row.
    pub blobs: Blobs,
    /// The last known version of each job, for polls.
    pub snapshots: Snapshots,
    io: Handle,
}

impl Repository {
    /// Combines the three, and reports the store's operations to `recorder`. `snapshots` must be the store's listener.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "the repository takes over the store")]
    pub fn new(
        store: Arc<dyn Store>,
        blobs: Blobs,
        snapshots: Snapshots,
        io: Handle,
        recorder: Recorder,
    ) -> Self {
        Self { store: store.observed(Arc::new(StoreObserver { recorder })), blobs, snapshots, io }
    }

    /// Runs blob work on the io runtime, and to its end even if the caller goes away.
    pub async fn on_io<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Result<T, Fault> {
        self.io
            .spawn(Scope::here().run(work))
            .await
            .map_err(|error| Fault::new(Code::InternalError).with_cause(error))?
    }
}

/// Maximum number of pieces of a stream that are read ahead.
const READ_AHEAD: usize = 2;

impl Repository {
    /// Reads a stream of blobs on the io runtime, which owns the connections, a few pieces ahead of the consumer. Stops
    /// when the consumer goes away.
    pub fn stream<S>(&self, stream: S) -> impl Stream<Item = S::Item> + use<S>
    where
        S: Stream<Item: Send> + Send + 'static,
    {
        let (pieces, mut received) = mpsc::channel(READ_AHEAD);
        self.io.spawn(Scope::here().run(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(piece) = stream.next().await {
                if pieces.send(piece).await.is_err() {
                    break;
                }
            }
        }));
        poll_fn(move |cx| received.poll_recv(cx))
    }
}

/// Reports each operation of the store as an event, and as a span of the work that requested it.
struct StoreObserver {
    recorder: Recorder,
}

/// One operation that is running.
struct StoreCall {
    operation: &'static str,
    started: Instant,
    span: Span,
    recorder: Recorder,
}

impl Observer for StoreObserver {
    fn start(&self, operation: &'static str) -> Box<dyn Observation> {
        let started = Instant::now();
        let span =
            Scope::here().span("store", SpanKind::Client, || [KeyValue::new("db.operation.name", operation)]);
        span.rename(|| format!("store {operation}"));
        Box::new(StoreCall { operation, started, span, recorder: self.recorder.clone() })
    }
}

impl Observation for StoreCall {
    fn instrument(&self, work: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        Box::pin(self.span.scope().run(work))
    }

    fn end(self: Box<Self>, error: Option<&StoreError>) {
        let Self { operation, started, span, recorder } = *self;
        if let Some(error) = error {
            span.fail(error_type(error));
        }
        drop(span);
        recorder.record(Event::StoreCalled { operation, ok: error.is_none(), time: started.elapsed() });
    }
}

/// The type of an error as traces spell it.
fn error_type(error: &StoreError) -> &'static str {
    match error {
        StoreError::Away(_) => "away",
        StoreError::Newer(_) => "newer",
        StoreError::Broken(_) => "broken",
    }
}

/// How long clients should wait before they retry while the store is unavailable.
const RETRY_AFTER: Duration = Duration::from_secs(5);

fn unavailable(cause: impl std::fmt::Display) -> Fault {
    let mut fault = Fault::new(Code::Overloaded).with_cause(cause);
    fault.retry_after = Some(RETRY_AFTER);
    fault
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Away(_) => unavailable(error),
            StoreError::Newer(_) | StoreError::Broken(_) => Self::new(Code::InternalError).with_cause(error),
        }
    }
}

impl From<BlobError> for Fault {
    fn from(error: BlobError) -> Self {
        match error {
            // An operator must make a refused blob accessible again. The client may retry after that.
            BlobError::Full(_) | BlobError::Away(_) | BlobError::Refused(_) => unavailable(error),
            BlobError::Missing(_) | BlobError::Address(_) | BlobError::Source(_) => {
                Self::new(Code::InternalError).with_cause(error)
            }
        }
    }
}
