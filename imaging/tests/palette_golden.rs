//! The palette against the Python package colorthief at its best quality, whose answers lie in
//! `golden/palette.json`.
//!
//! How the file is made: `golden/README.md`. Photographs are compared where `HUEMILL_PHOTOS` names their folder.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // clippy knows the tests here, not what they share

use huemill_imaging::{Raster, extract_palette};
use palette::color_difference::Ciede2000;
use palette::{IntoColor, Lab, Srgb};
use serde_json::Value;

mod common;

/// The mean difference (CIEDE2000) stays below this. What a trained eye sees side by side is about 2.
const MEAN: f32 = 3.0;

fn lab(rgb: [u8; 3]) -> Lab {
    Srgb::from(rgb).into_linear::<f32>().into_color()
}

/// A colour of colorthief's and how many pixels its box has.
struct Theirs {
    rgb: [u8; 3],
    count: u64,
}

fn theirs(palette: &Value) -> Vec<Theirs> {
    let number = |value: &Value| value.as_u64().unwrap();
    let colors = palette.as_array().unwrap().iter();
    let colors = colors.map(|color| Theirs {
        rgb: std::array::from_fn(|channel| number(&color["rgb"][channel]) as u8),
        count: number(&color["count"]),
    });
    // An empty box is no colour, though colorthief counts it as one.
    colors.filter(|color| color.count > 0).collect()
}

/// Mean difference of the pairs, each colour of `theirs` with one of `ours`: the nearest pair first, then the
/// nearest of what is left. colorthief gives one colour fewer than it was asked for above seven.
fn difference(ours: &[[u8; 3]], theirs: &[Theirs]) -> f32 {
    let of_ours = ours.iter().enumerate();
    let mut pairs: Vec<_> = of_ours
        .flat_map(|(a, &rgb)| {
            theirs.iter().enumerate().map(move |(b, other)| (lab(rgb).difference(lab(other.rgb)), a, b))
        })
        .collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut taken, mut sum) = ((vec![false; ours.len()], vec![false; theirs.len()]), 0.0);
    for (difference, a, b) in pairs {
        if !taken.0[a] && !taken.1[b] {
            (taken.0[a], taken.1[b]) = (true, true);
            sum += difference;
        }
    }
    sum / theirs.len() as f32
}

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/palette.json")).unwrap()
}

fn compare(pictures: impl Iterator<Item = (String, Raster)>) {
    let golden = golden();
    let mut differences = Vec::new();
    for (name, picture) in pictures {
        let Some(palettes) = golden[&name].as_object() else {
            println!("{name}: not in the golden file");
            continue;
        };
        for (colors, palette) in palettes {
            let ours = extract_palette(&picture, colors.parse().unwrap());
            let ours: Vec<_> = ours.iter().map(|swatch| swatch.rgb).collect();
            let difference = difference(&ours, &theirs(palette));
            println!("{name} {colors}: {difference:.2}");
            differences.push(difference);
        }
    }
    if !differences.is_empty() {
        let mean = differences.iter().sum::<f32>() / differences.len() as f32;
        println!("mean {mean:.3} of {}", differences.len());
        assert!(mean < MEAN, "the mean difference is {mean}");
    }
}

fn seeded() -> impl Iterator<Item = (String, Raster)> {
    common::palette_pictures().into_iter().map(|(name, picture)| (format!("{name}.png"), picture))
}

#[test]
fn seeded_pictures_have_colorthiefs_colours() {
    compare(seeded());
}

#[test]
fn photographs_have_colorthiefs_colours() {
    compare(common::photos().into_iter());
}

#[test]
fn the_cuts_are_colorthiefs_own() {
    // Where colorthief gives what it was asked for and no empty box, the boxes are the same, pixel by pixel.
    let golden = golden();
    let mut compared = 0;
    for (name, picture) in seeded() {
        for colors in 4..=7 {
            let mut theirs = theirs(&golden[&name][colors.to_string()]);
            if theirs.len() < colors {
                continue;
            }
            theirs.sort_by_key(|color| std::cmp::Reverse(color.count));
            let total: u64 = theirs.iter().map(|color| color.count).sum();
            let ours = extract_palette(&picture, colors);
            for (ours, theirs) in ours.iter().zip(&theirs) {
                let count = (ours.share * total as f64).round() as u64;
                assert_eq!(count, theirs.count, "{name} with {colors} colours: {ours:?}");
                // Theirs is the mean of bin centres: up to half a bin off, and rounded down.
                for (a, b) in ours.rgb.iter().zip(theirs.rgb) {
                    assert!(a.abs_diff(b) <= 5, "{name} with {colors} colours: {ours:?}, {:?}", theirs.rgb);
                }
            }
            compared += 1;
        }
    }
    assert!(compared >= 16, "only {compared} palettes could be compared");
}
