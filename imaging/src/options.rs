//! The options for processing one picture. The HTTP and command-line code parses them once; they are valid by
//! construction from then on.

use std::str::FromStr;

/// Options for processing one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    colors: u8,
    /// How the colours are chosen.
    pub palette: PaletteMethod,
    /// Aspect ratio of the crop.
    pub aspect: Aspect,
    /// Encoding of the card.
    pub card: CardFormat,
}

impl Options {
    /// Minimum and maximum number of colours in a palette.
    pub const COLORS: std::ops::RangeInclusive<u8> = 2..=20;

    /// Number of colours in the palette.
    #[must_use]
    pub fn colors(&self) -> usize {
        usize::from(self.colors)
    }

    /// Sets the number of colours. Returns `None` outside of [`Options::COLORS`].
    #[must_use]
    pub fn with_colors(self, colors: u8) -> Option<Self> {
        Self::COLORS.contains(&colors).then_some(Self { colors, ..self })
    }

    /// Sets how the colours are chosen.
    #[must_use]
    pub fn with_palette(self, palette: PaletteMethod) -> Self {
        Self { palette, ..self }
    }

    /// Sets the aspect ratio of the crop.
    #[must_use]
    pub fn with_aspect(self, aspect: Aspect) -> Self {
        Self { aspect, ..self }
    }

    /// Sets the encoding of the card.
    #[must_use]
    pub fn with_card(self, card: CardFormat) -> Self {
        Self { card, ..self }
    }
}

impl Default for Options {
    /// Ten balanced colours, 3:2, PNG.
    fn default() -> Self {
        Self {
            colors: 10,
            palette: PaletteMethod::default(),
            aspect: Aspect::default(),
            card: CardFormat::Png,
        }
    }
}

/// How the colours of a palette are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PaletteMethod {
    /// They cover what is in the picture: large areas and small vivid accents. Most frequent first.
    #[default]
    Balanced,
    /// By the crate color-thief, in its order.
    Classic,
}

impl PaletteMethod {
    /// All methods.
    pub const ALL: [Self; 2] = [Self::Balanced, Self::Classic];

    /// Lower-case name, as used in requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Balanced => "balanced",
            Self::Classic => "classic",
        }
    }
}

impl FromStr for PaletteMethod {
    type Err = PaletteMethodError;

    fn from_str(text: &str) -> Result<Self, PaletteMethodError> {
        Self::ALL.into_iter().find(|method| method.name() == text).ok_or(PaletteMethodError)
    }
}

/// The text is not the name of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a palette is balanced or classic")]
pub struct PaletteMethodError;

/// A ratio of width to height, in whole numbers from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aspect {
    width: u32,
    height: u32,
}

impl Aspect {
    /// Maximum of either number.
    pub const MAX: u32 = 100;

    /// Creates `width:height`. Returns `None` unless both are between 1 and [`Aspect::MAX`].
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

    /// The number after the colon.
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

/// The text is not an aspect ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an aspect ratio is two whole numbers from 1 to 100 with a colon between them, such as 3:2")]
pub struct AspectError;

/// The encoding of the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CardFormat {
    /// PNG with fast compression.
    #[default]
    Png,
    /// JPEG.
    Jpeg {
        /// 1 (smallest) to 100 (best).
        quality: u8,
    },
    /// Lossless WebP.
    WebP,
}

impl CardFormat {
    /// Default quality of a JPEG card.
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
