//! The time limits of database calls. Every call has one, so no caller waits forever.

use std::time::Duration;

use sqlx::Error;

use super::fault::store_error;
use crate::store::StoreError;

/// How long a call waits for a connection from the pool.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);

/// How long a caller waits for the whole call.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// The result of a database call, or an error once the call takes too long.
pub(super) async fn within_limit<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
    limited(async { call.await.map_err(|error| store_error(&error)) }).await
}

/// The same for a call whose errors are translated already. A write that times out may still be committed.
pub(super) async fn limited<T>(call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let result = tokio::time::timeout(CALL_TIMEOUT, call).await;
    result.unwrap_or_else(|_| Err(StoreError::Away("the database did not answer in time".into())))
}
