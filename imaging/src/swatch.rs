//! Describes one colour: its Oklch coordinates, the nearest CSS name, and a readable text colour. The palette calls
//! [`describe`] for every colour that it finds. It cannot fail: every 8-bit sRGB colour has a description.

use std::sync::LazyLock;

use ::palette::color_difference::{EuclideanDistance, Wcag21RelativeContrast};
use ::palette::{FromColor, GetHue, Oklab, Oklch, Srgb, named};

use crate::Swatch;

/// The CSS names in alphabetical order. Of two names for one colour (aqua and cyan, gray and grey) the first wins.
static NAMES: LazyLock<Vec<(&'static str, Oklab)>> = LazyLock::new(|| {
    let mut names: Vec<_> = named::entries().map(|(name, color)| (name, oklab(color.into()))).collect();
    names.sort_unstable_by_key(|&(name, _)| name);
    names
});

/// Describes a colour that represents `share` of the pixels (0 to 1). `derived` marks an added shade.
#[must_use]
pub fn describe(rgb: [u8; 3], share: f64, derived: bool) -> Swatch {
    let lab = oklab(rgb);
    Swatch {
        rgb,
        oklch: oklch(rgb, lab),
        share,
        name: nearest_name(lab),
        dark_text: needs_dark_text(rgb),
        derived,
    }
}

impl Swatch {
    /// `#rrggbb` in lower case.
    #[must_use]
    pub fn hex(&self) -> String {
        let [r, g, b] = self.rgb;
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// The more readable text colour on this one: `#000000` or `#ffffff`.
    #[must_use]
    pub fn text(&self) -> &'static str {
        if self.dark_text { "#000000" } else { "#ffffff" }
    }
}

/// Converts a colour to Oklab (Ottosson 2020), where distances match perceived differences.
pub(crate) fn oklab(rgb: [u8; 3]) -> Oklab {
    Oklab::from_color(Srgb::from(rgb).into_linear::<f32>())
}

/// Returns lightness, chroma, and hue in degrees from 0 to 360. Grey gets chroma 0 and hue 0, without rounding errors.
fn oklch([r, g, b]: [u8; 3], lab: Oklab) -> [f32; 3] {
    let lch = Oklch::from_color(lab);
    let l = lch.l.clamp(0.0, 1.0);
    if r == g && g == b {
        return [l, 0.0, 0.0];
    }
    [l, lch.chroma, lch.get_hue().into_positive_degrees()]
}

/// Finds the CSS colour with the smallest distance in Oklab.
fn nearest_name(lab: Oklab) -> &'static str {
    let distance = |named: &Oklab| named.distance_squared(lab);
    NAMES
        .iter()
        .min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)))
        .map_or("black", |&(name, _)| name)
}

/// Whether black has a higher contrast ratio on this colour than white (WCAG 2, "contrast ratio").
fn needs_dark_text(rgb: [u8; 3]) -> bool {
    let color: Srgb = Srgb::from(rgb).into_format();
    color.relative_contrast(Srgb::new(0.0, 0.0, 0.0)) > color.relative_contrast(Srgb::new(1.0, 1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_css_name_is_the_nearest_to_its_own_colour() {
        assert_eq!(NAMES.len(), 148);
        for (name, color) in named::entries() {
            let found = describe(color.into(), 0.0, false).name;
            assert_eq!(named::from_str(found), Some(color), "{name} was called {found}");
            assert!(found <= name, "{found} comes after {name}");
        }
    }

    #[test]
    fn of_two_names_for_one_colour_the_first_wins() {
        for (rgb, name) in [
            ([128; 3], "gray"),
            ([0, 255, 255], "aqua"),
            ([255, 0, 255], "fuchsia"),
            ([47, 79, 79], "darkslategray"),
        ] {
            assert_eq!(describe(rgb, 0.0, false).name, name);
        }
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
