//! Whether the blob store is away for all or fails one blob alone: asked when a picture's blob cannot be read or its card
//! not be written. Many pictures may ask at once; they share one answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::clock::Instant;
use crate::fault::Fault;
use crate::repository::Repository;

/// How long an answer is good.
const FRESH: Duration = Duration::from_secs(1);

/// See the module. Clones share.
#[derive(Clone)]
pub struct BlobCheck {
    repository: Repository,
    last: Arc<Mutex<Option<(Instant, bool)>>>,
}

impl BlobCheck {
    /// Of these blobs.
    #[must_use]
    pub fn new(repository: Repository) -> Self {
        Self { repository, last: Arc::default() }
    }

    /// Whether a blob can be written, read and removed now, or a moment ago.
    pub(super) async fn is_well(&self) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, well)) = *last
            && at.elapsed() < FRESH
        {
            return well;
        }
        let blobs = self.repository.blobs.clone();
        let probed = self.repository.on_io(async move { blobs.probe().await.map_err(Fault::from) }).await;
        *last = Some((Instant::now(), probed.is_ok()));
        probed.is_ok()
    }
}
