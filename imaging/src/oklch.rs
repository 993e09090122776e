//! Converts between sRGB and Oklab or Oklch (Ottosson 2020), in which lightness changes without a shift of hue. Palettes,
//! shades and schemes use it. It cannot fail: the chroma of a colour outside of sRGB is reduced.

use ::palette::convert::FromColorUnclamped;
use ::palette::{FromColor, IsWithinBounds, LinSrgb, Oklab, Oklch, Srgb};

/// Steps of the search for the largest chroma within sRGB. The error is far below one of 256 levels.
const HALVINGS: usize = 16;

/// Below this chroma (Oklab) a colour is neutral: its hue cannot be seen. For comparison, `aliceblue`, whose hue is just
/// visible, has 0.013.
pub(crate) const NEUTRAL_CHROMA: f32 = 0.012;

/// Converts a colour to Oklab, where distances match perceived differences.
pub(crate) fn oklab(rgb: [u8; 3]) -> Oklab {
    Oklab::from_color(Srgb::from(rgb).into_linear::<f32>())
}

/// Chroma in Oklab. That of a grey is 0, without rounding errors.
pub(crate) fn oklab_chroma(rgb: [u8; 3]) -> f32 {
    let lab = oklab(rgb);
    if rgb[0] == rgb[1] && rgb[1] == rgb[2] { 0.0 } else { lab.a.hypot(lab.b) }
}

/// The colour with these coordinates, with as much of the chroma as sRGB can show.
pub(crate) fn shown(mut color: Oklch) -> [u8; 3] {
    let (mut least, mut most) = (0.0, color.chroma);
    if !linear(color).is_within_bounds() {
        for _ in 0..HALVINGS {
            color.chroma = f32::midpoint(least, most);
            if linear(color).is_within_bounds() { least = color.chroma } else { most = color.chroma }
        }
        color.chroma = least;
    }
    Srgb::<u8>::from_linear(linear(color)).into()
}

/// Converts to linear sRGB, without clamping to its gamut.
fn linear(color: Oklch) -> LinSrgb {
    LinSrgb::from_color_unclamped(color)
}
