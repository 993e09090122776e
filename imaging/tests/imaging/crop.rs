//! Tests where crops lie: inside the picture, around what it shows, and by smartcrop2 where that is asked for.

use huemill_imaging::{Aspect, Crop, CropMethod, Options, Outcome, Raster, Unmonitored, classic_crop};
use image::RgbImage;
use proptest::prelude::*;

use crate::bench_pictures;
use crate::common::{grainy, hash, raster};

fn aspect(width: u32, height: u32) -> Aspect {
    Aspect::new(width, height).expect("both numbers are from 1 to 100")
}

/// Crops a picture that serves as its own small copy.
fn classic(picture: &Raster, aspect: Aspect) -> Crop {
    classic_crop(picture, (picture.width(), picture.height()), aspect)
}

fn process(picture: &Raster, options: Options) -> Outcome {
    let picture = RgbImage::from_raw(picture.width(), picture.height(), picture.data().to_vec()).unwrap();
    crate::engine::process(&bench_pictures::png(&picture), &options, &Unmonitored).unwrap()
}

/// Whether a rectangle of the picture lies inside a crop.
fn holds(crop: Crop, [x, y, width, height]: [u32; 4]) -> bool {
    crop.x <= x && crop.y <= y && x + width <= crop.x + crop.width && y + height <= crop.y + crop.height
}

/// A grainy wall with a box of another colour and a pattern of its own.
fn wall_with_box(width: u32, height: u32, [left, top, across, down]: [u32; 4]) -> Raster {
    raster(width, height, |x, y| {
        let inside = (left..left + across).contains(&x) && (top..top + down).contains(&y);
        if inside && (x / 9 + y / 9) % 2 == 0 {
            [235, 190, 40]
        } else if inside {
            [180, 40, 50]
        } else {
            grainy([120, 130, 140], 6, x, y, 5)
        }
    })
}

#[test]
fn what_stands_out_is_kept_at_every_aspect_ratio() {
    for place in [[40, 60, 90, 120], [690, 200, 90, 120], [300, 30, 90, 120], [300, 380, 90, 120]] {
        let picture = wall_with_box(800, 520, place);
        for (width, height) in [(3, 2), (1, 1), (16, 9), (2, 1), (9, 16)] {
            let outcome = process(&picture, Options::default().with_aspect(aspect(width, height)));
            assert!(holds(outcome.crop, place), "{place:?} at {width}:{height}: {:?}", outcome.crop);
            let card = outcome.card_crop.unwrap();
            let card = Crop { x: card.x, y: card.y, width: card.width, height: card.height, score: 0.0 };
            assert!(holds(card, place), "{place:?} in the card: {card:?}");
            let subject = outcome.subject;
            assert!(subject.x.abs_diff(place[0]) < 60 && subject.y.abs_diff(place[1]) < 60, "{subject:?}");
        }
    }
}

#[test]
fn a_thin_spire_keeps_its_top() {
    // A church under a plain sky: its spire is a small part of any row.
    let picture = raster(900, 600, |x, y| {
        let spire = x.abs_diff(560) <= (y.saturating_sub(70)) / 14 && (70..520).contains(&y);
        let nave = (500..720).contains(&x) && (380..520).contains(&y);
        match (spire || nave, y > 500) {
            (true, _) => grainy([90, 70, 60], 20, x, y, 3),
            (_, true) => grainy([70, 110, 60], 12, x, y, 4),
            _ => grainy([150, 180, 215], 3, x, y, 5),
        }
    });
    for (width, height) in [(16, 9), (2, 1)] {
        let crop = process(&picture, Options::default().with_aspect(aspect(width, height))).crop;
        assert!(crop.y <= 72, "{width}:{height}: {crop:?}");
    }
}

#[test]
fn a_focus_overrides_the_subject() {
    let picture = wall_with_box(800, 520, [40, 60, 90, 120]);
    let options = Options::default().with_aspect(aspect(1, 1)).with_focus("0.9,0.5".parse().unwrap());
    for options in [options, options.with_crop(CropMethod::Classic)] {
        let outcome = process(&picture, options);
        assert_eq!((outcome.crop.x, outcome.crop.width), (280, 520));
    }
    let middle = process(&picture, options.with_focus("0.5,0.5".parse().unwrap()));
    assert_eq!((middle.crop.x, middle.card_crop.unwrap().y), (140, 62));
}

#[test]
fn where_nothing_decides_the_crop_is_the_middle() {
    for (width, height) in [(640, 200), (200, 640), (10_000, 3), (3, 10_000)] {
        let plain = raster(width, height, |_, _| [90; 3]);
        let crop = process(&plain, Options::default().with_aspect(aspect(1, 1))).crop;
        let near = |at: u32, side: u32, whole: u32| (2 * at + side).abs_diff(whole) <= whole / 20 + 1;
        assert!(near(crop.x, crop.width, width) && near(crop.y, crop.height, height), "{crop:?}");
    }
}

#[test]
fn pictures_of_extreme_shapes_are_cropped_as_by_smartcrop2_or_in_the_middle() {
    for (width, height) in [(1, 1), (1, 10_000), (10_000, 1), (2, 2), (7, 9), (9, 8), (1024, 8), (8, 1024)] {
        for ratio in [(3, 2), (1, 1), (100, 1), (1, 100)] {
            let found =
                classic(&raster(width, height, |x, y| [x as u8, y as u8, 7]), aspect(ratio.0, ratio.1));
            assert!(found.x + found.width <= width && found.y + found.height <= height, "{found:?}");
            assert!(found.width >= 1 && found.height >= 1, "{found:?}");
        }
    }
}

#[test]
fn a_picture_with_the_requested_aspect_ratio_is_not_cropped() {
    let picture = raster(384, 256, |x, y| [x as u8, y as u8, 0]);
    let found = classic_crop(&picture, (3000, 2000), aspect(3, 2));
    assert_eq!((found.x, found.y, found.width, found.height), (0, 0, 3000, 2000));
    let found = process(&picture, Options::default()).crop;
    assert_eq!((found.x, found.y, found.width, found.height), (0, 0, 384, 256));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_crop_lies_inside_the_picture_and_has_its_aspect_ratio(
        small in (1_u32..80, 1_u32..80), factor in 1.0_f64..60.0, across in 1_u32..=100, down in 1_u32..=100, seed: u32,
    ) {
        let source = [small.0, small.1].map(|side| (f64::from(side) * factor) as u32);
        let picture = raster(small.0, small.1, |x, y| hash(x, y, seed).to_le_bytes()[..3].try_into().unwrap());
        let classic = classic_crop(&picture, (source[0], source[1]), aspect(across, down));
        prop_assert!(is_largest(classic, source, (across, down)), "{classic:?} in {source:?} at {across}:{down}");
        let whole = [small.0, small.1];
        let crop = process(&picture, Options::default().with_aspect(aspect(across, down))).crop;
        prop_assert!(is_largest(crop, whole, (across, down)), "{crop:?} in {whole:?} at {across}:{down}");
    }
}

/// Whether a crop lies inside a picture, and is the largest of its aspect ratio: one side equals that of the picture, and
/// the other follows from it, rounded to the nearest pixel.
fn is_largest(crop: Crop, source: [u32; 2], (across, down): (u32, u32)) -> bool {
    let inside = crop.width >= 1
        && crop.x + crop.width <= source[0]
        && crop.height >= 1
        && crop.y + crop.height <= source[1];
    let (w, h) = (f64::from(crop.width), f64::from(crop.height));
    let ratio = f64::from(across) / f64::from(down);
    // An ideal side may end in .5, give or take what the division lost.
    let exact = |side: f64, ideal: f64| (side - ideal).abs() <= 0.5 + 1e-9 || (side <= 1.0 && ideal < 1.0);
    let fits =
        (crop.height == source[1] && exact(w, h * ratio)) || (crop.width == source[0] && exact(h, w / ratio));
    inside && fits && crop.score.is_finite()
}
