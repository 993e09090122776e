//! Finds the job that a request's path names. Unknown and expired jobs are 404.

use huemill_actors::fault::{Code, Fault};
use huemill_store::job::{Job, JobId, JobState};

use crate::http::state::Jobs;

/// Parses the id in a path.
pub(super) fn parse_id(text: &str) -> Result<JobId, Fault> {
    JobId::parse(text).ok_or_else(|| Code::JobNotFound.into())
}

/// Rejects an expired job. Only the sweep expires jobs, because it does not trust a clock that has jumped.
pub(super) fn check_not_expired(state: JobState) -> Result<(), Fault> {
    if state == JobState::Expired { Err(Code::ExpiredJob.into()) } else { Ok(()) }
}

/// Reads the job that a path names from the store.
pub(super) async fn find(jobs: &Jobs, id: &str) -> Result<Job, Fault> {
    let job = jobs.repository.store.job(&parse_id(id)?).await?;
    let job = job.ok_or_else(|| Fault::new(Code::JobNotFound))?;
    check_not_expired(job.state)?;
    Ok(job)
}
