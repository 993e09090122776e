//! Maps the errors of the crates that decode to ours. What a decoder does not support is [`Error::Unsupported`] by its
//! name, and never "damaged"; everything else is [`Error::Damaged`].

use std::{fmt::Display, io};

use jpeg_decoder::UnsupportedFeature;
use ruzstd::decoding::errors::FrameDecoderError;

use crate::Error;

/// An error of a decoder that can be told apart.
pub(super) trait DecoderError: Display {
    /// Our error for a variant that the decoder knows and does not support, or that one of our readers has returned.
    fn known(&self) -> Option<Error>;
}

impl Error {
    /// Converts the error of a decoder.
    pub(super) fn of_decoder(error: impl DecoderError) -> Self {
        error.known().unwrap_or_else(|| Self::damaged(error))
    }
}

impl DecoderError for jpeg_decoder::Error {
    fn known(&self) -> Option<Error> {
        use UnsupportedFeature as Feature;
        let feature = match self {
            Self::Unsupported(feature) => feature,
            Self::Io(error) => return error.known(),
            _ => return None,
        };
        Some(Error::Unsupported(match feature {
            Feature::Hierarchical => "hierarchical JPEG",
            Feature::ArithmeticEntropyCoding => "arithmetic-coded JPEG",
            Feature::SamplePrecision(_) => "12-bit JPEG",
            Feature::ComponentCount(_) => "JPEG with an unusual number of components",
            Feature::DNL => "JPEG that states its height behind its first scan",
            Feature::SubsamplingRatio | Feature::NonIntegerSubsamplingRatio => {
                "JPEG with an unusual chroma subsampling"
            }
            Feature::ColorTransform(_) => "JPEG with an unusual colour transform",
        }))
    }
}

impl DecoderError for FrameDecoderError {
    fn known(&self) -> Option<Error> {
        match self {
            Self::WindowSizeTooBig { .. } => {
                Some(Error::Unsupported("TIFF with a large window of Zstandard"))
            }
            Self::DictNotProvided { .. } => Some(Error::Unsupported("TIFF with a dictionary of Zstandard")),
            _ => None,
        }
    }
}

/// Readers pass on the errors of decoders, and ours.
impl DecoderError for io::Error {
    fn known(&self) -> Option<Error> {
        let inner = self.get_ref()?;
        let ours = inner.downcast_ref::<Error>().cloned();
        ours.or_else(|| inner.downcast_ref::<FrameDecoderError>()?.known())
    }
}
