//! The service's persistent data as one value: the store, the blobs, and the snapshots that answer polls.
//!
//! Each operation of the store is counted, timed and traced. Blob work runs on the io runtime and to its end, even if
//! the caller goes away. This file alone translates the errors of store and blobs into a [`Fault`].

use std::ops::Range;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{Stream, StreamExt, poll_fn};
use huemill_observability::Event;
use huemill_observability::trace::{KeyValue, Scope, Span, SpanKind};
use huemill_store::blobs::{BlobError, Blobs};
use huemill_store::store::{Observation, Observer, Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

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

/// How long a consumer may take nothing before the source of its stream is closed, until it takes the next piece.
const STALL: Duration = Duration::from_secs(1);

impl Repository {
    /// Streams a range of something in the blob store, which `open` opens at any range of it. It is read on the io
    /// runtime, which owns the connections, and only as fast as the consumer takes it: nothing is read ahead, and while
    /// the consumer takes nothing, nothing is open. However many clients stop reading, they hold little.
    pub fn stream<S, F>(
        &self,
        range: Range<u64>,
        open: F,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + use<S, F>
    where
        F: Fn(Range<u64>) -> S + Send + 'static,
        S: Stream<Item = Result<Bytes, BlobError>> + Send + 'static,
    {
        let (demand, demanded) = mpsc::channel(1);
        let (pieces, mut received) = mpsc::channel(1);
        self.io.spawn(Scope::here().run(read_on_demand(range, open, demanded, pieces)));
        let mut is_awaited = false;
        poll_fn(move |task| {
            if !is_awaited {
                // The channel has room: there was no demand since the last piece. If it is closed, so are the pieces.
                let _ = demand.try_send(());
                is_awaited = true;
            }
            let piece = ready!(received.poll_recv(task));
            is_awaited = false;
            Poll::Ready(piece)
        })
    }
}

/// Sends one piece of `range` for each demand, until one of the two channels is closed.
async fn read_on_demand<S>(
    range: Range<u64>,
    open: impl Fn(Range<u64>) -> S,
    mut demanded: mpsc::Receiver<()>,
    pieces: mpsc::Sender<Result<Bytes, BlobError>>,
) where
    S: Stream<Item = Result<Bytes, BlobError>>,
{
    let mut offset = range.start;
    let mut source = None;
    loop {
        let demand = if let Ok(demand) = timeout(STALL, demanded.recv()).await {
            demand
        } else {
            source = None;
            demanded.recv().await
        };
        if demand.is_none() {
            return;
        }
        let source = source.get_or_insert_with(|| Box::pin(open(offset..range.end)));
        let Some(piece) = source.next().await else { return };
        if let Ok(bytes) = &piece {
            offset += bytes.len() as u64;
        }
        let is_over = piece.is_err();
        if pieces.send(piece).await.is_err() || is_over {
            return;
        }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Mutex;

    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_read_on_demand_and_closed_while_nobody_reads() {
        let (opened, source) = (Arc::new(Mutex::new(Vec::new())), Arc::new(()));
        let open = {
            let (opened, source) = (opened.clone(), source.clone());
            move |range: Range<u64>| {
                opened.lock().unwrap().push(range.clone());
                let source = source.clone();
                stream::iter(range).map(move |number| {
                    // The stream holds its source.
                    assert!(Arc::strong_count(&source) > 1);
                    Ok(Bytes::from(vec![number as u8]))
                })
            }
        };
        let is_open = || Arc::strong_count(&source) > 2;
        let (demand, demanded) = mpsc::channel(1);
        let (pieces, mut received) = mpsc::channel(1);
        let reader = tokio::spawn(read_on_demand(0..4, open, demanded, pieces));
        tokio::time::sleep(STALL / 2).await;
        assert!(opened.lock().unwrap().is_empty(), "nothing is read before it is asked for");
        let mut bytes = Vec::new();
        for pause in [Duration::ZERO, 2 * STALL, Duration::ZERO, Duration::ZERO] {
            tokio::time::sleep(pause).await;
            assert_eq!(is_open(), !bytes.is_empty() && pause.is_zero());
            demand.send(()).await.unwrap();
            bytes.extend(received.recv().await.unwrap().unwrap());
        }
        assert_eq!((&bytes[..], &opened.lock().unwrap()[..]), (&[0, 1, 2, 3][..], &[0..4, 1..4][..]));
        demand.send(()).await.unwrap();
        assert!(received.recv().await.is_none());
        reader.await.unwrap();
    }
}
