//! Tests the palette: any picture gives exactly the requested number of colours, with correct shares.

use std::collections::HashMap;

use huemill_imaging::{PaletteMethod, Raster, Swatch};
use proptest::prelude::*;

use crate::common::{grainy, hash, raster};

/// The balanced palette of a picture that is its own small copy.
fn extract_palette(picture: &Raster, colors: usize) -> Vec<Swatch> {
    huemill_imaging::extract_palette(picture, picture, PaletteMethod::Balanced, colors)
}

/// Checks what must hold for every palette.
fn assert_valid(palette: &[Swatch], colors: usize) {
    assert_eq!(palette.len(), colors, "{palette:?}");
    let sum: f64 = palette.iter().map(|swatch| swatch.share).sum();
    assert!((sum - 1.0).abs() < 1e-9, "the shares sum to {sum}");
    for pair in palette.windows(2) {
        assert!(pair[0].share >= pair[1].share, "{pair:?}");
        assert!(pair[0].derived <= pair[1].derived, "a shade precedes a colour: {pair:?}");
    }
    for (index, swatch) in palette.iter().enumerate() {
        assert_eq!(swatch.derived, swatch.share == 0.0, "{swatch:?}");
        assert!(palette[..index].iter().all(|other| other.rgb != swatch.rgb), "duplicate {swatch:?}");
        let [l, c, h] = swatch.oklch;
        assert!((0.0..=1.0).contains(&l) && c >= 0.0 && (0.0..360.0).contains(&h), "{swatch:?}");
    }
}

/// The colours that are not derived shades, with their shares.
fn real(palette: &[Swatch]) -> Vec<([u8; 3], f64)> {
    palette.iter().filter(|swatch| !swatch.derived).map(|swatch| (swatch.rgb, swatch.share)).collect()
}

fn flat(width: u32, height: u32, rgb: [u8; 3]) -> Raster {
    raster(width, height, |_, _| rgb)
}

#[test]
fn a_flat_picture_gets_its_colour_and_shades_of_it() {
    for (width, height) in [(1, 1), (1, 10_000), (10_000, 1), (33, 21)] {
        for rgb in [
            [0; 3],
            [255; 3],
            [128; 3],
            [255, 0, 0],
            [0, 0, 255],
            [255, 255, 0],
            [12, 200, 140],
            [253, 252, 255],
        ] {
            for colors in [2, 3, 10, 20] {
                let palette = extract_palette(&flat(width, height, rgb), colors);
                assert_valid(&palette, colors);
                assert_eq!(real(&palette), [(rgb, 1.0)]);
            }
        }
    }
}

#[test]
fn shades_keep_the_hue_and_differ_in_lightness() {
    let palette = extract_palette(&flat(4, 4, [30, 90, 200]), 6);
    let hue = palette[0].oklch[2];
    for shade in &palette[1..] {
        let apart = (shade.oklch[2] - hue).abs();
        assert!(apart.min(360.0 - apart) < 6.0, "{shade:?} is not a shade of {hue}");
    }
    for (index, a) in palette.iter().enumerate() {
        for b in &palette[..index] {
            assert!((a.oklch[0] - b.oklch[0]).abs() > 0.06, "{a:?} and {b:?} are too similar");
        }
    }
}

#[test]
fn a_request_for_more_shades_keeps_the_earlier_ones() {
    let picture = raster(8, 8, |x, _| if x < 5 { [200, 30, 60] } else { [20, 20, 20] });
    let most = extract_palette(&picture, 20);
    for colors in 2..20 {
        assert_eq!(extract_palette(&picture, colors), most[..colors]);
    }
}

#[test]
fn a_few_colours_in_one_bin_stay_separate() {
    let picture = raster(10, 10, |x, _| if x < 7 { [250; 3] } else { [248; 3] });
    assert_eq!(real(&extract_palette(&picture, 5)), [([250; 3], 0.7), ([248; 3], 0.3)]);
}

#[test]
fn black_on_white_gives_both_colours() {
    let picture = raster(10, 10, |x, y| if x == y { [0; 3] } else { [255; 3] });
    for colors in [2, 10] {
        assert_eq!(real(&extract_palette(&picture, colors)), [([255; 3], 0.9), ([0; 3], 0.1)]);
    }
}

#[test]
fn white_is_a_colour_like_others() {
    let picture =
        raster(
            100,
            100,
            |x, y| if y < 80 { [255; 3] } else { [1, 2, 3].map(|seed| hash(x, y, seed) as u8 / 2) },
        );
    let palette = extract_palette(&picture, 10);
    assert_valid(&palette, 10);
    assert_eq!((palette[0].rgb, palette[0].share), ([255; 3], 0.8));
}

/// A picture of grainy mud with a patch of one vivid colour.
fn accent(share: u32, seed: u32) -> Raster {
    let side = f64::from(300 * 200 * share / 100).sqrt() as u32;
    raster(300, 200, |x, y| {
        let inside = |at: u32, from: u32| (from..from + side).contains(&at);
        let base = [[96, 92, 84], [60, 70, 58], [140, 132, 120]][(y / 67) as usize];
        if inside(x, 200) && inside(y, 90) { [255, 110, 0] } else { grainy(base, 30, x, y, seed) }
    })
}

#[test]
fn a_vivid_patch_of_one_per_cent_is_among_ten_colours_exactly() {
    for seed in 0..8 {
        for share in [1, 2, 4] {
            let palette = extract_palette(&accent(share, seed), 10);
            assert_valid(&palette, 10);
            let found = palette.iter().find(|swatch| swatch.rgb == [255, 110, 0]);
            assert!(found.is_some(), "{share} % with seed {seed}: {palette:?}");
        }
    }
}

#[test]
fn no_two_colours_look_alike() {
    for seed in 0..8 {
        let picture = raster(200, 200, |x, y| {
            let base = [(x / 50 * 60) as u8, (y / 50 * 60) as u8, hash(x / 50, y / 50, seed) as u8];
            grainy(base, 40, x, y, seed)
        });
        let palette = extract_palette(&picture, 12);
        for (index, a) in palette.iter().enumerate().filter(|(_, swatch)| !swatch.derived) {
            for b in &palette[..index] {
                assert!(difference(a, b) >= 4.0, "{a:?} and {b:?}");
            }
        }
    }
}

/// The difference of two colours (CIEDE2000).
fn difference(a: &Swatch, b: &Swatch) -> f32 {
    use palette::color_difference::Ciede2000;
    use palette::{FromColor, Lab, Srgb};
    let lab = |swatch: &Swatch| Lab::from_color(Srgb::from(swatch.rgb).into_linear::<f32>());
    lab(a).difference(lab(b))
}

#[test]
fn a_grey_picture_gives_greys() {
    let picture = raster(256, 64, |x, y| grainy([x as u8; 3], 1, x, y, 7).map(|_| x as u8));
    let palette = extract_palette(&picture, 10);
    assert_valid(&palette, 10);
    assert!(palette.iter().all(|swatch| swatch.oklch[1] == 0.0), "{palette:?}");
    let real = real(&palette);
    assert!(real.len() >= 8, "{real:?}");
}

#[test]
fn a_dominant_flat_colour_does_not_displace_others() {
    // ColorThief splits the single bin of the background again and again, into empty boxes.
    let picture = raster(100, 100, |x, y| {
        if y < 90 { [20, 60, 180] } else { [1, 2, 3].map(|seed| hash(x, y, seed) as u8 & 0xf8) }
    });
    let palette = extract_palette(&picture, 10);
    assert_valid(&palette, 10);
    assert!(palette.iter().all(|swatch| !swatch.derived), "{palette:?}");
    assert!(palette[0].share >= 0.9 && palette[0].rgb == [20, 60, 180], "{:?}", palette[0]);
}

#[test]
fn sampling_a_large_picture_is_not_biased_by_stripes() {
    // Two million pixels, with stripes of many widths that a sampling stride could match.
    for width in [1, 2, 8, 16, 64] {
        let picture =
            raster(2048, 1024, |x, _| if x / width % 2 == 0 { [200, 40, 40] } else { [40, 40, 200] });
        let palette = extract_palette(&picture, 2);
        assert_valid(&palette, 2);
        for swatch in palette {
            assert!((swatch.share - 0.5).abs() < 0.02, "stripes of {width}: {swatch:?}");
        }
    }
}

#[test]
fn forty_megapixels_do_not_overflow() {
    let picture = Raster::new(8000, 5000, vec![247; 8000 * 5000 * 3]).unwrap();
    assert_eq!(real(&extract_palette(&picture, 10)), [([247; 3], 1.0)]);
}

#[test]
fn the_number_of_colours_is_clamped() {
    let picture = flat(3, 3, [9, 99, 199]);
    assert_valid(&extract_palette(&picture, 0), 2);
    assert_valid(&extract_palette(&picture, 1000), 20);
}

/// Generates pictures with grain, flat tiles and white paper.
fn picture() -> impl Strategy<Value = Raster> {
    (1_u32..90, 1_u32..90, any::<u32>(), 1_u32..24, 0_i32..90, any::<bool>()).prop_map(
        |(width, height, seed, tile, spread, paper)| {
            raster(width, height, |x, y| {
                let bits = hash(x / tile, y / tile, seed);
                let base = [bits as u8, (bits >> 8) as u8, (bits >> 16) as u8];
                if paper && bits >> 30 == 0 { [255; 3] } else { grainy(base, spread, x, y, seed % 9999) }
            })
        },
    )
}

proptest! {
    #[test]
    fn every_palette_is_valid(picture in picture(), colors in 2_usize..=20) {
        let palette = extract_palette(&picture, colors);
        assert_valid(&palette, colors);
        prop_assert_eq!(&palette, &extract_palette(&picture, colors), "a second extraction must give the same palette");
    }

    #[test]
    fn the_order_of_pixels_does_not_change_the_palette(picture in picture(), colors in 2_usize..=20, seed: u32) {
        let palette = extract_palette(&picture, colors);
        let (width, height) = (picture.width(), picture.height());
        let flipped = raster(width, height, |x, y| picture.pixel(width - 1 - x, y));
        prop_assert_eq!(&palette, &extract_palette(&flipped, colors));
        let turned = raster(height, width, |x, y| picture.pixel(y, x));
        prop_assert_eq!(&palette, &extract_palette(&turned, colors));
        let mut pixels = picture.pixels().to_vec();
        for index in (1..pixels.len()).rev() {
            pixels.swap(index, hash(index as u32, 0, seed) as usize % (index + 1));
        }
        let shuffled = Raster::new(width, height, pixels.concat()).unwrap();
        prop_assert_eq!(&palette, &extract_palette(&shuffled, colors));
    }

    #[test]
    fn a_picture_with_few_colours_gets_exactly_these(
        inks in prop::collection::hash_set(any::<[u8; 3]>(), 1..=20), more in 0_usize..5,
        width in 1_u32..60, height in 1_u32..60, seed: u32,
    ) {
        let inks: Vec<_> = inks.into_iter().collect();
        let picture = raster(width, height, |x, y| inks[hash(x, y, seed) as usize % inks.len()]);
        let mut counts = HashMap::<_, u32>::new();
        for &pixel in picture.pixels() {
            *counts.entry(pixel).or_default() += 1;
        }
        let colors = (counts.len() + more).clamp(2, 20);
        let palette = extract_palette(&picture, colors);
        assert_valid(&palette, colors);
        let found: HashMap<_, _> = real(&palette).into_iter().collect();
        let total = f64::from(width * height);
        let expected: HashMap<_, _> =
            counts.into_iter().map(|(rgb, count)| (rgb, f64::from(count) / total)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn the_classic_palette_is_that_of_the_crate_color_thief(seed: u32, tile in 1_u32..4, colors in 4_usize..=7) {
        // All pixels are at the centre of their bin, so the means of bin centres are means of pixels.
        let picture = raster(40, 40, |x, y| {
            let bits = hash(x / tile, y / tile, seed);
            [bits, bits >> 8, bits >> 16].map(|channel| channel as u8 & 0xf8 | 4)
        });
        // The crate reads only every third pixel, even at its best quality.
        let thrice: Vec<u8> = picture.pixels().iter().flat_map(|pixel| [*pixel; 3]).flatten().collect();
        let format = color_thief::ColorFormat::Rgb;
        let expected = color_thief::get_palette(&thrice, format, 1, colors as u8).unwrap();
        let found = huemill_imaging::extract_palette(&picture, &picture, PaletteMethod::Classic, colors);
        prop_assert_eq!(expected.len(), colors);
        prop_assert_eq!(found.len(), colors);
        let shares: f64 = found.iter().map(|swatch| swatch.share).sum();
        prop_assert!((shares - 1.0).abs() < 1e-9);
        for color in expected {
            let near = |swatch: &Swatch| {
                let [r, g, b] = swatch.rgb;
                r.abs_diff(color.r) <= 1 && g.abs_diff(color.g) <= 1 && b.abs_diff(color.b) <= 1
            };
            prop_assert!(found.iter().any(near), "{:?} is not among {:?}", color, found);
        }
    }
}
