//! Describes the colours of a picture as a whole, in addition to its palette. Callers of the pipeline use it. It cannot fail.

use crate::{Raster, Roles, Scheme, Swatch, average, placeholder};

/// Describes the colours of a picture as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct ColorSummary {
    /// The colours of the palette by their use.
    pub roles: Roles,
    /// A light and a dark scheme of the palette's hues.
    pub scheme: Scheme,
    /// The mean colour, in linear light.
    pub average: [u8; 3],
    /// Whether the average is dark: text on it is then white.
    pub is_dark: bool,
    /// A ThumbHash in base64.
    pub placeholder: String,
}

impl ColorSummary {
    /// Describes a picture with its palette. `small` is an upright reduced copy of the picture, or the picture itself.
    #[must_use]
    pub fn of(palette: &[Swatch], raster: &Raster, small: &Raster) -> Self {
        let roles = Roles::of(palette);
        let average = average::of_raster(raster);
        Self {
            scheme: Scheme::of(palette, &roles),
            roles,
            average,
            is_dark: average::is_dark(average),
            placeholder: placeholder::of_raster(small),
        }
    }
}
