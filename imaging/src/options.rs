//! What a caller may ask of a picture. Parsed once at the edge; valid by construction after that.

use std::str::FromStr;

/// What to make of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    colors: u8,
    /// The crop's shape.
    pub aspect: Aspect,
    /// How the card is encoded.
    pub card: CardFormat,
}

impl Options {
    /// Fewest and most colours of a palette.
    pub const COLORS: std::ops::RangeInclusive<u8> = 2..=20;

    /// How many colours the palette has.
    #[must_use]
    pub fn colors(&self) -> usize {
        usize::from(self.colors)
    }

    /// The same options with another number of colours, or `None` outside of [`Options::COLORS`].
    #[must_use]
    pub fn with_colors(self, colors: u8) -> Option<Self> {
        Self::COLORS.contains(&colors).then_some(Self { colors, ..self })
    }

    /// The same options with another shape of the crop.
    #[must_use]
    pub fn with_aspect(self, aspect: Aspect) -> Self {
        Self { aspect, ..self }
    }

    /// The same options with another format of the card.
    #[must_use]
    pub fn with_card(self, card: CardFormat) -> Self {
        Self { card, ..self }
    }
}

impl Default for Options {
    /// Ten colours, 3:2, PNG.
    fn default() -> Self {
        Self { colors: 10, aspect: Aspect::default(), card: CardFormat::Png }
    }
}

/// A ratio of width to height, in whole numbers from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aspect {
    width: u32,
    height: u32,
}

impl Aspect {
    /// The largest number on either side of the colon.
    pub const MAX: u32 = 100;

    /// `width:height`, or `None` where a side is not from 1 to [`Aspect::MAX`].
    #[must_use]
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let fits = |side| (1..=Self::MAX).contains(&side);
        (fits(width) && fits(height)).then_some(Self { width, height })
    }

    /// The number before the colon.
    #[must_use]
    pub fn width(self) -> u32 {
        self.width
    }

    /// The number behind the colon.
    #[must_use]
    pub fn height(self) -> u32 {
        self.height
    }
}

impl Default for Aspect {
    /// 3:2.
    fn default() -> Self {
        Self { width: 3, height: 2 }
    }
}

impl std::fmt::Display for Aspect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.width, self.height)
    }
}

impl FromStr for Aspect {
    type Err = AspectError;

    fn from_str(text: &str) -> Result<Self, AspectError> {
        let (width, height) = text.split_once(':').ok_or(AspectError)?;
        let side = |digits: &str| {
            (digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
        };
        side(width).zip(side(height)).and_then(|(w, h)| Self::new(w, h)).ok_or(AspectError)
    }
}

/// The text is no aspect ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an aspect is two whole numbers from 1 to 100 with a colon between them, such as 3:2")]
pub struct AspectError;

/// How the card is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CardFormat {
    /// PNG with fast compression.
    #[default]
    Png,
    /// JPEG with a quality from 1 to 100.
    Jpeg {
        /// 1 (smallest) to 100 (best).
        quality: u8,
    },
    /// Lossless WebP.
    WebP,
}

impl CardFormat {
    /// Quality of a JPEG card where none is asked for.
    pub const DEFAULT_QUALITY: u8 = 85;

    /// The media type of the card's bytes.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg { .. } => "image/jpeg",
            Self::WebP => "image/webp",
        }
    }

    /// The usual file extension, without a dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg { .. } => "jpg",
            Self::WebP => "webp",
        }
    }
}
