//! Reports the end of a job once, by the code that ended it: the Dispatcher with the last picture, or HTTP with a
//! cancel.

use actix::Addr;
use huemill_observability::{Event, log};
use huemill_store::job::JobState;
use huemill_store::store::EndedJob;

use crate::delivery::{self, Delivery};
use crate::fault::Code;
use crate::janitor::{self, Janitor};
use crate::recorder::Recorder;

/// Counts and logs a job's end and wakes the actors that follow up on it. Cheap to clone.
#[derive(Clone)]
pub struct JobEndNotifier {
    /// Counts ended jobs.
    pub recorder: Recorder,
    /// Removes the job's inputs.
    pub janitor: Addr<Janitor>,
    /// Sends the job's webhook.
    pub delivery: Addr<Delivery>,
}

impl JobEndNotifier {
    /// Wakes Janitor and Delivery when a job may have ended without a report.
    pub fn look_for_work(&self) {
        self.janitor.do_send(janitor::SweepSoon);
        self.delivery.do_send(delivery::DeliveryDue);
    }

    /// Counts and logs a job's end and wakes Janitor and Delivery. `code` is that of its last picture, if that
    /// failed. An actor that misses the wake-up finds the work in the store.
    pub fn tell(&self, ended: &EndedJob, code: Option<Code>) {
        let EndedJob { job, processing } = ended;
        let failed = job.state == JobState::Failed;
        let error_code = failed.then(|| code.unwrap_or(Code::ProcessingError).as_str());
        let status = job.state.as_str();
        self.recorder.record(Event::JobEnded { status, processing: *processing, error_code });
        log!(
            JOB_COMPLETED,
            request_id = job.request_id.as_str(),
            job_id = job.id.as_str(),
            status,
            results = job.succeeded,
            failed = job.failed,
            duration_ms = processing.as_millis() as u64
        );
        self.janitor.do_send(janitor::SweepSoon);
        if job.callback_url.is_some() {
            self.delivery.do_send(delivery::DeliveryDue);
        }
    }
}
