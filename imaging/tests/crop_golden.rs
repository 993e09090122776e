//! The crop against the npm package smartcrop, whose answers lie in `golden/crop.json`.
//!
//! How the file is made: `golden/README.md`. Photographs are compared where `HUEMILL_PHOTOS` names their folder.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // clippy knows the tests here, not what they share

use fast_image_resize as fr;
use huemill_imaging::{Aspect, Crop, Raster, best_crop, crop::SHORT_SIDE};
use serde_json::Value;

mod common;

/// Each crop shares at least this much with smartcrop.js's, as intersection over union, and this on average.
const LEAST: f64 = 0.7;
const MEAN: f64 = 0.9;

/// The picture with its shorter side at [`SHORT_SIDE`], or as it is.
fn small(picture: Raster) -> Raster {
    let short = picture.width().min(picture.height());
    if short <= SHORT_SIDE {
        return picture;
    }
    let side = |side: u32| (f64::from(side) * f64::from(SHORT_SIDE) / f64::from(short)).round() as u32;
    let (width, height) = (side(picture.width()), side(picture.height()));
    let source =
        fr::images::ImageRef::new(picture.width(), picture.height(), picture.data(), fr::PixelType::U8x3);
    let mut to = fr::images::Image::new(width, height, fr::PixelType::U8x3);
    let options = fr::ResizeOptions::new().resize_alg(fr::ResizeAlg::Convolution(fr::FilterType::Bilinear));
    fr::Resizer::new().resize(&source.unwrap(), &mut to, &options).unwrap();
    Raster::new(width, height, to.into_vec()).unwrap()
}

fn overlap(ours: &Crop, theirs: &Value) -> f64 {
    let number = |key: &str| theirs[key].as_f64().unwrap();
    let shared = |a: u32, a_side: u32, b: f64, b_side: f64| {
        let a = f64::from(a);
        ((a + f64::from(a_side)).min(b + b_side) - a.max(b)).max(0.0)
    };
    let both = shared(ours.x, ours.width, number("x"), number("width"))
        * shared(ours.y, ours.height, number("y"), number("height"));
    let all = f64::from(ours.width) * f64::from(ours.height) + number("width") * number("height");
    both / (all - both)
}

fn compare(pictures: impl Iterator<Item = (String, Raster)>) {
    let golden: Value = serde_json::from_str(include_str!("golden/crop.json")).unwrap();
    let mut overlaps = Vec::new();
    for (name, picture) in pictures {
        let Some(crops) = golden[&name].as_object() else {
            println!("{name}: not in the golden file");
            continue;
        };
        let source = (picture.width(), picture.height());
        let small = small(picture);
        for (aspect, theirs) in crops {
            let ours = best_crop(&small, source, aspect.parse::<Aspect>().unwrap());
            let overlap = overlap(&ours, theirs);
            println!("{name} {aspect}: {overlap:.3}");
            assert!(overlap > LEAST, "{name} {aspect}: {ours:?} is not {theirs}");
            overlaps.push(overlap);
        }
    }
    if !overlaps.is_empty() {
        let mean = overlaps.iter().sum::<f64>() / overlaps.len() as f64;
        println!("mean {mean:.4} of {}", overlaps.len());
        assert!(mean > MEAN, "the mean overlap is {mean}");
    }
}

#[test]
fn seeded_pictures_are_cropped_as_by_smartcrop_js() {
    compare(common::crop_pictures().into_iter().map(|(name, picture)| (format!("{name}.png"), picture)));
}

#[test]
fn photographs_are_cropped_as_by_smartcrop_js() {
    compare(common::photos().into_iter());
}
