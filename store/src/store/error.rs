//! The error of every store operation. A leaf module, so that the store's contract and the outbox can share it.

/// Why a store operation failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database is unreachable or busy, or its disk is full. The operation may succeed later.
    #[error("the store is unavailable: {0}")]
    Away(String),
    /// The database schema is newer than this program.
    #[error("the store was written by a newer version: {0}")]
    Newer(String),
    /// A bug in this program, or corrupt data.
    #[error("the store failed: {0}")]
    Broken(String),
}
