//! What becomes of an attempt that gave no result: whose fault it was decides whether the picture fails, waits by itself,
//! or is given back while everything pauses.

use std::time::Duration;

use huemill_store::archive::EntryError;
use huemill_store::blobs::BlobError;
use huemill_store::fetch::FetchError;
use huemill_store::job::ItemError;
use huemill_store::store::Outcome;

use super::{DispatcherSettings, Tools};
use crate::fault::{Code, Fault};
use crate::part::SpanError;
use crate::workers;

/// Why a picture has no result.
pub(super) enum Failure {
    /// It lies in the picture, or nothing but a fault of ours is known.
    Fault(Fault),
    /// Its blob could not be read, or its card not be written.
    Blob {
        /// What was being done, for the log.
        doing: &'static str,
        /// Why it failed.
        error: BlobError,
    },
}

impl SpanError for Failure {
    fn code(&self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.code.as_str(),
            Self::Blob { .. } => "BLOB_ERROR",
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What becomes of an attempt.
pub(super) enum Judgement {
    /// This is written.
    Settle(Outcome, Option<Fault>),
    /// Nothing is written; claims pause.
    GiveBack(Fault),
}

/// How long a picture waits for which there was no memory or no slot in time.
const SNOOZE: Duration = Duration::from_secs(2);

pub(super) async fn judge(tools: &Tools, settings: DispatcherSettings, failure: Failure) -> Judgement {
    let fault = match failure {
        Failure::Blob { doing, error } => {
            // A missing blob says nothing of the others; a full store is full for all.
            let for_all = match &error {
                BlobError::Missing(_) => false,
                BlobError::Full(_) => true,
                _ => !tools.blob_check.is_well().await,
            };
            if for_all {
                let mut fault = Fault::from(error);
                fault.code = Code::Overloaded;
                return Judgement::GiveBack(fault);
            }
            Fault::new(Code::InternalError).because(format!("{doing}: {error}"))
        }
        Failure::Fault(fault) => fault,
    };
    let error =
        ItemError { code: fault.code.as_str().to_owned(), message: fault.message.clone().into_owned() };
    let outcome = match fault.code {
        Code::NotReady => return Judgement::GiveBack(fault),
        Code::Overloaded => Outcome::Later(SNOOZE),
        Code::InternalError => Outcome::Retry(error, settings.backoff),
        _ => Outcome::Failed(error),
    };
    Judgement::Settle(outcome, Some(fault))
}

pub(super) fn of_fetch(error: FetchError) -> Failure {
    Failure::Fault(match error {
        FetchError::Blob(error) => return Failure::Blob { doing: "reading the input", error },
        FetchError::Entry(EntryError::Io(error)) => Fault::new(Code::Overloaded).because(error),
        FetchError::Entry(error) => workers::of_entry(&error),
        FetchError::TooLarge { limit } => workers::too_many_bytes(limit).because(error),
        error => Fault::new(Code::InternalError).because(error),
    })
}
