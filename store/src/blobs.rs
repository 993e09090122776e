//! Blobs: what is too large for a row. Inputs and cards of jobs, in a folder or in an S3-compatible bucket.
//!
//! A blob is written before the row that names it and removed after it, so that a crash leaves an orphan and
//! never a row without its blob. What is written is durable when the call returns. Keys are
//! `jobs/{id}/in/{n}` and `jobs/{id}/out/{n}.{extension}`; the same picture of a job always has the same key and, since results
//! are deterministic, the same bytes.

mod key;

pub use key::{card_key, input_key};

use std::io;

/// Why a blob was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such blob.
    #[error("there is no blob {0}")]
    Missing(String),
    /// No room is left.
    #[error("the blob store is full: {0}")]
    Full(String),
    /// It cannot be reached, or not now: a matter of time.
    #[error("the blob store is away: {0}")]
    Away(String),
    /// The address of the blob store cannot be used.
    #[error("the blob store cannot be opened: {0}")]
    Address(String),
    /// The bytes to be written could not be read.
    #[error("the bytes to be stored could not be read: {0}")]
    Source(#[from] io::Error),
}
