//! Why a picture gave no result. Plain data: what a user is told and which status it gets is decided above.

/// Everything that can go wrong between bytes and card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No bytes at all.
    #[error("the picture is empty")]
    Empty,
    /// A format that is known and not supported; the name is the field's own ("HEIC", "SVG").
    #[error("{0} is not a supported picture format")]
    Unsupported(&'static str),
    /// Bytes that no known format begins with.
    #[error("the bytes are no picture")]
    Unrecognised,
    /// The header asks for more pixels, or a longer side, than the limits allow. Nothing was allocated.
    #[error("the picture is {width}x{height} pixels, more than the limits allow")]
    TooLarge {
        /// Pixels across, as the header says.
        width: u32,
        /// Pixels down, as the header says.
        height: u32,
    },
    /// The picture cannot be read: damaged, truncated, or built to waste time. The text is for the log.
    #[error("the picture cannot be read: {0}")]
    Damaged(String),
    /// [`Watch::canceled`](crate::Watch::canceled) said to stop.
    #[error("canceled")]
    Canceled,
}

impl Error {
    /// A [`Error::Damaged`] out of a decoder's own error.
    pub(crate) fn damaged(reason: impl std::fmt::Display) -> Self {
        Self::Damaged(reason.to_string())
    }
}
