//! Classifies attempts that gave no result: depending on the cause, the picture fails, is retried later, or is
//! given back while all claims pause.

use std::sync::Arc;
use std::time::Duration;

use huemill_store::archive::EntryError;
use huemill_store::blobs::BlobError;
use huemill_store::fetch::FetchError;
use huemill_store::job::ItemError;
use huemill_store::store::{Backoff, ItemOutcome};
use tokio::sync::Mutex;

use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::repository::Repository;
use crate::telemetry::SpanError;
use crate::workers;

/// Why a picture has no result.
pub(super) enum ItemFailure {
    /// A fault of the picture, or an internal error.
    Fault(Fault),
    /// Its blob could not be read, or its card could not be written.
    Blob {
        /// What was being done, for the log.
        doing: &'static str,
        /// Why it failed.
        error: BlobError,
    },
}

impl SpanError for ItemFailure {
    fn code(&self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.code.as_str(),
            Self::Blob { .. } => "BLOB_ERROR",
        }
    }
}

impl From<Fault> for ItemFailure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<FetchError> for ItemFailure {
    fn from(error: FetchError) -> Self {
        Self::Fault(match error {
            FetchError::Blob(error) => return Self::Blob { doing: "reading the input", error },
            FetchError::Entry(EntryError::Io(error)) => Fault::new(Code::Overloaded).with_cause(error),
            FetchError::Entry(error) => workers::entry_fault(&error),
            FetchError::TooLarge { limit } => workers::input_too_large(limit).with_cause(error),
            error => Fault::new(Code::InternalError).with_cause(error),
        })
    }
}

/// What to do with an attempt.
pub(super) enum ItemAction {
    /// Write this outcome; the fault is for the log.
    Settle(ItemOutcome, Option<Fault>),
    /// Give the picture back and pause claims.
    GiveBack(Fault),
}

/// How long a picture waits that got no memory or no slot in time.
const SNOOZE: Duration = Duration::from_secs(2);

/// Decides what to do with a picture that has no result.
pub(super) async fn classify(failure: ItemFailure, blob_check: &BlobCheck, backoff: Backoff) -> ItemAction {
    let fault = match failure {
        ItemFailure::Blob { doing, error } => {
            // A missing blob says nothing about others; a full store is full for all.
            let affects_all = match &error {
                BlobError::Missing(_) => false,
                BlobError::Full(_) => true,
                _ => !blob_check.is_available().await,
            };
            if affects_all {
                let mut fault = Fault::from(error);
                fault.code = Code::Overloaded;
                return ItemAction::GiveBack(fault);
            }
            Fault::new(Code::InternalError).with_cause(format!("{doing}: {error}"))
        }
        ItemFailure::Fault(fault) => fault,
    };
    let error =
        ItemError { code: fault.code.as_str().to_owned(), message: fault.message.clone().into_owned() };
    let outcome = match fault.code {
        Code::NotReady => return ItemAction::GiveBack(fault),
        Code::Overloaded => ItemOutcome::Later(SNOOZE),
        Code::InternalError => ItemOutcome::Retry(error, backoff),
        _ => ItemOutcome::Failed(error),
    };
    ItemAction::Settle(outcome, Some(fault))
}

/// How long a check of the blob store is valid.
const CHECK_VALID: Duration = Duration::from_secs(1);

/// Tells whether the whole blob store is unavailable or just one blob. Attempts that check at the same time share one
/// answer. Clones share it.
#[derive(Clone)]
pub struct BlobCheck {
    repository: Repository,
    last: Arc<Mutex<Option<(Instant, bool)>>>,
}

impl BlobCheck {
    /// A check of this repository's blobs.
    #[must_use]
    pub fn new(repository: Repository) -> Self {
        Self { repository, last: Arc::default() }
    }

    /// Whether a blob can be written, read and removed, now or a moment ago.
    pub(super) async fn is_available(&self) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, available)) = *last
            && at.elapsed() < CHECK_VALID
        {
            return available;
        }
        let blobs = self.repository.blobs.clone();
        let probed = self.repository.on_io(async move { blobs.probe().await.map_err(Fault::from) }).await;
        *last = Some((Instant::now(), probed.is_ok()));
        probed.is_ok()
    }
}
