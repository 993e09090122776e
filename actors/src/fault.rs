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
    /// No such route.
    NotFound,
    /// The route exists, not with this method.
    MethodNotAllowed,
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
    /// A fault of ours.
    InternalError,
    /// No slot or memory in time, or disk low.
    Overloaded,
    /// Draining, or not yet up.
    NotReady,
}

impl Code {
    /// Every code, for tables that must know them all.
    pub const ALL: [Self; 12] = [
        Self::NoInput,
        Self::InvalidInput,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::ProcessingError,
        Self::ZipTraversal,
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
            Self::NotFound => ("NOT_FOUND", "There is nothing at this address. Check the path."),
            Self::MethodNotAllowed => (
                "METHOD_NOT_ALLOWED",
                "This address does not take this method. The Allow header names those it takes.",
            ),
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
}

impl Fault {
    /// The code with its usual message.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let retry_after = matches!(code, Code::Overloaded | Code::NotReady).then_some(Duration::from_secs(2));
        Self { code, message: Cow::Borrowed(code.message()), cause: None, retry_after }
    }

    /// The same fault with a message that says more.
    #[must_use]
    pub fn told(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// The same fault with its cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl std::fmt::Display) -> Self {
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
