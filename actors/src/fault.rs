//! Error codes and the messages that users see, in one table. Requests, job items and webhooks all store these
//! codes; the edge adds the HTTP status and the shape.
//!
//! Internal details never go into a message. They go into `cause`, which only the log shows.

use std::borrow::Cow;
use std::time::Duration;

use crate::reached_limit::ReachedLimit;

/// Defines [`Code`] from one table: each code, how it is spelled, its message for the person in front of a page, and the
/// one for the client's developer where that is another.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $word:literal, $message:literal $(, $detail:literal)?;)+) => {
        /// Why something was refused or failed, as the wire format names it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $code,)+
        }

        impl Code {
            /// Every code, for tables that list them all.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$code),+];

            /// The code as clients, logs and metrics spell it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$code => $word),+ }
            }

            /// The message for users where nothing more specific is known.
            #[must_use]
            pub fn message(self) -> &'static str {
                match self { $(Self::$code => $message),+ }
            }

            /// The message for the client's developer, where it is another.
            fn detail(self) -> Option<&'static str> {
                match self { $(Self::$code => None$(.or(Some($detail)))?),+ }
            }
        }
    };
}

codes! {
    /// Nothing was sent.
    NoInput = "NO_INPUT", "Nothing was chosen. Choose a file and send it again.", "Nothing was sent: the body is empty, or has no file.";
    /// Malformed JSON, wrong type, value out of range, bad base64.
    InvalidInput = "INVALID_INPUT", "Something you entered or chose cannot be used. Check it, or reload the page, and try again.", "The request is not valid. Check its fields and values.";
    /// Not http(s), malformed, unresolvable, or an address that is not public.
    InvalidUrl = "INVALID_URL", "This address cannot be used. Enter the full address of a public page, such as https://example.org/photo.jpg.", "This URL cannot be used. Send a public http or https URL, written out in full.";
    /// A signed request lacks a required header.
    MissingSignature = "MISSING_SIGNATURE", "This request could not be verified. Reload the page and try again.", "The request must be signed: send X-Timestamp, X-Request-Id and X-Signature.";
    /// The timestamp of a signed request cannot be parsed.
    InvalidTimestamp = "INVALID_TIMESTAMP", "This request could not be verified. Reload the page and try again.", "X-Timestamp must be the time in whole Unix seconds.";
    /// The timestamp of a signed request is too far from the current time.
    TimestampOutOfRange = "TIMESTAMP_OUT_OF_RANGE", "This took too long to arrive. Check the clock of your device and try again.", "X-Timestamp is off by more than five minutes. Check the clock and sign the request again.";
    /// A signed request was sent twice.
    NonceReused = "NONCE_REUSED", "This was already received. Reload the page if you want to send it again.", "This signed request was already received. Sign it again with a new X-Request-Id and a later X-Timestamp.";
    /// The signature of a request is wrong.
    InvalidSignature = "INVALID_SIGNATURE", "This request could not be verified. Reload the page and try again.", "The signature does not match the request. Check the secret and what you sign.";
    /// A key or the operator's token is missing or not valid.
    Unauthorized = "UNAUTHORIZED", "You do not have access to this. Sign in, or ask the people who run this service.", "This endpoint requires the operator token. Send it as a bearer token.";
    /// The access key lacks the scope.
    Forbidden = "FORBIDDEN", "This API key does not allow this.";
    /// There is no such access key.
    KeyNotFound = "KEY_NOT_FOUND", "There is no such API key.", "There is no such API key. Check its id.";
    /// A link's signature is wrong, or the link has expired.
    ExpiredLink = "EXPIRED_LINK", "This link is no longer valid. Go back to your pictures to get a new one.", "This link is no longer valid. Request the job's status to get a new one.";
    /// No such job.
    JobNotFound = "JOB_NOT_FOUND", "These pictures were not found. Send them again.", "There is no such job. Check its id.";
    /// The job has expired.
    // One message for both cases: a tombstone does not record which of them it was.
    ExpiredJob = "EXPIRED_JOB", "The results are no longer available: they expired or were deleted. Send the pictures again.", "The job and its results are gone: it expired or was deleted. Send the pictures again.";
    /// The idempotency key was used before with a different body.
    IdempotencyViolation = "IDEMPOTENCY_VIOLATION", "This differs from what you sent before. Reload the page and send it again.", "This Idempotency-Key was used for another request. Use a new key for a new request.";
    /// The first request with this idempotency key is not answered yet.
    IdempotencyInProgress = "IDEMPOTENCY_IN_PROGRESS", "This is already being received. Wait a few seconds.", "A request with this Idempotency-Key is being received. Try again in a few seconds.";
    /// The job has ended.
    JobNotCancelable = "JOB_NOT_CANCELABLE", "There is nothing to cancel: the work is already done.", "The job has ended: there is nothing to cancel.";
    /// The job has no picture that failed because of the service.
    JobNotRetryable = "JOB_NOT_RETRYABLE", "The job has no picture that can be retried.";
    /// A condition of the request on its job's or file's version does not hold.
    PreconditionFailed = "PRECONDITION_FAILED", "This has changed in the meantime. Reload the page and try again.", "The condition in If-Match or If-Unmodified-Since does not hold: the resource has changed. Fetch it again.";
    /// The requested range lies outside the file.
    RangeNotSatisfiable = "RANGE_NOT_SATISFIABLE", "The download could not be continued. Start it again.", "The requested range lies outside the file. Request another range or the whole file.";
    /// No such route.
    NotFound = "NOT_FOUND", "There is nothing at this address.", "There is nothing at this URL. Check the path.";
    /// The route exists, but not with this method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", "This cannot be done here.", "This URL does not support this method. The Allow header lists the ones it supports.";
    /// The download exceeded its time limit.
    UrlTimeout = "URL_TIMEOUT", "The website with the picture took too long to respond. Try again later, or upload the picture.", "The URL's server took too long to respond. Try again later, or send the file itself.";
    /// The request body arrived too slowly.
    RequestTimeout = "REQUEST_TIMEOUT", "The upload was too slow. Try again with a better connection.", "The request's body arrived too slowly. Send it again.";
    /// More bytes or pixels than allowed.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE", "This is too large. Send something smaller.";
    /// The content type or the picture format is not supported.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", "This file type is not supported. Send a JPEG, PNG, WebP, GIF, BMP or TIFF picture.";
    /// The image or the ZIP cannot be read.
    ProcessingError = "PROCESSING_ERROR", "The file cannot be read. It may be damaged or incomplete: send another copy.";
    /// The path of an archive entry leaves the archive.
    ZipTraversal = "ZIP_TRAVERSAL", "The ZIP contains a file whose path points outside of it. Create the ZIP again from a plain folder of pictures.";
    /// The URL's server failed or sent an invalid answer.
    UpstreamError = "UPSTREAM_ERROR", "The picture could not be loaded from this address. Check the address, or try again later.", "The URL's server did not send the file. Check the URL, or try again later.";
    /// The caller's rate, share or quota is used up; [`Fault::limit`] states which.
    RateLimited = "RATE_LIMITED", "You have sent too much at once. Wait a moment and try again.";
    /// An internal error.
    InternalError = "INTERNAL_ERROR", "Something went wrong on our side. Try again later.";
    /// No slot or memory was free in time, or the disk is almost full.
    Overloaded = "OVERLOADED", "The service is busy. Try again in a few seconds.";
    /// The service is draining or starting.
    NotReady = "NOT_READY", "The service is starting or stopping. Try again in a few seconds.";
}

impl Code {
    /// Whether the service is at fault rather than the client; such errors count against the service level
    /// objectives.
    #[must_use]
    pub fn is_ours(self) -> bool {
        matches!(self, Self::InternalError | Self::Overloaded | Self::NotReady)
    }
}

/// Writes a limit in bytes as messages state it: "50 MiB", "0.25 MiB".
#[must_use]
pub fn mebibytes(limit: u64) -> String {
    let hundredths = (limit as f64 / f64::from(1_u32 << 20) * 100.0).round();
    format!("{} MiB", hundredths / 100.0)
}

/// An error: its code, its message for users and, for the log, its cause.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Which error it is.
    pub code: Code,
    /// The message for the person in front of a page; it says what to do and holds nothing internal.
    pub message: Cow<'static, str>,
    /// The same for the client's developer, in terms of fields and headers, where that is something else.
    pub detail: Option<Cow<'static, str>>,
    /// The cause, for the log only.
    pub cause: Option<String>,
    /// When to retry, where that helps.
    pub retry_after: Option<Duration>,
    /// Whether the same request may succeed later, where that depends on another server.
    pub retryable: Option<bool>,
    /// The limit that the caller has reached, if it is one of the caller's own.
    pub limit: Option<Box<ReachedLimit>>,
}

impl Fault {
    /// The code with its default message.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let is_temporary = matches!(
            code,
            Code::Overloaded | Code::NotReady | Code::IdempotencyInProgress | Code::RateLimited
        );
        let retry_after = is_temporary.then_some(Duration::from_secs(2));
        let (message, detail) = (Cow::Borrowed(code.message()), code.detail().map(Cow::Borrowed));
        Self { code, message, detail, cause: None, retry_after, retryable: None, limit: None }
    }

    /// Replaces both messages with a more specific one.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        (self.message, self.detail) = (message.into(), None);
        self
    }

    /// Adds the message for the client's developer.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The message for the client's developer.
    #[must_use]
    pub fn detail(&self) -> &str {
        self.detail.as_ref().unwrap_or(&self.message)
    }

    /// States the limit that the caller has reached.
    #[must_use]
    pub fn with_limit(mut self, limit: ReachedLimit) -> Self {
        self.limit = Some(Box::new(limit));
        self
    }

    /// The code and the cause, or the message if there is none; for the log only.
    pub(crate) fn describe(&self) -> String {
        match &self.cause {
            Some(cause) => format!("{}: {cause}", self.code.as_str()),
            None => self.to_string(),
        }
    }

    /// Adds the cause for the log.
    #[must_use]
    pub fn with_cause(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail())
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
            Error::Unsupported(_) | Error::Unrecognised => Self::UnsupportedMediaType,
            Error::TooLarge { .. } | Error::TooMuchWork { .. } => Self::PayloadTooLarge,
            // Cancelling says nothing about the picture; the caller knows why it canceled.
            _ => Self::ProcessingError,
        }
    }
}
