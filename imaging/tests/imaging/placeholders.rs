//! Tests placeholders: a ThumbHash that the method's own decoder reads, and that looks like the picture.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use huemill_imaging::placeholder::{of_raster, thumbhash};
use huemill_imaging::{ColorSummary, PaletteMethod, Raster, average};

use crate::bench_pictures::photo;
use crate::common::raster;

/// What the placeholder shows: width, height, and the pixels with their opacity.
fn shown(hash: &str) -> (usize, usize, Vec<[u8; 4]>) {
    let bytes = BASE64_STANDARD.decode(hash).unwrap();
    let (width, height, data) = ::thumbhash::thumb_hash_to_rgba(&bytes).unwrap();
    (width, height, data.as_chunks::<4>().0.to_vec())
}

fn photograph(width: u32, height: u32) -> Raster {
    Raster::new(width, height, photo(width, height, 7).into_raw()).unwrap()
}

#[test]
fn a_flat_picture_gives_its_colour_and_shape() {
    for (size, shape) in [
        ((300, 200), 1.5),
        ((200, 300), 0.67),
        ((64, 64), 1.0),
        ((1, 1), 1.0),
        ((2, 1), 2.0),
        ((3, 4), 0.75),
        ((5000, 1), 7.0),
    ] {
        let (width, height, pixels) = shown(&of_raster(&raster(size.0, size.1, |_, _| [40, 120, 200])));
        let ratio = width as f64 / height as f64;
        assert!((ratio / shape - 1.0).abs() < 0.25, "{size:?}: {width} x {height}");
        for [r, g, b, a] in pixels {
            assert!(
                r.abs_diff(40) < 8 && g.abs_diff(120) < 8 && b.abs_diff(200) < 8 && a == 255,
                "{r} {g} {b} {a}"
            );
        }
    }
}

#[test]
fn the_sides_of_a_picture_keep_their_places() {
    let (width, _, pixels) =
        shown(&of_raster(&raster(320, 240, |x, _| if x < 160 { [200, 30, 30] } else { [30, 30, 200] })));
    let row = &pixels[..width];
    assert!(row[2][0] > row[2][2] && row[width - 3][2] > row[width - 3][0], "{row:?}");
}

#[test]
fn a_hash_of_the_small_copy_shows_what_one_of_the_whole_picture_shows() {
    let picture = photograph(96, 72);
    let pixels: Vec<u8> = picture.pixels().iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect();
    let whole = BASE64_STANDARD.encode(::thumbhash::rgba_to_thumb_hash(96, 72, &pixels));
    let (ours, theirs) = (shown(&of_raster(&picture)), shown(&whole));
    assert_eq!((ours.0, ours.1), (theirs.0, theirs.1));
    let differences =
        ours.2.iter().flatten().zip(theirs.2.iter().flatten()).map(|(a, b)| f64::from(a.abs_diff(*b)));
    let mean = differences.sum::<f64>() / (ours.2.len() * 4) as f64;
    assert!(mean < 2.5, "they differ by {mean} on average");
}

#[test]
fn transparent_pixels_have_no_colour() {
    let hash = thumbhash(200, 100, |x, _| if x < 100 { [200, 40, 40, 255] } else { [0, 255, 0, 0] });
    let (width, _, pixels) = shown(&hash);
    let (left, right) = (pixels[width / 8], pixels[width - width / 8]);
    assert!(left[3] > 200 && right[3] < 60, "{left:?} {right:?}");
    assert!(left[0] > 150 && left[1] < 100, "{left:?}");
    assert_eq!(thumbhash(0, 10, |_, _| [0; 4]), "");
}

#[test]
fn a_placeholder_is_short() {
    let hash = of_raster(&photograph(640, 480));
    assert!((20..=36).contains(&hash.len()), "{hash}");
}

#[test]
fn a_summary_has_the_average_and_whether_it_is_dark() {
    for (rgb, is_dark) in [([20, 30, 60], true), ([230, 220, 200], false)] {
        let picture = raster(400, 300, |_, _| rgb);
        let palette = huemill_imaging::extract_palette(&picture, &picture, PaletteMethod::Balanced, 10);
        let summary = ColorSummary::of(&palette, &picture, &picture);
        assert_eq!((summary.average, summary.is_dark), (rgb, is_dark));
        assert_eq!(summary.roles.dominant.unwrap().rgb, rgb);
        assert_eq!(summary.placeholder, of_raster(&picture));
    }
}

#[test]
fn the_average_of_a_large_picture_is_that_of_all_its_pixels() {
    let picture = photograph(1500, 1000);
    let exact = average::average(picture.pixels().iter().copied()).unwrap();
    let sampled = average::of_raster(&picture);
    assert!(exact.iter().zip(sampled).all(|(a, b)| a.abs_diff(b) <= 1), "{exact:?} {sampled:?}");
}
