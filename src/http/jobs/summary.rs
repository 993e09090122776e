//! Writes the JSON summary of a job: its row, without its pictures. Nothing in it depends on the time, so two polls of one
//! version get the same bytes.

use huemill_store::job::{Job, JobState};
use serde::Serialize;

use super::links::{LinkedThing, Links};

/// The members of a job: those that every job has, and those of its state.
#[derive(Debug, Serialize)]
pub(super) struct JobSummary<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<&'a str>,
    status: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    request_id: &'a str,
    created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<i64>,
    expires_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eta_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    results_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download_expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events_url: Option<String>,
}

impl<'a> JobSummary<'a> {
    /// The summary of a job. It has a link to the job's events if `with_events_url`.
    pub(super) fn new(job: &'a Job, links: &Links, with_events_url: bool) -> Self {
        let is_live = !job.state.has_ended();
        let has_counts = !is_live && job.state != JobState::Expired;
        let has_results = matches!(job.state, JobState::Completed | JobState::Canceled);
        let link = |thing| links.url(&job.base_url, &job.id, thing, job.expires_at);
        Self {
            job_id: Some(job.id.as_str()),
            status: job.state.as_str(),
            kind: job.kind.as_str(),
            request_id: &job.request_id,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            expires_at: job.expires_at,
            progress: is_live.then(|| job.progress()),
            eta_s: is_live.then_some(job.eta_s),
            // What is settled so far is not here: it changes more often than the version does.
            total: is_live.then_some(job.total),
            results_count: has_counts.then_some(job.succeeded),
            failed_count: has_counts.then_some(job.failed),
            download_url: has_results.then(|| link(LinkedThing::Results)),
            download_expires_at: has_results.then_some(job.expires_at),
            events_url: with_events_url.then(|| link(LinkedThing::Events)),
        }
    }

    /// The summary without the job's id and without links, for whoever may see the job's progress and nothing else.
    pub(super) fn without_identity(self) -> Self {
        Self { job_id: None, download_url: None, download_expires_at: None, events_url: None, ..self }
    }

    /// The summary as JSON.
    pub(super) fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_else(|_| b"{}".to_vec())
    }
}

#[cfg(test)]
pub(super) use tests::job as sample_job;

#[cfg(test)]
mod tests {
    use huemill_store::job::{JobId, JobKind, Priority};
    use serde_json::json;

    use super::*;

    /// A job of four pictures in this state.
    pub(in crate::http::jobs) fn job(state: JobState) -> Job {
        Job {
            caller: huemill_store::Caller::Service,
            id: JobId::parse("job_018c0000000000112233445566778899aabbccddeeff").unwrap(),
            kind: JobKind::Zip,
            state,
            priority: Priority::Normal,
            options: "{}".into(),
            request_id: "c298c805".into(),
            traceparent: None,
            base_url: "https://huemill.example".into(),
            callback_url: None,
            created_at: 1_700_000_000,
            started_at: (state != JobState::Queued).then_some(1_700_000_001),
            finished_at: state.has_ended().then_some(1_700_000_009),
            expires_at: 1_700_086_400,
            version: 5,
            eta_s: 7,
            total: 4,
            succeeded: 2,
            failed: 1,
            fetched: false,
        }
    }

    fn summary(state: JobState) -> serde_json::Value {
        let (job, links) = (job(state), Links::new("k".into()));
        serde_json::from_slice(&JobSummary::new(&job, &links, false).json()).unwrap()
    }

    #[test]
    fn a_live_job_has_progress_and_the_number_of_its_pictures() {
        assert_eq!(
            summary(JobState::Processing),
            json!({
                "job_id": "job_018c0000000000112233445566778899aabbccddeeff", "status": "processing",
                "type": "zip_batch", "request_id": "c298c805", "created_at": 1_700_000_000,
                "started_at": 1_700_000_001, "expires_at": 1_700_086_400, "progress": 75, "eta_s": 7,
                "total": 4,
            })
        );
        let queued = summary(JobState::Queued);
        assert!(queued.get("started_at").is_none() && queued["status"] == "queued", "{queued}");
    }

    #[test]
    fn an_ended_job_has_counts_and_a_download_url() {
        let completed = summary(JobState::Completed);
        assert_eq!((&completed["results_count"], &completed["failed_count"]), (&json!(2), &json!(1)));
        assert_eq!(completed["download_expires_at"], completed["expires_at"]);
        let url = completed["download_url"].as_str().unwrap();
        assert!(url.starts_with("https://huemill.example/links/") && url.ends_with("/results.zip"), "{url}");
        assert!(completed.get("progress").is_none() && completed.get("eta_s").is_none(), "{completed}");
        assert!(summary(JobState::Failed).get("download_url").is_none());
        assert!(summary(JobState::Canceled)["download_url"].is_string());
        assert!(summary(JobState::Expired).get("results_count").is_none());
    }

    #[test]
    fn the_bytes_are_always_the_same() {
        let (job, links) = (job(JobState::Completed), Links::new("k".into()));
        let json = || JobSummary::new(&job, &links, true).json();
        assert_eq!(json(), json());
    }

    #[test]
    fn the_events_url_is_a_link_and_present_only_if_asked_for() {
        let (job, links) = (job(JobState::Queued), Links::new("k".into()));
        let summary = |with| -> serde_json::Value {
            serde_json::from_slice(&JobSummary::new(&job, &links, with).json()).unwrap()
        };
        assert!(summary(false).get("events_url").is_none());
        let url = links.url("https://huemill.example", &job.id, LinkedThing::Events, job.expires_at);
        assert_eq!(summary(true)["events_url"], json!(url));
    }

    #[test]
    fn a_summary_without_identity_has_neither_id_nor_links() {
        let (job, links) = (job(JobState::Completed), Links::new("k".into()));
        let json = String::from_utf8(JobSummary::new(&job, &links, true).without_identity().json()).unwrap();
        assert!(json.contains("\"status\":\"completed\",\"type\""), "{json}");
        assert!(!json.contains(job.id.as_str()) && !json.contains("/links/"), "{json}");
    }
}
