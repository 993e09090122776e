//! Whether results of a completed job were fetched: each job counts once, whoever fetches, and from whatever process.
//! The store has a mark for that, which is written the first time and no more.

use huemill_observability::Event;
use huemill_store::job::{Job, JobState};

use crate::http::doors::Doors;

/// Cards of this job are on their way to somebody. Nobody waits for the mark: where it cannot be written, the next one
/// to fetch writes it.
pub(super) fn note(job: &Job, doors: &Doors) {
    if job.fetched || job.state != JobState::Completed {
        return;
    }
    let (store, recorder, id) = (doors.repository.store.clone(), doors.recorder.clone(), job.id.clone());
    actix_web::rt::spawn(async move {
        if matches!(store.fetched(&id).await, Ok(true)) {
            recorder.record(Event::JobFetched);
        }
    });
}
