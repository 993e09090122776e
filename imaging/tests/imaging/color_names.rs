//! Tests names of colours: neutrals have names of neutrals, vivid colours never have, and two colours of one palette have
//! names of their own.

use std::collections::BTreeSet;

use huemill_imaging::swatch::{describe, describe_all};
use huemill_imaging::{Swatch, names};
use proptest::prelude::*;

/// What a grey, a white or a black may be called. Written down here once more, so that a word added by mistake is noticed.
const NEUTRAL_WORDS: [&str; 12] = [
    "black", "charcoal", "ebony", "graphite", "grey", "jet", "platinum", "silver", "smoke", "snow", "white",
    "gunmetal",
];

fn is_neutral(name: &str) -> bool {
    name.split(' ').any(|word| NEUTRAL_WORDS.contains(&word))
}

/// A name that says a tint is not one of a grey itself.
fn is_tinted(name: &str) -> bool {
    name.split(' ').any(|word| word.ends_with("ish"))
}

fn chroma(rgb: [u8; 3]) -> f32 {
    describe(rgb, 0.0, false).oklch[1]
}

#[test]
fn every_grey_has_the_name_of_a_grey() {
    for level in 0..=255 {
        let name = names::nearest([level; 3]);
        assert!(is_neutral(name) && !is_tinted(name), "{level} is called {name}");
    }
    assert_eq!(names::nearest([0; 3]), "black");
    assert_eq!(names::nearest([255; 3]), "white");
    // The nearest of CSS is "midnightblue", by distance in Oklab.
    assert!(is_neutral(names::nearest([30, 30, 34])));
}

#[test]
fn familiar_colours_have_the_names_that_people_use() {
    for (rgb, name) in [
        ([255, 0, 0], "red"),
        ([0, 0, 255], "blue"),
        ([128, 128, 128], "grey"),
        ([0, 128, 128], "teal"),
        ([250, 128, 114], "salmon"),
        ([75, 0, 130], "indigo"),
    ] {
        let found = names::nearest(rgb);
        assert!(found.split(' ').any(|word| word == name), "{rgb:?} is called {found}");
    }
}

#[test]
fn the_name_of_css_stands_beside_the_common_one() {
    let swatch = describe([70, 130, 181], 1.0, false);
    assert_eq!(swatch.css_name(), "steelblue");
    assert_ne!(swatch.name, "steelblue");
}

#[test]
fn the_greys_of_a_palette_do_not_share_a_name_while_there_are_others() {
    let greys: Vec<_> = (0..10).map(|step| ([step * 28; 3], 0.1, false)).collect();
    let palette = describe_all(&greys);
    let own: BTreeSet<_> = palette.iter().map(|swatch| swatch.name).collect();
    assert_eq!(own.len(), palette.len(), "{own:?}");
}

fn names_of(palette: &[Swatch]) -> Vec<&'static str> {
    palette.iter().map(|swatch| swatch.name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_near_grey_has_the_name_of_a_grey(level in 2_u8..=253, shift in prop::array::uniform3(-2_i8..=2)) {
        let rgb = shift.map(|shift| level.saturating_add_signed(shift));
        prop_assume!(chroma(rgb) < 0.011);
        prop_assert!(is_neutral(names::nearest(rgb)), "{rgb:?} is called {}", names::nearest(rgb));
    }

    #[test]
    fn a_vivid_colour_is_never_called_grey_white_or_black(rgb in any::<[u8; 3]>()) {
        prop_assume!(chroma(rgb) > 0.081);
        prop_assert!(!is_neutral(names::nearest(rgb)), "{rgb:?} is called {}", names::nearest(rgb));
    }

    #[test]
    fn colours_of_a_palette_share_names_only_where_they_look_alike(
        colors in prop::collection::vec(any::<[u8; 3]>(), 1..=20),
    ) {
        let described: Vec<_> = colors.iter().map(|&rgb| (rgb, 0.05, false)).collect();
        let palette = describe_all(&described);
        let names = names_of(&palette);
        prop_assert_eq!(names[0], names::nearest(colors[0]));
        for (at, name) in names.iter().enumerate() {
            if let Some(other) = names[..at].iter().position(|other| other == name) {
                // A shared name is then the nearest of both.
                prop_assert_eq!(*name, names::nearest(colors[at]), "{:?} {:?}", colors[at], colors[other]);
            }
        }
    }
}
