//! Compares the classic palette with the results of the Python package colorthief at its best quality, in
//! `golden/palette.json`.
//!
//! `golden/README.md` describes how that file is made. Photographs are compared if `HUEMILL_PHOTOS` names their folder.

use huemill_imaging::{PaletteMethod, Raster};
use palette::color_difference::Ciede2000;
use palette::{IntoColor, Lab, Srgb};
use serde_json::Value;

/// Limit of the mean difference (CIEDE2000). A trained eye sees differences of about 2 side by side.
const MAX_MEAN: f32 = 3.0;

fn lab(rgb: [u8; 3]) -> Lab {
    Srgb::from(rgb).into_linear::<f32>().into_color()
}

/// A colour that colorthief found, and the number of pixels in its box.
struct GoldenColor {
    rgb: [u8; 3],
    count: u64,
}

fn golden_colors(palette: &Value) -> Vec<GoldenColor> {
    let number = |value: &Value| value.as_u64().unwrap();
    let colors = palette.as_array().unwrap().iter();
    let colors = colors.map(|color| GoldenColor {
        rgb: std::array::from_fn(|channel| number(&color["rgb"][channel]) as u8),
        count: number(&color["count"]),
    });
    // colorthief counts an empty box as a colour.
    colors.filter(|color| color.count > 0).collect()
}

/// Pairs each colour of `expected` with one of `found`, closest pairs first, and returns the mean difference of the
/// pairs. Above seven colours, colorthief returns one fewer than requested.
fn difference(found: &[[u8; 3]], expected: &[GoldenColor]) -> f32 {
    let indexed = found.iter().enumerate();
    let mut pairs: Vec<_> = indexed
        .flat_map(|(a, &rgb)| {
            expected.iter().enumerate().map(move |(b, other)| (lab(rgb).difference(lab(other.rgb)), a, b))
        })
        .collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut taken, mut sum) = ((vec![false; found.len()], vec![false; expected.len()]), 0.0);
    for (difference, a, b) in pairs {
        if !taken.0[a] && !taken.1[b] {
            (taken.0[a], taken.1[b]) = (true, true);
            sum += difference;
        }
    }
    sum / expected.len() as f32
}

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/palette.json")).unwrap()
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
            let found = huemill_imaging::extract_palette(
                &picture,
                &picture,
                PaletteMethod::Classic,
                colors.parse().unwrap(),
            );
            let found: Vec<_> = found.iter().map(|swatch| swatch.rgb).collect();
            let difference = difference(&found, &golden_colors(palette));
            println!("{name} {colors}: {difference:.2}");
            differences.push(difference);
        }
    }
    if !differences.is_empty() {
        let mean = differences.iter().sum::<f32>() / differences.len() as f32;
        println!("mean {mean:.3} of {}", differences.len());
        assert!(mean < MAX_MEAN, "the mean difference is {mean}");
    }
}

fn seeded() -> impl Iterator<Item = (String, Raster)> {
    crate::common::palette_pictures().into_iter().map(|(name, picture)| (format!("{name}.png"), picture))
}

#[test]
fn seeded_pictures_get_the_colours_of_colorthief() {
    compare(seeded());
}

#[test]
fn photographs_get_the_colours_of_colorthief() {
    compare(crate::common::photos().into_iter());
}
