//! Tests the compressions of fax machines, with either meaning of black and white and either order of bits.

use proptest::prelude::*;

use super::{decode, try_decode};
use crate::support::{
    containers::{Entry, tiff_entries, tiff_of},
    pictures::Numbers,
};
use crate::tiff_support::{
    STRIPS,
    fax::{Coding, encode, encode_with_end},
};
use huemill_imaging::Error;

const CODINGS: [Coding; 6] = [
    Coding::Modified,
    Coding::Group3 { two_dimensional: false, aligned: false },
    Coding::Group3 { two_dimensional: false, aligned: true },
    Coding::Group3 { two_dimensional: true, aligned: false },
    Coding::Group3 { two_dimensional: true, aligned: true },
    Coding::Group4,
];

/// A page of strips. `photometric` is 0 where white is zero.
fn page(
    rows: &[Vec<bool>],
    coding: Coding,
    photometric: u32,
    rows_per_strip: usize,
    reversed: bool,
) -> Vec<u8> {
    let strips: Vec<Vec<u8>> = rows
        .chunks(rows_per_strip)
        .map(|rows| {
            let bytes = encode(rows, coding).into_iter();
            bytes.map(|byte| if reversed { byte.reverse_bits() } else { byte }).collect()
        })
        .collect();
    let size = (rows[0].len() as u32, rows.len() as u32);
    let mut entries = tiff_entries(size, &[1], photometric, coding.compression());
    entries.extend([
        Entry(266, 3, vec![if reversed { 2 } else { 1 }]),
        Entry(278, 4, vec![rows_per_strip as u32]),
        Entry(292, 4, vec![coding.options()]),
    ]);
    tiff_of(entries, STRIPS, &strips)
}

/// Rows of runs, most of which resemble the row above.
fn rows(seed: u64, width: usize, height: usize, longest: u64) -> Vec<Vec<bool>> {
    let mut numbers = Numbers::new(seed);
    let mut row = vec![false; width];
    let mut rows = Vec::new();
    for _ in 0..height {
        match numbers.below(4) {
            0 => {
                let (mut at, mut colour) = (0, numbers.below(2) == 0);
                while at < width {
                    let to = width.min(at + 1 + numbers.below(longest) as usize);
                    row[at..to].fill(colour);
                    (at, colour) = (to, !colour);
                }
            }
            1 => row.rotate_right(numbers.below(5) as usize % width),
            2 => row[numbers.below(width as u64) as usize] ^= true,
            _ => {}
        }
        rows.push(row.clone());
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn rows_are_decoded_exactly_in_every_coding(
        seed: u64, width in 1_usize..300, height in 1_usize..30, longest in 1_u64..200, per_strip in 1_usize..30,
        photometric in 0_u32..2, reversed: bool,
    ) {
        let rows = rows(seed, width, height, longest);
        let black = if photometric == 0 { 0 } else { 255 };
        let colour = |is_black: &bool| if *is_black { black } else { 255 - black };
        let expected: Vec<u8> = rows.iter().flatten().flat_map(|is_black| [colour(is_black); 3]).collect();
        for coding in CODINGS {
            let bytes = page(&rows, coding, photometric, per_strip, reversed);
            assert_eq!(decode(&bytes).data(), expected, "{coding:?}");
        }
    }

    #[test]
    fn arbitrary_data_never_panics(data: Vec<u8>, width in 1_u32..100, coding in 0_usize..6) {
        let mut entries = tiff_entries((width, 20), &[1], 0, CODINGS[coding].compression());
        entries.push(Entry(292, 4, vec![CODINGS[coding].options()]));
        drop(try_decode(&tiff_of(entries, STRIPS, &[data])));
    }
}

#[test]
fn long_runs_take_several_codes() {
    let row: Vec<bool> = (0..9000).map(|x| (100..8000).contains(&x)).collect();
    for coding in CODINGS {
        let raster = decode(&page(&[row.clone(), row.clone()], coding, 0, 2, false));
        assert!(
            raster.pixels().iter().zip(row.iter().cycle()).all(|(pixel, black)| (pixel[0] == 0) == *black)
        );
    }
}

#[test]
fn the_encoder_of_the_crate_is_understood() {
    let rows = rows(7, 120, 40, 30);
    let mut encoder = fax::encoder::Encoder::new(fax::VecWriter::new());
    for row in &rows {
        let pixels = row.iter().map(|is_black| if *is_black { fax::Color::Black } else { fax::Color::White });
        encoder.encode_line(pixels, 120).unwrap();
    }
    let data = encoder.finish().unwrap().finish();
    let raster = decode(&tiff_of(tiff_entries((120, 40), &[1], 0, 4), STRIPS, &[data]));
    let expected: Vec<u8> =
        rows.iter().flatten().flat_map(|black| [if *black { 0 } else { 255 }; 3]).collect();
    assert_eq!(raster.data(), expected);
}

#[test]
fn rows_behind_the_end_of_the_data_are_white_and_truncated_data_is_damaged() {
    let rows = rows(8, 64, 20, 20);
    for coding in CODINGS {
        let mut data = encode_with_end(&rows[..10], coding);
        let mut entries = tiff_entries((64, 20), &[1], 0, coding.compression());
        entries.push(Entry(292, 4, vec![coding.options()]));
        let result = try_decode(&tiff_of(entries.clone(), STRIPS, &[data.clone()]));
        if coding == Coding::Modified {
            assert!(matches!(result, Err(Error::Damaged(_))), "it has no code for the end");
        } else {
            let raster = result.unwrap();
            assert!(raster.pixels()[640..].iter().all(|pixel| *pixel == [255; 3]), "{coding:?}");
        }
        data.truncate(data.len() / 3);
        let result = try_decode(&tiff_of(entries, STRIPS, &[data]));
        assert!(matches!(result, Err(Error::Damaged(_))), "{coding:?}");
    }
}
