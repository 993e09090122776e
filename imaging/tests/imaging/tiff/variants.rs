//! Every combination of compression, predictor, depth, samples, tiles, planes, order of bits and of bytes gives the same
//! pixels.

use proptest::prelude::*;

use super::{decode, try_decode};
use crate::assert_near;
use crate::support::{containers::Entry, pictures::Numbers};
use crate::tiff_support::{DEFLATE, LZW, PACK_BITS, PLAIN, Variant, ZSTANDARD};

/// What the samples mean: `PhotometricInterpretation`, number of samples, kind of the last one (`ExtraSamples`).
type Meaning = (u32, u32, Option<u32>);

const MEANINGS: [Meaning; 9] = [
    (0, 1, None),
    (1, 1, None),
    (2, 3, None),
    (5, 4, None),
    (1, 2, Some(0)),
    (1, 2, Some(2)),
    (2, 4, Some(0)),
    (2, 4, Some(2)),
    (5, 5, Some(2)),
];

/// A pixel over white, by definition.
fn expected(values: &[u16], max: u16, (photometric, samples, extra): Meaning) -> [u8; 3] {
    let light = |index: usize| f64::from(values[index]) / f64::from(max);
    let colour = match photometric {
        0 => [1.0 - light(0); 3],
        1 => [light(0); 3],
        2 => [light(0), light(1), light(2)],
        _ => [0, 1, 2].map(|ink| (1.0 - light(ink)) * (1.0 - light(3))),
    };
    let opacity = if extra == Some(2) { light(samples as usize - 1) } else { 1.0 };
    colour.map(|colour| (255.0 * (colour * opacity + 1.0 - opacity)).round() as u8)
}

/// Encodes random samples and checks the pixels. Samples, inks and opacity are rounded one after another.
fn check(variant: &Variant, meaning: Meaning, seed: u64) {
    let mut numbers = Numbers::new(seed);
    let mut level = 0;
    let values: Vec<u16> = (0..variant.width * variant.height * variant.samples)
        .map(|_| {
            // Runs of equal samples among random ones, so that compression has something to do.
            if numbers.below(3) == 0 {
                level = numbers.below(u64::from(variant.max()) + 1) as u16;
            }
            level
        })
        .collect();
    let pixels = values.chunks(variant.samples as usize);
    let pixels: Vec<u8> = pixels.flat_map(|pixel| expected(pixel, variant.max(), meaning)).collect();
    let raster = try_decode(&variant.encode(&values)).unwrap_or_else(|error| panic!("{variant:?}: {error}"));
    let most = if meaning.0 == 5 { 2 } else { 1 };
    assert_near(&raster, &pixels, most, &format!("{variant:?}"));
}

fn variant(meaning: Meaning, size: (u32, u32)) -> Variant {
    let (photometric, samples, extra) = meaning;
    let mut variant = Variant::new(size.0, size.1, photometric, samples);
    variant.entries.extend(extra.map(|kind| Entry(338, 3, vec![kind])));
    variant
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_variant_gives_the_same_pixels(
        seed: u64,
        meaning in proptest::sample::select(&MEANINGS[..]),
        size in (1_u32..40, 1_u32..40),
        depth in proptest::sample::select(&[1_u32, 2, 4, 8, 8, 8, 12, 16, 16, 16][..]),
        compression in proptest::sample::select(&[PLAIN, PACK_BITS, LZW, DEFLATE, 32_946, ZSTANDARD][..]),
        tile in proptest::option::of((1_u32..4, 1_u32..3)),
        rows_per_strip in 1_u32..40,
        flags: [bool; 4],
    ) {
        let [predictor, planar, reversed_bits, big_endian] = flags;
        let mut variant = Variant {
            depth,
            compression: if compression == 32_946 { DEFLATE } else { compression },
            tile: tile.map(|(across, down)| (16 * across, 16 * down)),
            rows_per_strip,
            planar,
            predictor: predictor && matches!(depth, 8 | 16) && !matches!(compression, PLAIN | PACK_BITS),
            reversed_bits,
            big_endian,
            ..variant(meaning, size)
        };
        check(&variant, meaning, seed);
        variant.reversed_bits = false;
        check(&variant, meaning, seed);
    }
}

#[test]
fn samples_without_a_meaning_are_left_out_whatever_is_around_them() {
    for (compression, depth, planar) in [LZW, DEFLATE, ZSTANDARD]
        .into_iter()
        .flat_map(|compression| [8, 16].map(|depth| (compression, depth)))
        .flat_map(|(compression, depth)| [false, true].map(|planar| (compression, depth, planar)))
    {
        for meaning in [(1, 3, Some(0)), (2, 6, Some(0)), (5, 6, Some(0))] {
            let mut variant = variant(meaning, (33, 21));
            (variant.depth, variant.compression, variant.planar) = (depth, compression, planar);
            variant.predictor = true;
            check(&variant, meaning, 3);
        }
    }
}

#[test]
fn opacity_is_found_among_other_samples() {
    for planar in [false, true] {
        let mut variant = Variant { planar, ..Variant::new(2, 1, 2, 5) };
        variant.entries.push(Entry(338, 3, vec![0, 2]));
        let values = [200, 100, 0, 9, 128, 10, 20, 30, 0, 255];
        assert_eq!(decode(&variant.encode(&values)).pixels(), [[227, 177, 127], [10, 20, 30]]);
    }
    // The colour is multiplied by the opacity, at 16 bits.
    let mut variant = Variant { depth: 16, ..Variant::new(1, 1, 2, 4) };
    variant.entries.push(Entry(338, 3, vec![1]));
    let values = [100, 50, 0, 128].map(|value| value * 257);
    assert_eq!(decode(&variant.encode(&values)).pixels(), [[227, 177, 127]]);
}

#[test]
fn lzw_of_before_1990_is_recognised() {
    let values: Vec<u8> = (0..40 * 30).map(|index| (index / 7 % 40) as u8).collect();
    let data = weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 8).encode(&values).unwrap();
    let entries = crate::support::containers::tiff_entries((40, 30), &[8], 1, LZW);
    let raster = decode(&crate::support::containers::tiff_of(entries, crate::tiff_support::STRIPS, &[data]));
    let expected: Vec<u8> = values.iter().flat_map(|value| [*value; 3]).collect();
    assert_eq!(raster.data(), expected);
}

#[test]
fn sizes_of_plain_strips_may_be_wrong_or_missing() {
    let values: Vec<u16> = (0..60).collect();
    let good = Variant { rows_per_strip: 3, ..Variant::new(6, 10, 1, 1) }.encode(&values);
    let expected = decode(&good);
    let tag = good.windows(4).position(|bytes| bytes == [0x17, 1, 4, 0]).unwrap();
    let mut renamed = good.clone();
    renamed[tag + 1] = 0x77;
    assert_eq!(decode(&renamed), expected, "missing");
    let list = u32::from_le_bytes(good[tag + 8..tag + 12].try_into().unwrap()) as usize;
    let mut short = good.clone();
    short[list..list + 16].fill(0);
    assert_eq!(decode(&short), expected, "too small");
    let mut cut = good;
    cut[list - 16..list - 12].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(try_decode(&cut).is_err(), "an offset behind the end");
}

#[test]
fn palettes_of_eight_and_sixteen_bits_are_told_apart() {
    let map = |factor: u32| Entry(320, 3, (0..768).map(|index| index % 256 * factor).collect());
    for factor in [1, 256, 257] {
        let mut variant = Variant::new(4, 1, 3, 1);
        variant.entries.push(map(factor));
        let pixels = [0, 7, 128, 255];
        assert_eq!(
            decode(&variant.encode(&pixels)).pixels(),
            pixels.map(|value| [value as u8; 3]),
            "{factor}"
        );
    }
}
