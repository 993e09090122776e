//! Tests that faces are found where the crate rustface, which evaluates the same model, finds them, and nowhere else.

use huemill_imaging::{Face, FaceFinder, Raster, Top};
use proptest::prelude::*;

use crate::common::{crop_pictures, hash, palette_pictures, raster};
use crate::portrait::{MONK_TONES, Portrait, draw};

const WHITE: [f32; 3] = [1.0; 3];
const WARM: [f32; 3] = [1.05, 0.95, 0.72];
const COLD: [f32; 3] = [0.85, 0.97, 1.12];

fn finder() -> FaceFinder {
    FaceFinder::new().unwrap()
}

/// The faces that rustface finds, with the settings that our search has.
fn reference(picture: &Raster) -> Vec<Face> {
    let file = std::io::Cursor::new(include_bytes!(concat!(env!("OUT_DIR"), "/faces.bin")));
    let mut detector = rustface::create_detector_with_model(rustface::read_model(file).unwrap());
    detector.set_score_thresh(2.0);
    detector.set_pyramid_scale_factor(0.8);
    detector.set_slide_window_step(4, 4);
    let luma = |pixel: &[u8; 3]| {
        (0.2126 * f32::from(pixel[0]) + 0.7152 * f32::from(pixel[1]) + 0.0722 * f32::from(pixel[2])) as u8
    };
    let grey: Vec<u8> = picture.pixels().iter().map(luma).collect();
    let found = detector.detect(&rustface::ImageData::new(&grey, picture.width(), picture.height()));
    let face = |found: &rustface::FaceInfo| Face {
        x: found.bbox().x() as f32,
        y: found.bbox().y() as f32,
        width: found.bbox().width() as f32,
        height: found.bbox().height() as f32,
        score: found.score() as f32,
        top: Top::Up,
    };
    found.iter().map(face).collect()
}

fn assert_same_place(ours: &Face, theirs: &Face, what: &str) {
    let near = |a: f32, b: f32| (a - b).abs() <= 0.12 * theirs.width;
    let same = near(ours.x, theirs.x) && near(ours.y, theirs.y) && near(ours.width, theirs.width);
    assert!(same, "{what}: {ours:?} instead of {theirs:?}");
}

fn portrait(tone: usize, seed: u32) -> Portrait {
    let offset = |channel: u32| (hash(seed, channel, 77) % 40) as f32;
    let radius = 34.0 + offset(1);
    Portrait {
        x: 110.0 + offset(2),
        y: 100.0 + offset(3),
        radius,
        tone: MONK_TONES[tone],
        light: WHITE,
        seed,
    }
}

#[test]
fn faces_of_all_tones_are_found_where_rustface_finds_them() {
    for tone in 0..MONK_TONES.len() {
        for seed in 0..2 {
            let what = format!("tone {} of 10, seed {seed}", tone + 1);
            let picture = draw(280, 256, portrait(tone, seed));
            let (ours, theirs) = (finder().find(&picture), reference(&picture));
            assert_eq!((ours.len(), theirs.len()), (1, 1), "{what}: {ours:?} instead of {theirs:?}");
            assert_same_place(&ours[0], &theirs[0], &what);
        }
    }
}

#[test]
fn faces_of_all_tones_are_found_in_warm_and_cold_light() {
    for light in [WARM, COLD] {
        for tone in 0..MONK_TONES.len() {
            let picture = draw(256, 256, Portrait { light, ..portrait(tone, 5) });
            assert_eq!(finder().find(&picture).len(), 1, "tone {} of 10 under {light:?}", tone + 1);
        }
    }
}

#[test]
fn faces_in_grey_pictures_are_found() {
    let colour = draw(256, 256, portrait(4, 3));
    let grey = raster(256, 256, |x, y| [colour.pixel(x, y)[1]; 3]);
    assert_eq!(finder().find(&grey).len(), 1);
}

#[test]
fn a_face_on_its_side_is_found_where_skin_fills_the_picture() {
    let upright = draw(256, 200, Portrait { x: 120.0, y: 100.0, radius: 52.0, ..portrait(4, 1) });
    let warm = raster(256, 200, |x, y| {
        let far = (x as f32 - 120.0).hypot(y as f32 - 100.0) > 75.0;
        if far { [200, 165, 130] } else { upright.pixel(x, y) }
    });
    let face = finder().find(&warm)[0];
    let left = raster(200, 256, |x, y| warm.pixel(255 - y, x));
    let right = raster(200, 256, |x, y| warm.pixel(y, 199 - x));
    let expected = Face { x: face.y, y: 256.0 - face.x - face.width, ..face };
    let found = finder().find(&left)[0];
    assert_same_place(&found, &expected, "turned to the left");
    assert_eq!(found.top, Top::Left);
    let expected = Face { x: 200.0 - face.y - face.height, y: face.x, ..face };
    let found = finder().find(&right)[0];
    assert_same_place(&found, &expected, "turned to the right");
    assert_eq!(found.top, Top::Right);
}

/// Textures of several kinds, in colours from grey to skin.
fn texture(kind: u32, x: u32, y: u32) -> [u8; 3] {
    let tone = MONK_TONES[(kind % 10) as usize];
    let scale = 2 + kind % 7;
    let shade = match kind % 5 {
        0 => hash(x / scale, y / scale, kind) % 200,
        1 => (x * (kind % 11 + 1) + y * scale) / 3 % 200,
        2 => ((x as f32 / scale as f32).sin() * (y as f32 / 9.0).cos() * 90.0 + 100.0) as u32,
        3 => x / 24 % 2 * 60 + hash(x / 24, y / 24, kind) % 120,
        _ => (x + hash(0, y / (4 * scale), kind) % 64) / 16 % 2 * 150,
    };
    tone.map(|value| (u32::from(value) * (55 + shade) / 255) as u8)
}

#[test]
fn no_face_is_found_in_textures_and_landscapes() {
    let mut finder = (finder(), Vec::new());
    for kind in 0..100 {
        let picture = raster(320, 256, |x, y| texture(kind, x, y));
        let found = finder.0.find(&picture);
        if !found.is_empty() {
            finder.1.push((format!("texture {kind}"), found));
        }
    }
    for (name, picture) in palette_pictures().into_iter().chain(crop_pictures()) {
        let found = finder.0.find(&picture);
        if !found.is_empty() {
            finder.1.push((name.to_owned(), found));
        }
    }
    assert!(finder.1.is_empty(), "{:#?}", finder.1);
}

#[test]
fn pictures_smaller_than_a_face_and_very_long_ones_have_none() {
    for side in 1..=41 {
        for (width, height) in [(side, side), (side, 300), (300, side)] {
            let noise = raster(width, height, |x, y| [hash(x, y, side) as u8; 3]);
            assert_eq!(finder().find(&noise), [], "{width} x {height}");
        }
    }
    for (width, height) in [(1, 20_000), (20_000, 1), (40, 9000), (9000, 40), (256, 1024), (1024, 256)] {
        let stripes = raster(width, height, |x, y| [if (x / 3 + y) % 7 < 3 { 210 } else { 90 }, 120, 100]);
        assert_eq!(finder().find(&stripes), [], "{width} x {height}");
    }
}

#[test]
fn a_face_at_the_edge_is_cut_off_there() {
    for (x, y) in [(30.0, 60.0), (226.0, 60.0), (128.0, 40.0), (128.0, 216.0)] {
        let picture = draw(256, 256, Portrait { x, y, radius: 50.0, ..portrait(4, 2) });
        for face in finder().find(&picture) {
            assert_inside(&face, &picture);
        }
    }
}

#[track_caller]
fn assert_inside(face: &Face, picture: &Raster) {
    let (right, bottom) = (face.x + face.width, face.y + face.height);
    let inside = face.x >= 0.0 && face.y >= 0.0 && face.width > 0.0 && face.height > 0.0;
    assert!(inside && right <= picture.width() as f32 && bottom <= picture.height() as f32, "{face:?}");
    assert!(face.score >= 2.0, "{face:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn faces_lie_inside_any_picture(
        width in 1u32..260, height in 1u32..260, seed: u32,
        (x, y, radius) in (0.0..260.0f32, 0.0..260.0f32, 5.0..150.0f32),
        coarse in 0u32..8,
    ) {
        let drawn = draw(width, height, Portrait { x, y, radius, ..portrait(seed as usize % 10, seed) });
        // Noise of several grains over a part of it.
        let picture = raster(width, height, |x, y| {
            let noisy = hash(x >> (coarse + 2), y >> (coarse + 2), seed) % 4 < coarse / 3;
            if noisy { [1, 2, 3].map(|channel| hash(x >> (coarse / 2), y, seed ^ channel) as u8) } else { drawn.pixel(x, y) }
        });
        for face in finder().find(&picture) {
            assert_inside(&face, &picture);
        }
    }
}
