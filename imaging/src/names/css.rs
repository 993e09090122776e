//! The names of CSS and the nearest of them to a colour. It cannot fail, because every colour has a nearest name.

use std::sync::LazyLock;

use ::palette::color_difference::EuclideanDistance;
use ::palette::{Oklab, Srgb, named};

use crate::oklch::{NEUTRAL_CHROMA, oklab, oklab_chroma};

/// A name of CSS and its colour.
#[derive(Debug)]
struct CssEntry {
    name: &'static str,
    lab: Oklab,
    /// Whether the colour is neutral, as `black`, `gray` and `whitesmoke` are.
    is_neutral: bool,
}

/// The names of CSS in alphabetical order. Of two names for one colour (aqua and cyan, gray and grey) the first wins.
static CSS: LazyLock<Vec<CssEntry>> = LazyLock::new(|| {
    let entry = |(name, color): (&'static str, Srgb<u8>)| {
        let rgb = color.into();
        CssEntry { name, lab: oklab(rgb), is_neutral: oklab_chroma(rgb) < NEUTRAL_CHROMA }
    };
    let mut names: Vec<_> = named::entries().map(entry).collect();
    names.sort_unstable_by_key(|entry| entry.name);
    names
});

/// The nearest of the 148 names of CSS, by distance in Oklab. A neutral gets the name of a neutral.
#[must_use]
pub fn nearest_css(rgb: [u8; 3]) -> &'static str {
    let (lab, is_neutral) = (oklab(rgb), oklab_chroma(rgb) < NEUTRAL_CHROMA);
    let distance = |entry: &&CssEntry| entry.lab.distance_squared(lab);
    let suiting = CSS.iter().filter(|entry| entry.is_neutral || !is_neutral);
    suiting.min_by(|a, b| distance(a).total_cmp(&distance(b))).map_or("black", |entry| entry.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_css_name_is_the_nearest_to_its_own_colour() {
        assert_eq!(CSS.len(), 148);
        for (name, color) in named::entries() {
            let found = nearest_css(color.into());
            assert_eq!(named::from_str(found), Some(color), "{name} was called {found}");
            assert!(found <= name, "{found} comes after {name}");
        }
    }

    #[test]
    fn a_neutral_gets_a_css_name_of_a_neutral() {
        let chroma_of =
            |name| named::from_str(name).map_or(1.0, |color: Srgb<u8>| oklab_chroma(color.into()));
        let tints = (-4..=4).flat_map(|red| (-4..=4).map(move |blue| (red, blue)));
        let neutrals = tints.flat_map(|(red, blue)| {
            (0..=255_i32)
                .map(move |grey| [grey + red, grey, grey + blue].map(|level| level.clamp(0, 255) as u8))
        });
        for rgb in neutrals.filter(|&rgb| oklab_chroma(rgb) < NEUTRAL_CHROMA) {
            let name = nearest_css(rgb);
            assert!(chroma_of(name) < NEUTRAL_CHROMA, "{rgb:?} is called {name}");
        }
        for (rgb, name) in [([60; 3], "dimgray"), ([230; 3], "gainsboro"), ([10; 3], "black")] {
            assert_eq!(nearest_css(rgb), name);
        }
    }

    #[test]
    fn of_two_css_names_for_one_colour_the_first_wins() {
        for (rgb, name) in [
            ([128; 3], "gray"),
            ([0, 255, 255], "aqua"),
            ([255, 0, 255], "fuchsia"),
            ([47, 79, 79], "darkslategray"),
        ] {
            assert_eq!(nearest_css(rgb), name);
        }
    }
}
