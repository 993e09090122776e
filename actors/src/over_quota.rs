//! The error for a caller whose jobs have used up a quota of the store. The store finds that when a job is created;
//! submission and the HTTP edge turn it into this. It cannot fail.

use std::time::Duration;

use huemill_store::store::Quota;

use crate::fault::{Code, Fault};
use crate::reached_limit::{ReachedLimit, Unit};

/// When a caller whose quota is used up may try again: when a job of average size has ended.
const QUOTA_RETRY: Duration = Duration::from_secs(30);

/// The error for a caller who has used up a quota.
#[must_use]
pub fn over_quota(which: Quota, limit: u64, used: u64) -> Fault {
    let (policy, unit, message) = match which {
        Quota::OpenJobs => (
            "open_jobs",
            Unit::Jobs,
            format!(
                "You have {used} jobs that have not ended, and {limit} are allowed (limit `open_jobs`). Wait until some \
                 have ended."
            ),
        ),
        Quota::OpenItems => (
            "open_pictures",
            Unit::Pictures,
            format!(
                "Your jobs that have not ended have {used} pictures, and {limit} are allowed with those of this job \
                 (limit `open_pictures`). Wait until some have ended."
            ),
        ),
        Quota::StoredBytes => (
            "stored_bytes",
            Unit::Bytes,
            format!(
                "Your jobs take {used} bytes, and {limit} are allowed with those of this job (limit `stored_bytes`). Delete \
                 jobs whose results you have, or wait until they expire."
            ),
        ),
    };
    let reached = ReachedLimit::quota(policy, limit, unit).with_used(used);
    let mut fault = Fault::new(Code::RateLimited).with_message(message).with_limit(reached);
    fault.retry_after = Some(QUOTA_RETRY);
    fault
}
