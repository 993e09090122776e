//! Tests the crop: it lies inside the picture, has the requested aspect ratio, and equals that of smartcrop2.

use std::num::NonZeroU32;

use huemill_imaging::{Aspect, Crop, Raster, best_crop};
use proptest::prelude::*;
use smartcrop::{Image, RGB, ResizableImage, ScoredCrop};

use crate::common::{grainy, hash, raster};

fn aspect(width: u32, height: u32) -> Aspect {
    Aspect::new(width, height).expect("both numbers are from 1 to 100")
}

/// Crops a picture that serves as its own small copy.
fn crop(picture: &Raster, aspect: Aspect) -> Crop {
    best_crop(picture, (picture.width(), picture.height()), aspect)
}

/// Gives smartcrop2 access to a raster. It is only given small pictures, so it must not scale them.
struct SmartcropImage(Raster);

impl Image for SmartcropImage {
    fn width(&self) -> u32 {
        self.0.width()
    }

    fn height(&self) -> u32 {
        self.0.height()
    }

    fn get(&self, x: u32, y: u32) -> RGB {
        let [r, g, b] = self.0.pixel(x, y);
        RGB { r, g, b }
    }
}

impl ResizableImage<SmartcropImage> for SmartcropImage {
    fn resize(&self, width: u32, height: u32) -> SmartcropImage {
        assert_eq!((width, height), (self.width(), self.height()));
        SmartcropImage(self.0.clone())
    }

    fn crop_and_resize(&self, _: smartcrop::Crop, _: u32, _: u32) -> SmartcropImage {
        unreachable!("only find_best_crop_no_borders calls this")
    }
}

fn reference(picture: &Raster, aspect: Aspect) -> ScoredCrop {
    let side = |side| NonZeroU32::new(side).unwrap();
    smartcrop::find_best_crop(&SmartcropImage(picture.clone()), side(aspect.width()), side(aspect.height()))
        .unwrap()
}

/// Compares the score with smartcrop2's, and the position too if only one position has that score.
fn assert_same(picture: &Raster, aspect: Aspect, unique: bool) {
    let (found, expected) = (crop(picture, aspect), reference(picture, aspect));
    let difference = (found.score - expected.score.total).abs();
    assert!(difference < 1e-12, "{aspect}: {} is not {}", found.score, expected.score.total);
    assert_eq!((found.width, found.height), (expected.crop.width, expected.crop.height), "{aspect}");
    if unique {
        assert_eq!((found.x, found.y), (expected.crop.x, expected.crop.y), "{aspect}");
    }
}

#[test]
fn seeded_pictures_get_the_crops_of_smartcrop2() {
    for (name, picture) in crate::common::crop_pictures() {
        for (width, height) in [(3, 2), (1, 1), (16, 9), (2, 3), (9, 16), (100, 1), (1, 100)] {
            println!("{name} {width}:{height}");
            assert_same(&picture, aspect(width, height), true);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn grainy_pictures_get_the_crops_of_smartcrop2(
        width in 16_u32..300, height in 16_u32..300, seed: u32, base: [u8; 3], spread in 3_i32..120,
        (across, down) in prop::sample::select(vec![(3, 2), (1, 1), (16, 9), (2, 3), (5, 1), (1, 7)]),
    ) {
        let picture = raster(width, height, |x, y| {
            let tile = hash(x / 24, y / 24, seed);
            if tile.is_multiple_of(3) {
                grainy(base, spread, x, y, seed % 1000)
            } else {
                grainy([tile as u8, 90, 60], 9, x, y, 7)
            }
        });
        assert_same(&picture, aspect(across, down), true);
    }

    #[test]
    fn flat_and_regular_pictures_score_as_in_smartcrop2(
        width in 1_u32..200, height in 1_u32..200, colors: [[u8; 3]; 2], period in 1_u32..64,
        (across, down) in prop::sample::select(vec![(3, 2), (1, 1), (16, 9), (1, 3)]),
    ) {
        let picture = raster(width, height, |x, y| colors[((x / period + y / period) % 2) as usize]);
        assert_same(&picture, aspect(across, down), false);
    }

    #[test]
    fn a_crop_lies_inside_the_picture_and_has_its_aspect_ratio(
        small in (1_u32..80, 1_u32..80), factor in 1.0_f64..60.0, across in 1_u32..=100, down in 1_u32..=100, seed: u32,
    ) {
        let source = [small.0, small.1].map(|side| (f64::from(side) * factor) as u32);
        let picture = raster(small.0, small.1, |x, y| hash(x, y, seed).to_le_bytes()[..3].try_into().unwrap());
        let crop = best_crop(&picture, (source[0], source[1]), aspect(across, down));
        prop_assert!(crop.width >= 1 && crop.x + crop.width <= source[0], "{crop:?} in {source:?}");
        prop_assert!(crop.height >= 1 && crop.y + crop.height <= source[1], "{crop:?} in {source:?}");
        // One side equals that of the picture, and the other follows from it, rounded to the nearest pixel.
        let (w, h) = (f64::from(crop.width), f64::from(crop.height));
        let ratio = f64::from(across) / f64::from(down);
        // An ideal side may end in .5, give or take what the division lost.
        let exact = |side: f64, ideal: f64| (side - ideal).abs() <= 0.5 + 1e-9 || (side <= 1.0 && ideal < 1.0);
        prop_assert!(
            (crop.height == source[1] && exact(w, h * ratio)) || (crop.width == source[0] && exact(h, w / ratio)),
            "{crop:?} in {source:?} at {across}:{down}"
        );
        prop_assert!(crop.score.is_finite());
    }
}

#[test]
fn a_flat_picture_is_cropped_at_the_centre() {
    // There are no edges inside, and the aspect ratio leaves the same margin on both sides.
    for (width, height, expected) in
        [(64, 7, (24, 0)), (7, 64, (0, 24)), (1, 10_000, (0, 5000)), (10_000, 1, (5000, 0))]
    {
        let found = crop(&raster(width, height, |_, _| [90; 3]), aspect(1, 1));
        let near = |a: u32, b: u32| a.abs_diff(b) <= 8;
        assert!(near(found.x, expected.0) && near(found.y, expected.1), "{width}x{height}: {found:?}");
    }
}

#[test]
fn pictures_of_extreme_shapes_are_cropped() {
    for (width, height) in [(1, 1), (1, 10_000), (10_000, 1), (2, 2), (7, 9), (16_384, 3), (8, 16_384)] {
        for ratio in [(3, 2), (1, 1), (100, 1), (1, 100)] {
            let found = crop(&raster(width, height, |x, y| [x as u8, y as u8, 7]), aspect(ratio.0, ratio.1));
            assert!(found.x + found.width <= width && found.y + found.height <= height, "{found:?}");
            assert!(found.width >= 1 && found.height >= 1, "{found:?}");
        }
    }
}

#[test]
fn a_picture_with_the_requested_aspect_ratio_is_not_cropped() {
    let found = best_crop(&raster(384, 256, |x, y| [x as u8, y as u8, 0]), (3000, 2000), aspect(3, 2));
    assert_eq!((found.x, found.y, found.width, found.height), (0, 0, 3000, 2000));
}
