//! The options for processing one picture. The HTTP and command-line code parses them once; they are valid by
//! construction from then on.

mod aspect;
mod card;
mod focus;

use std::str::FromStr;

pub use aspect::Aspect;
pub use card::{CardFormat, CardKind, CardKindError, Theme, ThemeError};
pub use focus::{Focus, FocusError};

/// Options for processing one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    colors: u8,
    /// How the colours are chosen.
    pub palette: PaletteMethod,
    /// Aspect ratio of the crop.
    pub aspect: Aspect,
    /// How the crop and the card's picture are placed.
    pub crop: CropMethod,
    /// The point around which both are placed instead.
    pub focus: Option<Focus>,
    /// Whether faces are searched for, so that no window cuts a head.
    pub faces: bool,
    /// Encoding of the card.
    pub card: CardFormat,
    /// What the card shows, and its size.
    pub card_kind: CardKind,
    card_width: u16,
    /// Colour of the card's ground.
    pub theme: Theme,
}

impl Options {
    /// Minimum and maximum number of colours in a palette.
    pub const COLORS: std::ops::RangeInclusive<u8> = 2..=20;

    /// Minimum and maximum width of a card of [`CardKind::Crop`] in pixels.
    pub const CARD_WIDTHS: std::ops::RangeInclusive<u16> = 16..=2048;
    /// Default width of a card of [`CardKind::Crop`] in pixels.
    pub const DEFAULT_CARD_WIDTH: u16 = 1080;

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

    /// Sets how the crop and the card's picture are placed.
    #[must_use]
    pub fn with_crop(self, crop: CropMethod) -> Self {
        Self { crop, ..self }
    }

    /// Places the crop and the card's picture around a point.
    #[must_use]
    pub fn with_focus(self, focus: Focus) -> Self {
        Self { focus: Some(focus), ..self }
    }

    /// Does not search for faces.
    #[must_use]
    pub fn without_faces(self) -> Self {
        Self { faces: false, ..self }
    }

    /// Sets the encoding of the card.
    #[must_use]
    pub fn with_card(self, card: CardFormat) -> Self {
        Self { card, ..self }
    }

    /// Sets what the card shows.
    #[must_use]
    pub fn with_card_kind(self, card_kind: CardKind) -> Self {
        Self { card_kind, ..self }
    }

    /// Width of a card of [`CardKind::Crop`] in pixels. The other kinds have a size of their own.
    #[must_use]
    pub fn card_width(&self) -> u32 {
        u32::from(self.card_width)
    }

    /// Sets the width of a card of [`CardKind::Crop`]. Returns `None` outside of [`Options::CARD_WIDTHS`].
    #[must_use]
    pub fn with_card_width(self, card_width: u16) -> Option<Self> {
        Self::CARD_WIDTHS.contains(&card_width).then_some(Self { card_width, ..self })
    }

    /// Sets the colour of the card's ground.
    #[must_use]
    pub fn with_theme(self, theme: Theme) -> Self {
        Self { theme, ..self }
    }
}

impl Default for Options {
    /// Ten balanced colours, 3:2, a light palette card as PNG.
    fn default() -> Self {
        Self {
            colors: 10,
            palette: PaletteMethod::default(),
            aspect: Aspect::default(),
            crop: CropMethod::default(),
            focus: None,
            faces: true,
            card: CardFormat::Png,
            card_kind: CardKind::default(),
            card_width: Self::DEFAULT_CARD_WIDTH,
            theme: Theme::default(),
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

/// How crops are placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CropMethod {
    /// By what the picture shows: faces first, then what differs from the picture's border.
    #[default]
    Subject,
    /// By the crate smartcrop2. The card's picture is the middle of the crop.
    Classic,
}

impl CropMethod {
    /// All methods.
    pub const ALL: [Self; 2] = [Self::Subject, Self::Classic];

    /// Lower-case name, as used in requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Classic => "classic",
        }
    }
}

impl FromStr for CropMethod {
    type Err = CropMethodError;

    fn from_str(text: &str) -> Result<Self, CropMethodError> {
        Self::ALL.into_iter().find(|method| method.name() == text).ok_or(CropMethodError)
    }
}

/// The text is not the name of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a crop is subject or classic")]
pub struct CropMethodError;
