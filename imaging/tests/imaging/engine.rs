//! Tests the whole pipeline: orientation, unusual shapes, cancellation, timings, and that the same picture always gives
//! the same bytes: again, on another thread, after other pictures, and in every format.

use std::cell::Cell;
use std::time::Duration;

use crate::bench_pictures;
use huemill_imaging::{
    Aspect, CardFormat, CardKind, CropMethod, Engine, Error, Limits, Monitor, Options, Outcome, Stage,
    Unmonitored, probe,
};
use image::imageops::{self, flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
use image::{ImageBuffer, Pixel, Rgb, RgbImage};

pub(crate) fn process(bytes: &[u8], options: &Options, monitor: &dyn Monitor) -> Result<Outcome, Error> {
    let probe = probe(bytes, &Limits::default())?;
    Engine::new().unwrap().process(bytes, &probe, options, monitor)
}

fn card(outcome: &Outcome) -> RgbImage {
    image::load_from_memory(&outcome.card.as_ref().unwrap().bytes).unwrap().to_rgb8()
}

/// Cuts the picture out of the card.
fn picture(outcome: &Outcome) -> Vec<u8> {
    imageops::crop_imm(&card(outcome), 8, 8, 1080, 534).to_image().into_raw()
}

/// Turns `upright` the way a camera stores it with this `orientation`.
pub(crate) fn stored<P: Pixel<Subpixel = u8> + 'static>(
    upright: &ImageBuffer<P, Vec<u8>>,
    orientation: u8,
) -> ImageBuffer<P, Vec<u8>> {
    match orientation {
        2 => flip_horizontal(upright),
        3 => rotate180(upright),
        4 => flip_vertical(upright),
        5 => flip_horizontal(&rotate90(upright)),
        6 => rotate270(upright),
        7 => flip_horizontal(&rotate270(upright)),
        8 => rotate90(upright),
        _ => upright.clone(),
    }
}

/// A picture with detail at the bottom right only, so that its best crop is unambiguous.
fn scene(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let busy = x > width / 2 && y > height / 2 && (x / 24 + y / 24) % 2 == 0;
        if busy { Rgb([220, 140, 90]) } else { Rgb([(x * 120 / width) as u8, (y * 120 / height) as u8, 70]) }
    })
}

#[test]
fn all_orientations_give_the_card_of_the_upright_picture() {
    for (width, height) in [(640, 400), (400, 640), (2600, 1700)] {
        let upright = scene(width, height);
        let expected =
            process(&bench_pictures::oriented_jpeg(&upright, 1), &Options::default(), &Unmonitored).unwrap();
        let expected_picture = picture(&expected);
        for orientation in 2..=8 {
            let bytes = bench_pictures::oriented_jpeg(&stored(&upright, orientation), orientation);
            let outcome = process(&bytes, &Options::default(), &Unmonitored).unwrap();
            let source = outcome.source;
            assert_eq!((source.width, source.height, source.orientation), (width, height, orientation));
            let crop = |outcome: &Outcome| [outcome.crop.x, outcome.crop.y].map(f64::from);
            for (found, expected) in crop(&outcome).into_iter().zip(crop(&expected)) {
                // The search moves in steps of two pixels of its copy.
                let step = 2.0 * f64::from(width.min(height)) / 256.0;
                assert!((found - expected).abs() <= step + 1.0, "{orientation}: {:?}", outcome.crop);
            }
            if (outcome.crop.x, outcome.crop.y) == (expected.crop.x, expected.crop.y) {
                let picture = picture(&outcome);
                let distance: u64 =
                    picture.iter().zip(expected_picture.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
                let mean = distance as f64 / picture.len() as f64;
                assert!(mean < 2.0, "orientation {orientation}: mean difference {mean}");
            }
        }
    }
}

#[test]
fn a_crop_lies_inside_the_picture_and_has_its_aspect_ratio() {
    for aspect in ["3:2", "1:1", "9:16", "100:1", "1:100"] {
        let aspect: Aspect = aspect.parse().unwrap();
        let options = Options::default().with_aspect(aspect);
        let outcome = process(&bench_pictures::jpeg(900, 650, 5), &options, &Unmonitored).unwrap();
        let crop = outcome.crop;
        assert!(crop.x + crop.width <= 900 && crop.y + crop.height <= 650, "{crop:?}");
        let (across, down) = (f64::from(aspect.width()), f64::from(aspect.height()));
        let off = (f64::from(crop.width) * down - f64::from(crop.height) * across).abs();
        assert!(off <= across.max(down), "{aspect}: {crop:?}");
        assert!(crop.width == 900 || crop.height == 650, "{aspect}: {crop:?} could be larger");
    }
}

#[test]
fn tiny_and_thin_pictures_are_processed() {
    for (width, height) in [(1, 1), (1, 10_000), (10_000, 1), (2, 3), (65_500, 2), (3, 65_500), (300, 16_000)]
    {
        let bytes = bench_pictures::png(&scene(width, height));
        for aspect in ["3:2", "100:1", "1:100"] {
            let options = Options::default().with_aspect(aspect.parse().unwrap());
            let outcome = process(&bytes, &options, &Unmonitored).unwrap();
            assert_eq!(card(&outcome).dimensions(), (1096, 736));
            assert_eq!(outcome.palette.len(), options.colors());
            let crop = outcome.crop;
            assert!(crop.width >= 1 && crop.height >= 1);
            assert!(crop.x + crop.width <= width && crop.y + crop.height <= height, "{crop:?}");
        }
    }
}

/// Cancels after a number of checks.
struct CancelAfter {
    left: Cell<u32>,
}

impl Monitor for CancelAfter {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn canceled(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left == 0
    }
}

#[test]
fn the_engine_can_be_canceled_at_every_check_and_used_again() {
    let bytes = bench_pictures::jpeg(320, 240, 6);
    let probe = probe(&bytes, &Limits::default()).unwrap();
    let options = Options::default();
    let mut engine = Engine::new().unwrap();
    let mut canceled = 0;
    let outcome = loop {
        let monitor = CancelAfter { left: Cell::new(canceled) };
        match engine.process(&bytes, &probe, &options, &monitor) {
            Err(error) => assert_eq!(error, Error::Canceled),
            Ok(outcome) => break outcome,
        }
        canceled += 1;
    };
    assert!(
        canceled >= Stage::ALL.len() as u32,
        "checked {canceled} times, which is less than once per stage"
    );
    let fresh = process(&bytes, &options, &Unmonitored).unwrap();
    assert!(
        outcome.card.as_ref().unwrap().bytes == fresh.card.as_ref().unwrap().bytes,
        "canceled runs must not affect later ones"
    );
}

/// A clock that advances by a millisecond at each reading.
#[derive(Default)]
struct TickingClock(Cell<u64>);

impl Monitor for TickingClock {
    fn now(&self) -> Duration {
        self.0.set(self.0.get() + 1);
        Duration::from_millis(self.0.get())
    }

    fn canceled(&self) -> bool {
        false
    }
}

#[test]
fn every_stage_is_timed_with_the_clock_of_the_monitor() {
    let outcome =
        process(&bench_pictures::jpeg(320, 240, 6), &Options::default(), &TickingClock::default()).unwrap();
    for (stage, time) in outcome.timings.iter() {
        assert!(time > Duration::ZERO, "stage {} has no duration", stage.name());
    }
    let without = process(&bench_pictures::jpeg(320, 240, 6), &Options::default(), &Unmonitored).unwrap();
    assert_eq!(without.timings.total(), Duration::ZERO);
}

#[test]
fn without_a_card_its_stages_are_skipped_and_the_rest_is_the_same() {
    let bytes = bench_pictures::jpeg(640, 427, 6);
    let without = Options::default().with_card_kind(CardKind::None);
    let outcome = process(&bytes, &without, &TickingClock::default()).unwrap();
    assert!(outcome.card.is_none() && outcome.card_crop.is_none());
    for stage in [Stage::Card, Stage::Encode] {
        assert_eq!(outcome.timings.get(stage), Duration::ZERO, "{}", stage.name());
    }
    let with = process(&bytes, &Options::default(), &Unmonitored).unwrap();
    assert_eq!((outcome.palette, outcome.crop), (with.palette, with.crop));
}

#[test]
fn a_truncated_picture_is_damaged() {
    let mut bytes = bench_pictures::jpeg(320, 240, 6);
    bytes.truncate(bytes.len() / 2);
    let result = process(&bytes, &Options::default(), &Unmonitored);
    assert!(matches!(result, Err(Error::Damaged(_))), "{:?}", result.map(|outcome| outcome.source));
}

#[test]
fn a_picture_is_never_reduced_below_the_size_that_the_card_needs() {
    let scale = |width, height, aspect: &str, method| {
        let bytes = bench_pictures::jpeg(width, height, 7);
        let options = Options::default().with_aspect(aspect.parse().unwrap()).with_crop(method);
        Engine::smallest_scale(&probe(&bytes, &Limits::default()).unwrap(), &options)
    };
    assert!(
        (scale(640, 427, "3:2", CropMethod::Subject) - 1.0).abs() < 1e-9,
        "a small picture is not reduced"
    );
    for aspect in ["3:2", "1:1", "1:3"] {
        let scale = scale(2160, 1440, aspect, CropMethod::Subject);
        assert!((scale - 0.5).abs() < 1e-3, "the card shows a part of the whole picture, whatever the crop");
    }
    assert!(
        (scale(2160, 1440, "1:1", CropMethod::Classic) - 0.75).abs() < 1e-3,
        "the crop is 1440 pixels across"
    );
    assert!(
        (scale(2160, 1440, "1:3", CropMethod::Classic) - 1.0).abs() < 1e-9,
        "the crop is 480 pixels across"
    );
}

#[test]
fn the_kind_of_card_decides_how_far_a_picture_is_reduced() {
    let bytes = bench_pictures::jpeg(3000, 2000, 7);
    let probe = probe(&bytes, &Limits::default()).unwrap();
    let scale = |kind, width| {
        let options = Options::default().with_card_kind(kind).with_card_width(width).unwrap();
        Engine::smallest_scale(&probe, &options)
    };
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-3, "{found} {expected}");
    near(scale(CardKind::Palette, 1080), 1080.0 / 3000.0);
    // As wide as the picture is high in proportion, and 1318 pixels high.
    near(scale(CardKind::Story, 1080), 1318.0 / 2000.0);
    near(scale(CardKind::Crop, 2048), 2048.0 / 3000.0);
    // Palette and crop need so much without any card.
    near(scale(CardKind::None, 1080), 384.0 / 2000.0);
    near(scale(CardKind::Crop, 16), 384.0 / 2000.0);
}

fn process_with(engine: &mut Engine, bytes: &[u8], card: CardFormat) -> Outcome {
    let probe = probe(bytes, &Limits::default()).unwrap();
    engine.process(bytes, &probe, &Options::default().with_card(card), &Unmonitored).unwrap()
}

fn same(a: &Outcome, b: &Outcome) -> bool {
    a.card.as_ref().unwrap().bytes == b.card.as_ref().unwrap().bytes
        && a.palette == b.palette
        && a.crop == b.crop
        && a.source == b.source
}

#[test]
fn engines_on_different_threads_give_the_same_bytes() {
    let pictures = [
        bench_pictures::jpeg(700, 500, 1),
        bench_pictures::jpeg(3000, 2000, 2),
        bench_pictures::png(&bench_pictures::photo(400, 800, 3)),
        bench_pictures::webp(&bench_pictures::photo(300, 300, 4)),
    ];
    let formats = [CardFormat::Png, CardFormat::WebP, CardFormat::Jpeg { quality: 85 }];
    let run = |order: &[usize]| {
        let mut engine = Engine::new().unwrap();
        let mut outcomes: Vec<_> = order
            .iter()
            .flat_map(|index| formats.map(|format| (*index, format)))
            .map(|(index, format)| (index, process_with(&mut engine, &pictures[index], format)))
            .collect();
        outcomes.sort_by_key(|(index, _)| *index);
        outcomes
    };
    let (forwards, backwards) = std::thread::scope(|scope| {
        let a = scope.spawn(|| run(&[0, 1, 2, 3]));
        let b = scope.spawn(|| run(&[3, 2, 1, 0]));
        (a.join().unwrap(), b.join().unwrap())
    });
    assert_eq!(forwards.len(), pictures.len() * formats.len());
    for ((index, a), (_, b)) in forwards.iter().zip(&backwards) {
        assert!(same(a, b), "picture {index} as {:?}", a.card.as_ref().unwrap().format);
    }
}

#[test]
fn an_engine_gives_the_same_result_again_after_another_picture() {
    let bytes = bench_pictures::jpeg(1300, 900, 9);
    let mut engine = Engine::new().unwrap();
    let first = process_with(&mut engine, &bytes, CardFormat::Png);
    process_with(&mut engine, &bench_pictures::png(&bench_pictures::photo(90, 2000, 8)), CardFormat::WebP);
    let again = process_with(&mut engine, &bytes, CardFormat::Png);
    assert!(same(&first, &again));
}
