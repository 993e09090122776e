//! The options of the card: what it shows, the colour of its ground, and its encoding.

use std::str::FromStr;

/// What the card shows. Each kind but [`CardKind::Crop`] has a fixed size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CardKind {
    /// 1096 × 736: the picture above the swatches.
    #[default]
    Palette,
    /// 1200 × 630: the same for link previews (Open Graph).
    Og,
    /// 1080 × 1080: the same for feeds.
    Square,
    /// 1080 × 1350: the same for tall feeds.
    Portrait,
    /// 1080 × 1920: the same for the full screen of a phone. The swatches stay out of the top and bottom 250 pixels, where
    /// apps draw their own controls.
    Story,
    /// The crop alone. [`Options::card_width`](crate::Options::card_width) gives its size.
    Crop,
    /// No card. The stages that draw and encode it are skipped.
    None,
}

impl CardKind {
    /// All kinds.
    pub const ALL: [Self; 7] =
        [Self::Palette, Self::Og, Self::Square, Self::Portrait, Self::Story, Self::Crop, Self::None];

    /// Lower-case name, as used in requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Palette => "palette",
            Self::Og => "og",
            Self::Square => "square",
            Self::Portrait => "portrait",
            Self::Story => "story",
            Self::Crop => "crop",
            Self::None => "none",
        }
    }
}

impl FromStr for CardKind {
    type Err = CardKindError;

    fn from_str(text: &str) -> Result<Self, CardKindError> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(CardKindError)
    }
}

/// The text is not the name of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a card is palette, og, square, portrait, story, crop or none")]
pub struct CardKindError;

/// The colour of the ground around the parts of a card and between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Theme {
    /// White.
    #[default]
    Light,
    /// Nearly black.
    Dark,
    /// Dark for a dark picture, else light.
    Auto,
}

impl Theme {
    /// All themes.
    pub const ALL: [Self; 3] = [Self::Light, Self::Dark, Self::Auto];

    /// Lower-case name, as used in requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::Auto => "auto",
        }
    }
}

impl FromStr for Theme {
    type Err = ThemeError;

    fn from_str(text: &str) -> Result<Self, ThemeError> {
        Self::ALL.into_iter().find(|theme| theme.name() == text).ok_or(ThemeError)
    }
}

/// The text is not the name of a theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a theme is light, dark or auto")]
pub struct ThemeError;

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
    /// Lossless WebP, without a quality: no lossy encoder in safe Rust is as good for its time as JPEG (record 16 in
    /// `docs/decisions`).
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_themes_are_found_by_their_names_alone() {
        for kind in CardKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        for theme in Theme::ALL {
            assert_eq!(theme.name().parse(), Ok(theme));
        }
        for wrong in ["", "Palette", "og ", "banner"] {
            assert_eq!(wrong.parse::<CardKind>(), Err(CardKindError));
            assert_eq!(wrong.parse::<Theme>(), Err(ThemeError));
        }
    }
}
