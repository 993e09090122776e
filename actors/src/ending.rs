//! A job's end, told once by whoever brought it about: the Dispatcher with the last picture, HTTP with a cancel.

use huemill_observability::{Event, log};
use huemill_store::job::JobState;
use huemill_store::store::Ended;

use crate::fault::Code;
use crate::metrics::Recorder;

/// Counts and logs a job's end; `code` is that of its last picture, where that failed.
pub fn tell(recorder: &Recorder, ended: &Ended, code: Option<Code>) {
    let Ended { job, processing } = ended;
    let failed = job.state == JobState::Failed;
    let error_code = failed.then(|| code.unwrap_or(Code::ProcessingError).as_str());
    let status = job.state.as_str();
    recorder.record(Event::JobEnded { status, processing: *processing, error_code });
    log!(
        JOB_COMPLETED,
        request_id = job.request_id.as_str(),
        job_id = job.id.as_str(),
        status,
        results = job.succeeded,
        failed = job.failed,
        duration_ms = processing.as_millis() as u64
    );
}
