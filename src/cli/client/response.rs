//! Responses of the service: status, headers and body, the JSON of jobs, and the errors that take a response's place.

use std::fmt;
use std::time::Duration;

use actix_web::http::header::{ETAG, HeaderMap, RETRY_AFTER};
use actix_web::web::Bytes;
use huemill_actors::outbound::SetupError;
use huemill_store::job::JobState;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::form::FormFileError;
use crate::settings::Problems;

/// A response whose body is in memory.
#[derive(Debug)]
pub(in crate::cli) struct ApiResponse {
    pub(in crate::cli) status: u16,
    pub(in crate::cli) etag: Option<String>,
    pub(in crate::cli) retry_after: Option<Duration>,
    pub(in crate::cli) body: Bytes,
}

/// Why a request has no usable response.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum ClientError {
    #[error(
        "{0}: the server must be a URL such as http://127.0.0.1:8080 or https://huemill.example, without user name and query"
    )]
    Address(String),
    #[error("{0}")]
    Tls(#[from] SetupError),
    #[error("the settings, which say where the service listens, are not valid")]
    Settings(#[from] Problems),
    #[error("cannot sign requests: {0}")]
    SigningKey(String),
    /// Nothing was sent.
    #[error(
        "{server} cannot be reached: {reason}. Check that the service is running (`huemill serve` starts it), or name \
         another one with --server"
    )]
    NotConnected { server: String, reason: String },
    /// Nothing was sent, and trying again would not help.
    #[error("{server}: {reason}")]
    Handshake { server: String, reason: String },
    /// The request may have arrived.
    #[error("{server} cannot be reached: {reason}")]
    Unreachable { server: String, reason: String },
    #[error("{0}")]
    Refused(ApiError),
    #[error("the service's response is not valid: {0}")]
    InvalidResponse(String),
    #[error("{0}")]
    File(FormFileError),
}

/// An error response of the service: the members of its problem document that are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cli) struct ApiError {
    #[serde(skip)]
    status: u16,
    error_code: String,
    user_message: String,
    /// What is wrong with the request, which those in front of a page cannot see.
    detail: String,
    request_id: String,
    /// What the user of a command can do about it.
    #[serde(skip)]
    advice: &'static str,
}

/// What helps where a key or a token is missing, wrong or allows too little.
const PASS_KEY: &str = "; pass a key of this service with --api-key or HUEMILL_API_KEY";
const PASS_TOKEN: &str = "; pass the operator token with --token, or a key that has the scope operator with --api-key or \
                          HUEMILL_API_KEY";

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, error_code, user_message, detail, request_id, advice } = self;
        if error_code.is_empty() {
            return write!(f, "the service responded with status {status}");
        }
        let message = if detail.is_empty() { user_message } else { detail };
        write!(f, "{message} ({error_code}, request {request_id}){advice}")
    }
}

/// Reads a job's id. It becomes a part of paths, of URLs and of folders alike, so a server may not choose what is in it.
fn job_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = String::deserialize(deserializer)?;
    let is_plain =
        |digits: &str| digits.len() <= 100 && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if id.strip_prefix("job_").is_some_and(is_plain) {
        Ok(id)
    } else {
        Err(D::Error::custom("job_id is no id of a job"))
    }
}

/// A job, as its status or a row of the list shows it.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct JobView {
    #[serde(rename = "job_id", deserialize_with = "job_id")]
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
    progress: u64,
    pub(in crate::cli) eta_s: Option<u64>,
    pub(in crate::cli) results_count: Option<u64>,
    pub(in crate::cli) failed_count: Option<u64>,
    #[serde(default)]
    pub(in crate::cli) results: Vec<PictureView>,
    #[serde(default)]
    pub(in crate::cli) failed: Vec<FailedPictureView>,
    pub(in crate::cli) download_url: Option<String>,
    pub(in crate::cli) user_message: Option<String>,
}

/// A picture that was processed.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct PictureView {
    pub(in crate::cli) filename: String,
    #[serde(default)]
    pub(in crate::cli) colors: Vec<ColorView>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct ColorView {
    pub(in crate::cli) hex: String,
}

/// A picture that failed.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::cli) struct FailedPictureView {
    pub(in crate::cli) filename: String,
    pub(in crate::cli) error_code: String,
    pub(in crate::cli) user_message: String,
}

impl ApiResponse {
    pub(super) fn new(status: u16, headers: &HeaderMap, body: Bytes) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status,
            etag: text(ETAG).map(str::to_owned),
            retry_after: text(RETRY_AFTER).and_then(|text| text.parse().ok()).map(Duration::from_secs),
            body,
        }
    }

    /// Whether the same request may get another response soon.
    pub(super) fn is_temporary(&self) -> bool {
        match self.status {
            429 | 502..=504 => true,
            409 => self.error().error_code == "IDEMPOTENCY_IN_PROGRESS",
            _ => false,
        }
    }

    /// Turns an error status into an error, for a request as the operator or another.
    pub(super) fn error_for_status(self, is_operators: bool) -> Result<Self, ClientError> {
        if matches!(self.status, 200..=299 | 304) {
            return Ok(self);
        }
        let error = self.error();
        let advice = match error.error_code.as_str() {
            "UNAUTHORIZED" | "FORBIDDEN" if is_operators => PASS_TOKEN,
            "UNAUTHORIZED" | "FORBIDDEN" => PASS_KEY,
            _ => "",
        };
        Err(ClientError::Refused(ApiError { advice, ..error }))
    }

    pub(super) fn error(&self) -> ApiError {
        ApiError { status: self.status, ..serde_json::from_slice(&self.body).unwrap_or_default() }
    }

    /// The body as text, without trailing whitespace.
    pub(in crate::cli) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim_end().to_owned()
    }

    /// Parses the body as JSON.
    pub(in crate::cli) fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body).map_err(|error| ClientError::InvalidResponse(error.to_string()))
    }
}

/// Parses a row of a list.
pub(in crate::cli) fn parse_row<T: DeserializeOwned>(row: &RawValue) -> Result<T, ClientError> {
    serde_json::from_str(row.get()).map_err(|error| ClientError::InvalidResponse(error.to_string()))
}

impl JobView {
    /// How much of the job is done, in percent.
    pub(in crate::cli) fn percent(&self) -> u64 {
        self.progress.min(100)
    }

    /// Whether the job has reached its final state.
    pub(in crate::cli) fn has_ended(&self) -> bool {
        JobState::parse(&self.status).is_some_and(JobState::has_ended)
    }

    /// Whether the job completed and none of its pictures failed.
    pub(in crate::cli) fn is_fully_successful(&self) -> bool {
        self.status == JobState::Completed.as_str() && self.failed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &'static str) -> ApiResponse {
        ApiResponse { status, etag: None, retry_after: None, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn temporary_responses_are_recognized() {
        for status in [429, 502, 503, 504] {
            assert!(response(status, "").is_temporary(), "{status}");
        }
        for status in [200, 202, 400, 401, 404, 413, 422, 500] {
            assert!(!response(status, "").is_temporary(), "{status}");
        }
        assert!(response(409, r#"{"error_code": "IDEMPOTENCY_IN_PROGRESS"}"#).is_temporary());
        assert!(!response(409, r#"{"error_code": "IDEMPOTENCY_VIOLATION"}"#).is_temporary());
    }

    #[test]
    fn an_error_response_is_shown_with_the_message_of_the_service() {
        let body =
            r#"{"error_code": "JOB_NOT_FOUND", "user_message": "No such job.", "request_id": "c298c805"}"#;
        let message = response(404, body).error_for_status(false).unwrap_err().to_string();
        assert_eq!(message, "No such job. (JOB_NOT_FOUND, request c298c805)");
        let message = response(418, "<html>").error_for_status(false).unwrap_err().to_string();
        assert_eq!(message, "the service responded with status 418");
    }

    #[test]
    fn a_job_is_fully_successful_if_no_picture_failed() {
        let job = |text: &str| serde_json::from_str::<JobView>(text).unwrap();
        assert!(job(r#"{"job_id": "job_1", "status": "completed", "failed": []}"#).is_fully_successful());
        let failed = r#"[{"filename": "a", "error_code": "X", "user_message": "m"}]"#;
        assert!(
            !job(&format!(r#"{{"job_id": "job_1", "status": "completed", "failed": {failed}}}"#))
                .is_fully_successful()
        );
        assert!(!job(r#"{"job_id": "job_1", "status": "canceled", "failed": []}"#).is_fully_successful());
        assert!(!job(r#"{"job_id": "job_1", "status": "processing"}"#).has_ended());
        assert!(job(r#"{"job_id": "job_1", "status": "expired"}"#).has_ended());
    }

    #[test]
    fn a_server_does_not_choose_what_is_in_a_path() {
        let job = |id: &str| {
            let body = serde_json::json!({"job_id": id, "status": "queued"});
            serde_json::from_value::<JobView>(body).map(|job| job.id).ok()
        };
        let id = "job_01a20f00ff969f3cf1f7b0601e6a9348525b6ba2ace3";
        assert_eq!(job(id), Some(id.to_owned()));
        for hostile in ["/root/.ssh", "../../up", "job_../x", "job_\u{1b}[31m", "job_a/b", "", "job"] {
            assert_eq!(job(hostile), None, "{hostile}");
        }
    }
}
