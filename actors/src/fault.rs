//! The one table of error codes and what a user is told. Requests, items and webhooks all store these codes;
//! the edge adds status and shape. Nothing internal ever goes into a message: that is what `cause` is for, and
//! it goes to the log alone.

use std::borrow::Cow;
use std::time::Duration;

/// Why something was refused or failed, in the vocabulary of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Nothing was sent.
    NoInput,
    /// Malformed JSON, wrong type, value out of range, bad base64.
    InvalidInput,
    /// Not http(s), malformed, unresolvable, or an address that is not public.
    InvalidUrl,
    /// A signed request without what it must bear.
    MissingSignature,
    /// A signed request whose time is no time.
    InvalidTimestamp,
    /// A signed request of another time.
    TimestampOutOfRange,
    /// A signed request that was sent before.
    NonceReused,
    /// A signed request whose signature is wrong.
    InvalidSignature,
    /// An operator's route without the operator's token.
    Unauthorized,
    /// A link whose signature is wrong or past its time.
    ExpiredLink,
    /// No such job.
    JobNotFound,
    /// A job past its time.
    ExpiredJob,
    /// The same idempotency key with another body.
    IdempotencyViolation,
    /// The same idempotency key while its first request is not answered yet.
    IdempotencyInProgress,
    /// The job has ended.
    JobNotCancelable,
    /// The job has no picture that failed through a fault of the service's.
    JobNotRetryable,
    /// A part of a file that it does not have.
    RangeNotSatisfiable,
    /// No such route.
    NotFound,
    /// The route exists, not with this method.
    MethodNotAllowed,
    /// The download passed its time limit.
    UrlTimeout,
    /// The request's body came too slowly.
    RequestTimeout,
    /// More bytes or pixels than allowed.
    PayloadTooLarge,
    /// A content type or a picture format that is not taken.
    UnsupportedMediaType,
    /// The image or the ZIP cannot be read.
    ProcessingError,
    /// An entry's path leaves the archive.
    ZipTraversal,
    /// The URL's server failed or sent nonsense.
    UpstreamError,
    /// A fault of ours.
    InternalError,
    /// No slot or memory in time, or disk low.
    Overloaded,
    /// Draining, or not yet up.
    NotReady,
}

impl Code {
    /// Every code, for tables that must know them all.
    pub const ALL: [Self; 29] = [
        Self::NoInput,
        Self::InvalidInput,
        Self::InvalidUrl,
        Self::MissingSignature,
        Self::InvalidTimestamp,
        Self::TimestampOutOfRange,
        Self::NonceReused,
        Self::InvalidSignature,
        Self::Unauthorized,
        Self::ExpiredLink,
        Self::JobNotFound,
        Self::ExpiredJob,
        Self::IdempotencyViolation,
        Self::IdempotencyInProgress,
        Self::JobNotCancelable,
        Self::JobNotRetryable,
        Self::RangeNotSatisfiable,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::UrlTimeout,
        Self::RequestTimeout,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::ProcessingError,
        Self::ZipTraversal,
        Self::UpstreamError,
        Self::InternalError,
        Self::Overloaded,
        Self::NotReady,
    ];

    /// The code as clients, logs and metrics spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// What a user is told where nothing more precise is known.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.row().1
    }

    /// Whether it is our own doing rather than the client's: what counts against the service's objectives.
    #[must_use]
    pub fn is_ours(self) -> bool {
        matches!(self, Self::InternalError | Self::Overloaded | Self::NotReady)
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::NoInput => ("NO_INPUT", "Nothing was sent. Choose a file and send it again."),
            Self::InvalidInput => {
                ("INVALID_INPUT", "The request cannot be understood. Check its fields and values.")
            }
            Self::InvalidUrl => (
                "INVALID_URL",
                "This URL cannot be used. Send a public http or https address, written out in full.",
            ),
            Self::MissingSignature => (
                "MISSING_SIGNATURE",
                "The request must be signed: send X-Timestamp, X-Request-Id and X-Signature.",
            ),
            Self::InvalidTimestamp => {
                ("INVALID_TIMESTAMP", "X-Timestamp must be the time in whole Unix seconds.")
            }
            Self::TimestampOutOfRange => (
                "TIMESTAMP_OUT_OF_RANGE",
                "X-Timestamp is more than five minutes off. Check the clock and sign the request again.",
            ),
            Self::NonceReused => (
                "NONCE_REUSED",
                "This signed request was received before. Sign it again with a new X-Request-Id and a later X-Timestamp.",
            ),
            Self::InvalidSignature => (
                "INVALID_SIGNATURE",
                "The signature does not match the request. Check the secret and what is signed.",
            ),
            Self::Unauthorized => (
                "UNAUTHORIZED",
                "This address is the operator's. Send the operator's token as a bearer token.",
            ),
            Self::ExpiredLink => (
                "EXPIRED_LINK",
                "This link is not valid any more. Ask for the job's status to get a new one.",
            ),
            Self::JobNotFound => ("JOB_NOT_FOUND", "There is no such job. Check its id."),
            // One text for both: a tombstone does not say which of them it was.
            Self::ExpiredJob => (
                "EXPIRED_JOB",
                "The job and its results are gone: its time was over, or it was deleted. Send the pictures again.",
            ),
            Self::IdempotencyViolation => (
                "IDEMPOTENCY_VIOLATION",
                "This Idempotency-Key was used for another request. Use a new key for a new request.",
            ),
            Self::IdempotencyInProgress => (
                "IDEMPOTENCY_IN_PROGRESS",
                "A request with this Idempotency-Key is being received. Try again in a few seconds.",
            ),
            Self::JobNotCancelable => {
                ("JOB_NOT_CANCELABLE", "The job has ended: there is nothing to cancel.")
            }
            Self::JobNotRetryable => ("JOB_NOT_RETRYABLE", "The job has no picture that can be retried."),
            Self::RangeNotSatisfiable => (
                "RANGE_NOT_SATISFIABLE",
                "The file has no such part. Ask for another range or for all of it.",
            ),
            Self::NotFound => ("NOT_FOUND", "There is nothing at this address. Check the path."),
            Self::MethodNotAllowed => (
                "METHOD_NOT_ALLOWED",
                "This address does not take this method. The Allow header names those it takes.",
            ),
            Self::UrlTimeout => {
                ("URL_TIMEOUT", "The URL's server took too long. Try again later, or send the file itself.")
            }
            Self::RequestTimeout => ("REQUEST_TIMEOUT", "The request's body came too slowly. Send it again."),
            Self::PayloadTooLarge => {
                ("PAYLOAD_TOO_LARGE", "This is larger than allowed. Send something smaller.")
            }
            Self::UnsupportedMediaType => (
                "UNSUPPORTED_MEDIA_TYPE",
                "This type is not supported. Send a JPEG, PNG, WebP, GIF, BMP or TIFF picture.",
            ),
            Self::ProcessingError => (
                "PROCESSING_ERROR",
                "The file cannot be read. It may be damaged or incomplete: send another copy.",
            ),
            Self::ZipTraversal => (
                "ZIP_TRAVERSAL",
                "The archive holds a path that leads out of it. Pack the pictures again with plain relative names.",
            ),
            Self::UpstreamError => (
                "UPSTREAM_ERROR",
                "The URL's server did not send the file. Check the URL, or try again later.",
            ),
            Self::InternalError => ("INTERNAL_ERROR", "Something went wrong on our side. Try again later."),
            Self::Overloaded => ("OVERLOADED", "The service is busy. Try again in a few seconds."),
            Self::NotReady => {
                ("NOT_READY", "The service is starting or stopping. Try again in a few seconds.")
            }
        }
    }
}

/// A code with what the user is told and, for the log alone, the cause.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Which error it is.
    pub code: Code,
    /// Safe to show; says what to do.
    pub message: Cow<'static, str>,
    /// For the log alone.
    pub cause: Option<String>,
    /// When to try again, where that helps.
    pub retry_after: Option<Duration>,
    /// Whether the same request may do better later, where a server of others decides that.
    pub retryable: Option<bool>,
}

impl Fault {
    /// The code with its usual message.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let passes = matches!(code, Code::Overloaded | Code::NotReady | Code::IdempotencyInProgress);
        let retry_after = passes.then_some(Duration::from_secs(2));
        Self { code, message: Cow::Borrowed(code.message()), cause: None, retry_after, retryable: None }
    }

    /// The same fault with a message that says more.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// Code and, where it is known, what lies behind it: for the log alone.
    pub(crate) fn describe(&self) -> String {
        match &self.cause {
            Some(cause) => format!("{}: {cause}", self.code.as_str()),
            None => self.to_string(),
        }
    }

    /// The same fault with its cause for the log.
    #[must_use]
    pub fn with_cause(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Fault {}

impl From<Code> for Fault {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<&huemill_imaging::Error> for Code {
    fn from(error: &huemill_imaging::Error) -> Self {
        use huemill_imaging::Error;
        match error {
            Error::Empty => Self::NoInput,
            Error::Unsupported(_) => Self::UnsupportedMediaType,
            Error::TooLarge { .. } => Self::PayloadTooLarge,
            // Cancelling is no property of a picture: whoever canceled knows better why.
            _ => Self::ProcessingError,
        }
    }
}
