//! Compares the crop with the results of the npm package smartcrop in `golden/crop.json`.
//!
//! `golden/README.md` describes how that file is made. Photographs are compared if `HUEMILL_PHOTOS` names their folder.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use huemill_imaging::{Aspect, Crop, Raster, SHORT_SIDE, classic_crop};
use serde_json::Value;

/// Minimum overlap of each crop with that of smartcrop.js, as intersection over union.
const MIN_OVERLAP: f64 = 0.7;
/// Minimum mean overlap.
const MIN_MEAN: f64 = 0.9;

/// Scales the short side to [`SHORT_SIDE`], unless it is shorter already.
fn scale_down(picture: Raster) -> Raster {
    let short = picture.width().min(picture.height());
    if short <= SHORT_SIDE {
        return picture;
    }
    let side = |side: u32| (f64::from(side) * f64::from(SHORT_SIDE) / f64::from(short)).round() as u32;
    let (width, height) = (side(picture.width()), side(picture.height()));
    let mut data = vec![0; (width * height * 3) as usize];
    let from = TypedImageRef::<U8x3>::from_buffer(picture.width(), picture.height(), picture.data()).unwrap();
    let mut to = TypedImage::<U8x3>::from_buffer(width, height, &mut data).unwrap();
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize_typed(&from, &mut to, &options).unwrap();
    Raster::new(width, height, data).unwrap()
}

fn overlap(found: &Crop, expected: &Value) -> f64 {
    let number = |key: &str| expected[key].as_f64().unwrap();
    let shared = |a: u32, a_side: u32, b: f64, b_side: f64| {
        let a = f64::from(a);
        ((a + f64::from(a_side)).min(b + b_side) - a.max(b)).max(0.0)
    };
    let both = shared(found.x, found.width, number("x"), number("width"))
        * shared(found.y, found.height, number("y"), number("height"));
    let all = f64::from(found.width) * f64::from(found.height) + number("width") * number("height");
    both / (all - both)
}

fn compare(pictures: impl Iterator<Item = (String, Raster)>) {
    let golden: Value = serde_json::from_str(include_str!("../golden/crop.json")).unwrap();
    let mut overlaps = Vec::new();
    for (name, picture) in pictures {
        let Some(crops) = golden[&name].as_object() else {
            println!("{name}: not in the golden file");
            continue;
        };
        let source = (picture.width(), picture.height());
        let small = scale_down(picture);
        for (aspect, expected) in crops {
            let found = classic_crop(&small, source, aspect.parse::<Aspect>().unwrap());
            let overlap = overlap(&found, expected);
            println!("{name} {aspect}: {overlap:.3}");
            assert!(overlap > MIN_OVERLAP, "{name} {aspect}: {found:?} instead of {expected}");
            overlaps.push(overlap);
        }
    }
    if !overlaps.is_empty() {
        let mean = overlaps.iter().sum::<f64>() / overlaps.len() as f64;
        println!("mean {mean:.4} of {}", overlaps.len());
        assert!(mean > MIN_MEAN, "the mean overlap is {mean}");
    }
}

#[test]
fn seeded_pictures_get_the_crops_of_smartcrop_js() {
    compare(
        crate::common::crop_pictures().into_iter().map(|(name, picture)| (format!("{name}.png"), picture)),
    );
}

#[test]
fn photographs_get_the_crops_of_smartcrop_js() {
    compare(crate::common::photos().into_iter());
}
