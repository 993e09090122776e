//! Errors: the faults of requests whose input cannot be used, and how every error is written as a response (RFC 9457
//! with the members that existing clients read). A fault's message goes to the client, its cause to the log.
//!
//! Code that fails (handler, extractor, router, middleware) puts a [`Fault`] into its response. The middleware then
//! writes the body here, once, with the request's id. The framework's own errors carry no fault; their status decides.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use huemill_actors::fault::{Code, Fault, mebibytes};
use serde::Serialize;

use super::request_id::RequestId;

/// A [`Fault`] as actix-web's error type. Handlers return it.
#[derive(Debug)]
pub(crate) struct Problem(pub Fault);

/// Marks a response with an error status that has a body of its own, such as /ready's 503.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnErrorBody;

impl<T: Into<Fault>> From<T> for Problem {
    fn from(fault: T) -> Self {
        Self(fault.into())
    }
}

impl Problem {
    /// The response that carries this problem.
    pub(crate) fn into_response(self) -> HttpResponse {
        self.error_response()
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        status(self.0.code)
    }

    /// A response without a body that carries the fault; the middleware writes the body.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::new(self.status_code());
        response.extensions_mut().insert(self.0.clone());
        response
    }
}

/// Input that is malformed or out of range. The text is for the client's developer.
pub(crate) fn invalid(detail: impl Into<Cow<'static, str>>) -> Fault {
    Fault::new(Code::InvalidInput).with_detail(detail)
}

/// A field that may be given once.
pub(crate) fn given_twice(name: &str) -> Fault {
    invalid(format!("`{name}` was given more than once."))
}

/// A file or body of more than `limit` bytes. `size` is its declared size, if the client declared one.
pub(crate) fn too_large(limit: u64, size: Option<u64>) -> Fault {
    let cause = match size {
        Some(size) => format!("{size} bytes declared, {limit} allowed"),
        None => format!("more than {limit} bytes received"),
    };
    let maximum = mebibytes(limit);
    Fault::new(Code::PayloadTooLarge)
        .with_message(format!("This is larger than the maximum of {maximum}. Send something smaller."))
        .with_cause(cause)
}

/// A body that ended early or was not valid HTTP. The middleware replaces this if the body was too slow.
pub(crate) fn broken_body(error: PayloadError) -> Fault {
    match error {
        PayloadError::Overflow => Fault::new(Code::PayloadTooLarge).with_cause(error),
        other => invalid("The request's body ended early. Send it again.").with_cause(other),
    }
}

/// A spool that could not be written. A full or missing disk is temporary; everything else is an internal error.
pub(crate) fn spool_failed(error: std::io::Error) -> Fault {
    match error.kind() {
        ErrorKind::StorageFull
        | ErrorKind::QuotaExceeded
        | ErrorKind::NotFound
        | ErrorKind::PermissionDenied
        | ErrorKind::ReadOnlyFilesystem => {
            let mut fault = Fault::new(Code::Overloaded).with_cause(error);
            fault.retry_after = Some(Duration::from_secs(30));
            fault
        }
        _ => Fault::new(Code::InternalError).with_cause(error),
    }
}

/// The status of each code, as the API contract defines it.
pub(crate) fn status(code: Code) -> StatusCode {
    match code {
        Code::NoInput | Code::InvalidInput | Code::InvalidUrl => StatusCode::BAD_REQUEST,
        Code::MissingSignature
        | Code::InvalidTimestamp
        | Code::TimestampOutOfRange
        | Code::NonceReused
        | Code::InvalidSignature
        | Code::Unauthorized => StatusCode::UNAUTHORIZED,
        Code::ExpiredLink | Code::Forbidden => StatusCode::FORBIDDEN,
        Code::JobNotFound | Code::ExpiredJob | Code::KeyNotFound | Code::NotFound => StatusCode::NOT_FOUND,
        Code::IdempotencyViolation
        | Code::IdempotencyInProgress
        | Code::JobNotCancelable
        | Code::JobNotRetryable => StatusCode::CONFLICT,
        Code::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Code::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::UrlTimeout | Code::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        Code::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::ProcessingError | Code::ZipTraversal => StatusCode::UNPROCESSABLE_ENTITY,
        Code::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        Code::UpstreamError => StatusCode::BAD_GATEWAY,
        Code::Overloaded | Code::NotReady => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The fault for one of the framework's errors, which have only a status.
pub(crate) fn of_status(status: StatusCode) -> Fault {
    let code = match status {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => Code::PayloadTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
        StatusCode::TOO_MANY_REQUESTS => Code::RateLimited,
        StatusCode::SERVICE_UNAVAILABLE => Code::Overloaded,
        status if status.is_server_error() => Code::InternalError,
        _ => Code::InvalidInput,
    };
    Fault::new(code)
}

/// How a client can authenticate (RFC 9110, 11.6.1).
fn challenge(code: Code) -> Option<&'static str> {
    match code {
        Code::Unauthorized => Some("Bearer realm=\"huemill\""),
        code if status(code) == StatusCode::UNAUTHORIZED => Some("HMAC-SHA256 realm=\"huemill\""),
        _ => None,
    }
}

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The problem type of a limit that is reached (draft-ietf-httpapi-ratelimit-headers).
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

#[derive(Serialize)]
struct ProblemBody<'a> {
    success: bool,
    error_code: &'static str,
    user_message: &'a str,
    message: &'a str,
    request_id: &'a str,
    timestamp: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    /// Whether a retry may help, if another server decides that.
    #[serde(skip_serializing_if = "Option::is_none")]
    retryable: Option<bool>,
    /// The limit that the caller has reached.
    #[serde(rename = "violated-policies", skip_serializing_if = "Option::is_none")]
    violated_policies: Option<[&'static str; 1]>,
}

/// Writes a fault as the body of `response` and keeps that response's other headers, such as `Allow`.
pub(crate) fn write(response: HttpResponse, fault: &Fault, id: &RequestId, now: Duration) -> HttpResponse {
    let status = status(fault.code);
    let body = ProblemBody {
        success: false,
        error_code: fault.code.as_str(),
        user_message: &fault.message,
        message: &fault.message,
        request_id: id.as_str(),
        timestamp: now.as_secs(),
        kind: if fault.limit.is_some() { QUOTA_EXCEEDED } else { "about:blank" },
        title: if fault.limit.is_some() {
            "Request cannot be satisfied as assigned quota has been exceeded"
        } else {
            status.canonical_reason().unwrap_or("Error")
        },
        status: status.as_u16(),
        detail: fault.detail(),
        retryable: fault.retryable,
        violated_policies: fault.limit.as_ref().map(|limit| [limit.policy]),
    };
    let bytes = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = response.set_body(BoxBody::new(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(challenge) = challenge(fault.code) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(wait) = fault.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    if let Some(limit) = &fault.limit {
        let wait = fault.retry_after.unwrap_or_default();
        for (name, value) in
            [(RATE_LIMIT, limit.limit_field(wait)), (RATE_LIMIT_POLICY, limit.policy_field())]
        {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
    response
}
