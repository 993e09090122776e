//! Names colours: the nearest of some 1,500 common names, and the nearest CSS name (`css`). Swatches use it. It cannot
//! fail, because every colour has a nearest name.
//!
//! The list is `names/common.txt`, which is parsed once; `names/LICENCES.md` has its sources and their licences. The nearest
//! name is that with the smallest CIEDE2000 difference among the names that suit the colour: no grey gets the name of a hue,
//! and no vivid colour is called grey, white or black.

mod css;

use std::sync::LazyLock;

use ::palette::color_difference::Ciede2000;
use ::palette::{FromColor, Lab, Srgb};

pub use css::nearest_css;

use crate::oklch::{NEUTRAL_CHROMA, oklab_chroma};

/// The list: six digits and a name on each line, and comments.
const LIST: &str = include_str!("names/common.txt");

/// From this chroma (Oklab), a colour is never called a tinted grey, white or black. `slategray` has 0.04, `steelblue` 0.10.
const VIVID_CHROMA: f32 = 0.08;

/// Maximum difference (CIEDE2000) of a name that replaces a nearer one which another colour of the palette already has. If
/// no name is that near, the two colours share one.
const SPARE_DIFFERENCE: f32 = 7.0;

/// The largest value of `S_L`, the divisor of lightness in CIEDE2000, rounded up.
const LARGEST_LIGHTNESS_SCALE: f32 = 1.75;

/// The words that make a name one of a grey, a white or a black.
const ACHROMATIC: [&str; 16] = [
    "ash", "black", "charcoal", "dove", "ebony", "graphite", "grey", "greyish", "gunmetal", "iron", "jet",
    "platinum", "silver", "smoke", "snow", "white",
];

/// Which colours a name is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Neutrals: "light grey".
    Neutral,
    /// Colours between neutral and vivid: "bluish grey".
    Tinted,
    /// Colours that are not neutral: "steel blue".
    Hue,
}

impl Kind {
    fn of(name: &str, chroma: f32) -> Self {
        let is_achromatic = name.split(' ').any(|word| ACHROMATIC.contains(&word));
        match is_achromatic {
            _ if chroma < NEUTRAL_CHROMA => Self::Neutral,
            true => Self::Tinted,
            false => Self::Hue,
        }
    }

    /// Whether names of this kind suit a colour of this chroma.
    fn suits(self, chroma: f32) -> bool {
        match self {
            Self::Neutral => chroma < NEUTRAL_CHROMA,
            Self::Tinted => (NEUTRAL_CHROMA..VIVID_CHROMA).contains(&chroma),
            Self::Hue => chroma >= NEUTRAL_CHROMA,
        }
    }
}

/// A name of the list and its colour.
#[derive(Debug)]
struct Entry {
    name: &'static str,
    kind: Kind,
    lab: Lab,
    /// Distance from grey in [`Entry::lab`].
    chroma: f32,
}

/// The list by lightness.
static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let mut entries: Vec<_> = lines().map(|(rgb, name)| Entry::new(rgb, name)).collect();
    entries.sort_by(|a, b| a.lab.l.total_cmp(&b.lab.l));
    entries
});

/// Colours and names of the list, in its order.
fn lines() -> impl Iterator<Item = ([u8; 3], &'static str)> {
    LIST.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (digits, name) = line.split_once(' ')?;
        let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(([r, g, b], name))
    })
}

impl Entry {
    fn new(rgb: [u8; 3], name: &'static str) -> Self {
        let lab = lab(rgb);
        Self { name, kind: Kind::of(name, oklab_chroma(rgb)), lab, chroma: lab.a.hypot(lab.b) }
    }

    /// A lower bound of the CIEDE2000 difference to `other`, which takes a fraction of its time.
    ///
    /// From the formula (Sharma, Wu and Dalal 2005): `S_H` is at most `S_C`, and the rotation term takes at most `R_T` / 2
    /// from the squares of chroma and hue together. These are at least those of a and b, since a' is between a and 1.5 a.
    fn least_difference(&self, other: &Target) -> f32 {
        let mean_chroma = 0.75 * (self.chroma + other.chroma);
        // `R_T` is for blue hues: it vanishes if the mean hue is between 0 and 180 degrees.
        let is_blue = self.lab.b < 0.0 || other.lab.b < 0.0;
        let rotation = if is_blue { 1.733 * (mean_chroma / 25.0).powi(3).min(1.0) } else { 0.0 };
        let scale = 1.0 + 0.045 * mean_chroma;
        let (l, a, b) = (self.lab.l - other.lab.l, self.lab.a - other.lab.a, self.lab.b - other.lab.b);
        let plane = (a * a + b * b) / (scale * scale) * (1.0 - rotation / 2.0);
        (l / LARGEST_LIGHTNESS_SCALE).hypot(plane.sqrt())
    }
}

/// The colour that is to be named.
struct Target {
    lab: Lab,
    /// Distance from grey in [`Target::lab`].
    chroma: f32,
    oklab_chroma: f32,
}

impl Target {
    fn new(rgb: [u8; 3]) -> Self {
        let lab = lab(rgb);
        Self { lab, chroma: lab.a.hypot(lab.b), oklab_chroma: oklab_chroma(rgb) }
    }
}

/// The nearest common name of a colour, in lower case: "dusty rose".
#[must_use]
pub fn nearest(rgb: [u8; 3]) -> &'static str {
    // The list has names for every chroma, so there always is one.
    search(rgb, &[]).map_or("grey", |(name, _)| name)
}

/// Names the colours of one palette. If an earlier colour has the nearest name, a colour gets the nearest free one, provided
/// that the difference is at most 7.
#[must_use]
pub fn distinct(colors: &[[u8; 3]]) -> Vec<&'static str> {
    let mut names = Vec::with_capacity(colors.len());
    for &rgb in colors {
        let spare = search(rgb, &names).filter(|(_, difference)| *difference <= SPARE_DIFFERENCE);
        names.push(spare.map_or_else(|| nearest(rgb), |(name, _)| name));
    }
    names
}

/// The nearest name that suits a colour and is not taken, and its difference.
fn search(rgb: [u8; 3], taken: &[&str]) -> Option<(&'static str, f32)> {
    let target = Target::new(rgb);
    let entries = &**ENTRIES;
    let start = entries.partition_point(|entry| entry.lab.l < target.lab.l);
    let mut below = entries[..start].iter().rev().peekable();
    let mut above = entries[start..].iter().peekable();
    let mut best: Option<(&'static str, f32)> = None;
    // Search outwards from the colour's own lightness, until the difference of lightness alone exceeds the best one.
    loop {
        let gap = |entry: &Entry| (entry.lab.l - target.lab.l).abs();
        let is_next_below = match (below.peek(), above.peek()) {
            (Some(lower), Some(upper)) => gap(lower) < gap(upper),
            (lower, _) => lower.is_some(),
        };
        let Some(entry) = (if is_next_below { below.next() } else { above.next() }) else { return best };
        let limit = best.map_or(f32::INFINITY, |(_, difference)| difference);
        if gap(entry) / LARGEST_LIGHTNESS_SCALE > limit {
            return best;
        }
        if entry.kind.suits(target.oklab_chroma)
            && entry.least_difference(&target) < limit
            && !taken.contains(&entry.name)
        {
            let difference = entry.lab.difference(target.lab);
            if difference < limit {
                best = Some((entry.name, difference));
            }
        }
    }
}

fn lab(rgb: [u8; 3]) -> Lab {
    Lab::from_color(Srgb::from(rgb).into_linear::<f32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nearest name by looking at all of them.
    fn by_exhaustion(rgb: [u8; 3]) -> f32 {
        let target = Target::new(rgb);
        let suiting = ENTRIES.iter().filter(|entry| entry.kind.suits(target.oklab_chroma));
        suiting.map(|entry| entry.lab.difference(target.lab)).fold(f32::INFINITY, f32::min)
    }

    fn grid(step: usize) -> impl Iterator<Item = [u8; 3]> {
        let levels = move || (0..=255).step_by(step);
        levels().flat_map(move |r| levels().flat_map(move |g| levels().map(move |b| [r, g, b])))
    }

    #[test]
    fn the_list_has_different_names_in_alphabetical_order_and_different_colours() {
        let (mut colors, names): (Vec<_>, Vec<_>) = lines().unzip();
        assert_eq!(names.len(), LIST.lines().filter(|line| !line.starts_with('#')).count());
        assert!((1_400..1_600).contains(&names.len()), "{}", names.len());
        assert!(names.is_sorted_by(|a, b| a < b));
        colors.sort_unstable();
        assert!(colors.is_sorted_by(|a, b| a < b));
        let is_plain =
            |name: &&str| name.bytes().all(|byte| byte.is_ascii_lowercase() || b" '".contains(&byte));
        assert!(names.iter().all(is_plain));
    }

    #[test]
    fn every_name_of_the_list_names_its_own_colour() {
        for (rgb, name) in lines() {
            assert_eq!(nearest(rgb), name);
        }
    }

    #[test]
    fn the_search_finds_what_looking_at_all_names_finds() {
        for rgb in grid(17) {
            let (name, difference) = search(rgb, &[]).unwrap();
            assert!((difference - by_exhaustion(rgb)).abs() < 1e-6, "{rgb:?} is called {name}");
        }
    }

    #[test]
    fn the_least_difference_is_a_bound() {
        for rgb in grid(51) {
            let target = Target::new(rgb);
            for entry in ENTRIES.iter() {
                let (least, difference) = (entry.least_difference(&target), entry.lab.difference(target.lab));
                assert!(least <= difference + 1e-3, "{rgb:?} {}: {least} > {difference}", entry.name);
            }
        }
    }

    #[test]
    fn a_name_is_near_to_every_colour() {
        let far: Vec<_> = grid(15).filter(|&rgb| search(rgb, &[]).unwrap().1 > 9.0).collect();
        assert!(far.is_empty(), "{far:?}");
    }

    #[test]
    fn a_taken_name_is_shared_only_where_no_other_is_near() {
        let greys: Vec<_> = (100..120).map(|grey| [grey; 3]).collect();
        let names = distinct(&greys);
        let own: std::collections::BTreeSet<_> = names.iter().collect();
        assert!(own.len() > 3 && own.len() < names.len(), "{names:?}");
        for (rgb, name) in greys.iter().zip(&names) {
            let entry = ENTRIES.iter().find(|entry| entry.name == *name).unwrap();
            assert!(entry.lab.difference(lab(*rgb)) <= SPARE_DIFFERENCE, "{rgb:?} is called {name}");
        }
    }
}
