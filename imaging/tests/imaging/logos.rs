//! Tests what the engine makes of flat and transparent pictures, such as logos: what is not seen counts for nothing, and
//! what is seen stays visible.

use crate::color_sources::with_chunks;
use crate::engine::stored;
use huemill_imaging::{Options, Outcome, Rect, Unmonitored};
use image::{ImageFormat, Rgba, RgbaImage};

const NAVY: [u8; 3] = [16, 32, 96];
const ORANGE: [u8; 3] = [255, 110, 0];

fn process(picture: &RgbaImage) -> Outcome {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    crate::engine::process(bytes.get_ref(), &Options::default(), &Unmonitored).unwrap()
}

/// A disc of one colour with a dot of another on nothing. Its edge is soft over so many pixels.
fn logo(disc: [u8; 3], dot: [u8; 3], soft: f32) -> RgbaImage {
    RgbaImage::from_fn(400, 300, |x, y| {
        let from = |cx: f32, cy: f32| (x as f32 - cx).hypot(y as f32 - cy);
        let opacity = ((100.0 - from(200.0, 150.0)) / soft.max(1.0) + 0.5).clamp(0.0, 1.0);
        let [r, g, b] = if from(240.0, 120.0) < 30.0 { dot } else { disc };
        // The colour of what is not seen at all is noise, as some programs leave it.
        if opacity > 0.0 {
            Rgba([r, g, b, (opacity * 255.0) as u8])
        } else {
            Rgba([0, 200, (x % 256) as u8, 0])
        }
    })
}

fn real_colors(outcome: &Outcome) -> Vec<[u8; 3]> {
    outcome.palette.iter().filter(|swatch| !swatch.derived).map(|swatch| swatch.rgb).collect()
}

#[test]
fn a_logos_palette_has_its_colours_and_no_ground() {
    for soft in [1.0, 24.0] {
        let outcome = process(&logo(NAVY, ORANGE, soft));
        assert_eq!(real_colors(&outcome), [NAVY, ORANGE], "edges of {soft} pixels");
        assert!(outcome.palette[0].share > 0.85, "{:?}", outcome.palette[0]);
        assert!(outcome.summary.is_dark);
    }
}

#[test]
fn a_white_logo_is_seen_on_its_card() {
    let outcome = process(&logo([255; 3], [250; 3], 8.0));
    assert!(real_colors(&outcome).iter().all(|rgb| rgb[0] > 240), "{:?}", outcome.palette);
    let card = image::load_from_memory(&outcome.card.as_ref().unwrap().bytes).unwrap().to_rgb8();
    // The middle of the picture, and its lower left corner.
    let (logo, ground) = (card.get_pixel(548, 275).0, card.get_pixel(20, 520).0);
    assert!(logo[0] > 240 && ground[0] < 60, "{logo:?} on {ground:?}");
}

#[test]
fn the_subject_lies_within_what_is_visible() {
    let upright = RgbaImage::from_fn(400, 300, |x, y| {
        let is_mark = (70..110).contains(&x) && (180..230).contains(&y);
        if is_mark { Rgba([16, 32, 96, 255]) } else { Rgba([0, 200, (x % 256) as u8, 0]) }
    });
    for orientation in 1..=8 {
        let picture = stored(&upright, orientation);
        let mut png = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut png, ImageFormat::Png).unwrap();
        let entry = [&[1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, orientation][..], &[0; 7]].concat();
        let exif = [b"II*\0\x08\0\0\0".to_vec(), entry].concat();
        let bytes = with_chunks(png.get_ref(), &[(*b"eXIf", exif)]);
        let outcome = crate::engine::process(&bytes, &Options::default(), &Unmonitored).unwrap();
        let Rect { x, y, width, height } = outcome.subject;
        let is_inside = x >= 70 && x + width <= 110 && y >= 180 && y + height <= 230;
        assert!(is_inside, "orientation {orientation}: {:?}", outcome.subject);
    }
}

#[test]
fn greys_have_the_names_of_greys() {
    let levels = [24_u8, 36, 60, 144, 150, 234];
    let outcome = process(&RgbaImage::from_fn(300, 200, |x, _| {
        let level = levels[(x / 50) as usize];
        Rgba([level, level, level, 255])
    }));
    for swatch in outcome.palette.iter().filter(|swatch| !swatch.derived) {
        let is_neutral = ["grey", "gray", "black", "white", "charcoal", "silver", "ebony", "jet", "platinum"];
        assert!(
            is_neutral.iter().any(|word| swatch.name.contains(word)),
            "{:?} is {}",
            swatch.rgb,
            swatch.name
        );
    }
}

#[test]
fn an_accent_of_one_per_cent_is_in_the_palette_as_it_is() {
    for (seed, side) in [(1_u32, 45), (2, 63), (3, 90)] {
        let outcome = process(&RgbaImage::from_fn(600, 400, |x, y| {
            if (420..420 + side).contains(&x) && (180..180 + side).contains(&y) {
                return Rgba([ORANGE[0], ORANGE[1], ORANGE[2], 255]);
            }
            // Greens and blues with grain, as of a landscape.
            let grain = (crate::common::hash(x, y, seed) % 25) as u8;
            let shade = (y / 4) as u8;
            let [r, g, b] =
                if y < 150 { [110, 140 + shade, 190] } else { [50, 60 + shade, 40 + (x / 20) as u8] };
            Rgba([r + grain, g + grain, b + grain, 255])
        }));
        let share = f64::from(side * side) / (600.0 * 400.0);
        let orange = outcome.palette.iter().find(|swatch| swatch.rgb == ORANGE);
        let orange = orange.unwrap_or_else(|| panic!("{share}: {:?}", outcome.palette));
        assert!((orange.share - share).abs() < 0.003, "{} instead of {share}", orange.share);
    }
}
