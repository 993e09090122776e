//! What the service remembers: the store, the blobs, and the poll path's snapshots, as one thing to hand around.
//!
//! Every call of the store runs on the io runtime, so that a caller who goes away cancels nothing halfway, and is
//! timed there. What store and blobs report becomes a [`Fault`] here and nowhere else.

mod measured;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{Stream, StreamExt, poll_fn};
use huemill_observability::trace::Scope;
use huemill_store::blobs::{BlobError, Blobs};
use huemill_store::store::{Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::fault::{Code, Fault};
use crate::metrics::Recorder;
use crate::snapshots::Snapshots;
use measured::Measured;

pub use measured::OPERATIONS;

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Repository {
    /// What must survive.
    pub store: Arc<dyn Store>,
    /// What is too large for a row.
    pub blobs: Blobs,
    /// What pollers were told last.
    pub snapshots: Snapshots,
    io: Handle,
}

impl Repository {
    /// Puts `store` behind the io runtime and the stopwatch. `snapshots` must be its listener.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        blobs: Blobs,
        snapshots: Snapshots,
        io: Handle,
        recorder: Recorder,
    ) -> Self {
        let store = Arc::new(Measured::new(store, io.clone(), recorder));
        Self { store, blobs, snapshots, io }
    }

    /// Runs work with blobs on the io runtime, to its end even if the caller goes away.
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

/// Pieces of a stream that are read ahead.
const AHEAD: usize = 2;

impl Repository {
    /// Reads a stream of blobs on the io runtime, where the connections that it holds belong, a few pieces ahead of
    /// whoever takes them. Ends when that one goes away.
    pub fn stream<S>(&self, stream: S) -> impl Stream<Item = S::Item> + use<S>
    where
        S: Stream<Item: Send> + Send + 'static,
    {
        let (pieces, mut taken) = mpsc::channel(AHEAD);
        self.io.spawn(Scope::here().run(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(piece) = stream.next().await {
                if pieces.send(piece).await.is_err() {
                    break;
                }
            }
        }));
        poll_fn(move |cx| taken.poll_recv(cx))
    }
}

/// How long a client should wait before it asks a store again that is away.
const AWAY: Duration = Duration::from_secs(5);

fn away(cause: impl std::fmt::Display) -> Fault {
    let mut fault = Fault::new(Code::Overloaded).with_cause(cause);
    fault.retry_after = Some(AWAY);
    fault
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Away(_) => away(error),
            StoreError::Newer(_) | StoreError::Broken(_) => Self::new(Code::InternalError).with_cause(error),
        }
    }
}

impl From<BlobError> for Fault {
    fn from(error: BlobError) -> Self {
        match error {
            // A refused blob is for an operator to give free again; its client may ask again then.
            BlobError::Full(_) | BlobError::Away(_) | BlobError::Refused(_) => away(error),
            BlobError::Missing(_) | BlobError::Address(_) | BlobError::Source(_) => {
                Self::new(Code::InternalError).with_cause(error)
            }
        }
    }
}
