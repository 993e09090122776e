//! What the service says: an answer read whole, a job, a refusal.

use std::fmt;
use std::time::Duration;

use actix_web::http::header::{ETAG, HeaderMap, RETRY_AFTER};
use actix_web::web::Bytes;
use huemill_store::job::JobState;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ClientError;

/// An answer and what is read of its head.
#[derive(Debug)]
pub(in crate::cli) struct Answer {
    pub(in crate::cli) status: u16,
    pub(in crate::cli) etag: Option<String>,
    pub(in crate::cli) retry_after: Option<Duration>,
    pub(in crate::cli) body: Bytes,
}

/// The members of a problem document that are told on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct Refusal {
    #[serde(skip)]
    status: u16,
    error_code: String,
    user_message: String,
    request_id: String,
}

/// A job as its status, or a line of the list, tells it.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Job {
    #[serde(rename = "job_id")]
    pub(in crate::cli) id: String,
    pub(in crate::cli) status: String,
    #[serde(rename = "type", default)]
    pub(in crate::cli) kind: String,
    #[serde(default)]
    pub(in crate::cli) created_at: i64,
    #[serde(default)]
    pub(in crate::cli) expires_at: i64,
    #[serde(default)]
    pub(in crate::cli) request_id: String,
    #[serde(default)]
    pub(in crate::cli) progress: u64,
    pub(in crate::cli) eta_s: Option<u64>,
    pub(in crate::cli) results_count: Option<u64>,
    pub(in crate::cli) failed_count: Option<u64>,
    #[serde(default)]
    pub(in crate::cli) results: Vec<Picture>,
    #[serde(default)]
    pub(in crate::cli) failed: Vec<Failed>,
    pub(in crate::cli) download_url: Option<String>,
    pub(in crate::cli) user_message: Option<String>,
}

/// A picture with a result.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Picture {
    pub(in crate::cli) filename: String,
    #[serde(default)]
    pub(in crate::cli) colors: Vec<Colour>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Colour {
    pub(in crate::cli) hex: String,
}

/// A picture without one.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct Failed {
    pub(in crate::cli) filename: String,
    pub(in crate::cli) error_code: String,
    pub(in crate::cli) user_message: String,
}

impl Answer {
    pub(super) fn new(status: u16, headers: &HeaderMap, body: Bytes) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status,
            etag: text(ETAG).map(str::to_owned),
            retry_after: text(RETRY_AFTER).and_then(|text| text.parse().ok()).map(Duration::from_secs),
            body,
        }
    }

    /// Whether the same request may be answered otherwise soon.
    pub(super) fn passes(&self) -> bool {
        match self.status {
            429 | 502..=504 => true,
            409 => self.refusal().error_code == "IDEMPOTENCY_IN_PROGRESS",
            _ => false,
        }
    }

    /// Itself, unless it is a refusal.
    pub(in crate::cli) fn accepted(self) -> Result<Self, ClientError> {
        match self.status {
            200..=299 | 304 => Ok(self),
            _ => Err(ClientError::Refused(self.refusal())),
        }
    }

    fn refusal(&self) -> Refusal {
        Refusal { status: self.status, ..serde_json::from_slice(&self.body).unwrap_or_default() }
    }

    /// The body's JSON.
    pub(in crate::cli) fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| ClientError::Strange(error.to_string()))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, error_code, user_message, request_id } = self;
        if error_code.is_empty() {
            return write!(f, "the service answered {status}");
        }
        write!(f, "{user_message} ({error_code}, request {request_id})")
    }
}

impl Job {
    /// Whether nothing about it will change, its expiry aside.
    pub(in crate::cli) fn has_ended(&self) -> bool {
        JobState::parse(&self.status).is_some_and(JobState::has_ended)
    }

    /// Whether all of its pictures gave a result.
    pub(in crate::cli) fn is_whole(&self) -> bool {
        self.status == JobState::Completed.as_str() && self.failed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Answer {
        Answer { status, etag: None, retry_after: None, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn what_passes_is_told_from_what_stays() {
        for status in [429, 502, 503, 504] {
            assert!(answer(status, "").passes(), "{status}");
        }
        for status in [200, 202, 400, 401, 404, 413, 422, 500] {
            assert!(!answer(status, "").passes(), "{status}");
        }
        assert!(answer(409, r#"{"error_code": "IDEMPOTENCY_IN_PROGRESS"}"#).passes());
        assert!(!answer(409, r#"{"error_code": "IDEMPOTENCY_VIOLATION"}"#).passes());
    }

    #[test]
    fn a_refusal_is_told_in_the_services_words() {
        let body =
            r#"{"error_code": "JOB_NOT_FOUND", "user_message": "No such job.", "request_id": "c298c805"}"#;
        let told = answer(404, body).accepted().unwrap_err().to_string();
        assert_eq!(told, "No such job. (JOB_NOT_FOUND, request c298c805)");
        let told = answer(418, "<html>").accepted().unwrap_err().to_string();
        assert_eq!(told, "the service answered 418");
    }

    #[test]
    fn a_job_is_whole_if_no_picture_failed() {
        let job = |text: &str| serde_json::from_str::<Job>(text).unwrap();
        assert!(job(r#"{"job_id": "j", "status": "completed", "failed": []}"#).is_whole());
        let failed = r#"[{"filename": "a", "error_code": "X", "user_message": "m"}]"#;
        assert!(!job(&format!(r#"{{"job_id": "j", "status": "completed", "failed": {failed}}}"#)).is_whole());
        assert!(!job(r#"{"job_id": "j", "status": "canceled", "failed": []}"#).is_whole());
        assert!(!job(r#"{"job_id": "j", "status": "processing"}"#).has_ended());
        assert!(job(r#"{"job_id": "j", "status": "expired"}"#).has_ended());
    }
}
