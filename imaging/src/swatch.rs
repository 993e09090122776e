//! Describes colours: their Oklch coordinates, their names, and a readable text colour. The palette calls
//! [`describe_all`] for the colours that it finds, and so does code that reads stored palettes. It cannot fail: every 8-bit
//! sRGB colour has a description.

use ::palette::{FromColor, GetHue, Oklch};
use serde::{Serialize, Serializer};

use crate::contrast::needs_dark_text;
use crate::names;
use crate::oklch::oklab;

/// One colour of a palette.
#[derive(Debug, Clone, PartialEq)]
pub struct Swatch {
    /// sRGB, 0 to 255 each.
    pub rgb: [u8; 3],
    /// Oklch: lightness 0 to 1, chroma from 0, hue in degrees from 0 to 360.
    pub oklch: [f32; 3],
    /// Share of all pixels that this colour represents, 0 to 1. The shares of a palette sum to 1.
    pub share: f64,
    /// The nearest common name, or the next one that no other colour of the palette has: "dusty rose".
    pub name: &'static str,
    /// Whether black text is more readable on it than white text (WCAG 2 contrast).
    pub dark_text: bool,
    /// Whether it is a shade that was added because the picture has too few colours. Its share is then 0.
    pub derived: bool,
}

/// A swatch as JSON has it, in responses and in exports.
#[derive(Serialize)]
struct SwatchMembers {
    hex: String,
    rgb: [u8; 3],
    oklch: OklchMembers,
    share: f64,
    name: &'static str,
    css_name: &'static str,
    text: &'static str,
    derived: bool,
}

#[derive(Serialize)]
struct OklchMembers {
    l: f64,
    c: f64,
    h: f64,
}

impl Serialize for Swatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Four decimals: finer than the eye can see, and short.
        let [l, c, h] = self.oklch.map(|value| (f64::from(value) * 1e4).round() / 1e4);
        let members = SwatchMembers {
            hex: self.hex(),
            rgb: self.rgb,
            oklch: OklchMembers { l, c, h },
            share: self.share,
            name: self.name,
            css_name: self.css_name(),
            text: self.text(),
            derived: self.derived,
        };
        members.serialize(serializer)
    }
}

/// Describes a colour that represents `share` of the pixels (0 to 1). `derived` marks an added shade.
#[must_use]
pub fn describe(rgb: [u8; 3], share: f64, derived: bool) -> Swatch {
    named(rgb, share, derived, names::nearest(rgb))
}

/// Describes the colours of one palette, each given by its colour, its share and whether it is an added shade. No two of
/// them have the same name, where that can be helped.
#[must_use]
pub fn describe_all(colors: &[([u8; 3], f64, bool)]) -> Vec<Swatch> {
    let rgb: Vec<_> = colors.iter().map(|&(rgb, ..)| rgb).collect();
    let names = names::distinct(&rgb);
    let swatches = colors.iter().zip(names);
    swatches.map(|(&(rgb, share, derived), name)| named(rgb, share, derived, name)).collect()
}

fn named(rgb: [u8; 3], share: f64, derived: bool, name: &'static str) -> Swatch {
    Swatch { rgb, oklch: oklch(rgb), share, name, dark_text: needs_dark_text(rgb), derived }
}

impl Swatch {
    /// `#rrggbb` in lower case.
    #[must_use]
    pub fn hex(&self) -> String {
        let [r, g, b] = self.rgb;
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// The nearest of the 148 names of CSS.
    #[must_use]
    pub fn css_name(&self) -> &'static str {
        names::nearest_css(self.rgb)
    }

    /// The more readable text colour on this one: `#000000` or `#ffffff`.
    #[must_use]
    pub fn text(&self) -> &'static str {
        if self.dark_text { "#000000" } else { "#ffffff" }
    }
}

/// Returns lightness, chroma, and hue in degrees from 0 to 360. Grey gets chroma 0 and hue 0, without rounding errors.
pub(crate) fn oklch([r, g, b]: [u8; 3]) -> [f32; 3] {
    let lch = Oklch::from_color(oklab([r, g, b]));
    let l = lch.l.clamp(0.0, 1.0);
    if r == g && g == b {
        return [l, 0.0, 0.0];
    }
    [l, lch.chroma, lch.get_hue().into_positive_degrees()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_one_palette_have_names_of_their_own() {
        let colors = [[200, 30, 40], [201, 31, 42], [202, 32, 44]];
        let names: Vec<_> =
            describe_all(&colors.map(|rgb| (rgb, 0.1, false))).iter().map(|s| s.name).collect();
        assert_eq!(names[0], describe(colors[0], 0.1, false).name);
        assert!(names[0] != names[1] && names[1] != names[2] && names[2] != names[0], "{names:?}");
    }

    #[test]
    fn oklch_agrees_with_the_published_values() {
        // CSS Color 4 lists these for its examples of oklch().
        for (rgb, [l, c, h]) in [
            ([255, 0, 0], [0.627_96, 0.257_68, 29.234]),
            ([0, 255, 0], [0.866_44, 0.294_83, 142.495]),
            ([0, 0, 255], [0.452_01, 0.313_21, 264.052]),
        ] {
            let found = describe(rgb, 0.0, false).oklch;
            assert!((found[0] - l).abs() < 5e-4 && (found[1] - c).abs() < 5e-4, "{rgb:?}: {found:?}");
            assert!((found[2] - h).abs() < 0.1, "{rgb:?}: {found:?}");
        }
    }

    #[test]
    fn greys_have_no_chroma_and_no_hue() {
        for grey in 0..=255 {
            let [l, c, h] = describe([grey; 3], 0.0, false).oklch;
            assert!((0.0..=1.0).contains(&l), "{grey}: {l}");
            assert_eq!((c, h), (0.0, 0.0), "{grey}");
        }
    }

    #[test]
    fn text_is_the_colour_with_the_better_contrast() {
        // The crossing lies where (L + 0.05)² = 1.05 × 0.05: between the greys 117 and 118.
        for (grey, text) in [(0, "#ffffff"), (117, "#ffffff"), (118, "#000000"), (255, "#000000")] {
            assert_eq!(describe([grey; 3], 0.0, false).text(), text, "{grey}");
        }
        assert_eq!(describe([255, 0, 0], 0.0, false).text(), "#000000");
        assert_eq!(describe([0, 0, 255], 0.0, false).text(), "#ffffff");
    }

    #[test]
    fn hex_is_lower_case_with_leading_zeros() {
        assert_eq!(describe([10, 27, 44], 0.0, false).hex(), "#0a1b2c");
        assert_eq!(describe([255, 255, 255], 0.0, false).hex(), "#ffffff");
    }
}
