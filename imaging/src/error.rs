//! Why a picture has no result. Errors are plain data: the callers of the pipeline choose the user's message and the HTTP
//! status.

/// Everything that can go wrong between a picture's bytes and its card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input has no bytes.
    #[error("the picture is empty")]
    Empty,
    /// The format is known but not supported. Holds its usual name ("HEIC", "SVG").
    #[error("{0} is not a supported picture format")]
    Unsupported(&'static str),
    /// The bytes do not start like any known format.
    #[error("the bytes are not a picture")]
    Unrecognised,
    /// The header announces more pixels, or a longer side, than the limits allow. Nothing was allocated.
    #[error("the picture is {width}x{height} pixels, more than the limits allow")]
    TooLarge {
        /// Width in pixels, by the header.
        width: u32,
        /// Height in pixels, by the header.
        height: u32,
    },
    /// Decoding takes more work than the limits allow: too many scans, or data that delivers no pixels. By the header,
    /// or counted while decoding.
    #[error("the picture takes {work} blocks of work to decode, more than the {limit} that it may take")]
    TooMuchWork {
        /// The work in blocks of 64 samples, as far as it was counted.
        work: u64,
        /// The work that the picture may take.
        limit: u64,
    },
    /// The picture cannot be decoded: damaged, truncated, or crafted to waste time. The text is for the log.
    #[error("the picture cannot be decoded: {0}")]
    Damaged(String),
    /// [`Monitor::canceled`](crate::Monitor::canceled) returned true.
    #[error("canceled")]
    Canceled,
}

impl Error {
    /// Wraps a decoder's own error in [`Error::Damaged`].
    pub(crate) fn damaged(reason: impl std::fmt::Display) -> Self {
        Self::Damaged(reason.to_string())
    }
}
