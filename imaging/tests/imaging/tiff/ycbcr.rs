//! Tests YCbCr that is not JPEG: chroma that pixels share, and other codes of black and white.

use super::decode;
use crate::assert_near;
use crate::support::containers::{Entry, deflate, tiff_entries, tiff_of};
use crate::tiff_support::STRIPS;

const SIZE: (usize, usize) = (21, 13);

/// The colour of a pixel, the same within each block of 4 × 4.
fn colour(x: usize, y: usize) -> [f64; 3] {
    [(x / 4 * 40) as f64, (y / 4 * 60) as f64, 200.0 - (x / 4 * 20) as f64]
}

fn to_ycbcr([red, green, blue]: [f64; 3]) -> [f64; 3] {
    let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    [luma, (blue - luma) / 1.772, (red - luma) / 1.402]
}

/// Strips in units of luma and chroma. `code` converts luma (0 to 255) and chroma (±127.5) to codes.
fn strips(unit: (usize, usize), rows: usize, code: impl Fn([f64; 3]) -> [u8; 3]) -> Vec<Vec<u8>> {
    let at = |x: usize, y: usize| code(to_ycbcr(colour(x.min(SIZE.0 - 1), y.min(SIZE.1 - 1))));
    let strip = |top: usize| {
        let mut bytes = Vec::new();
        for y in (top..SIZE.1.min(top + rows)).step_by(unit.1) {
            for x in (0..SIZE.0).step_by(unit.0) {
                let luma = (y..y + unit.1).flat_map(|y| (x..x + unit.0).map(move |x| (x, y)));
                bytes.extend(luma.map(|(x, y)| at(x, y)[0]));
                bytes.extend(&at(x, y)[1..]);
            }
        }
        deflate(&bytes)
    };
    (0..SIZE.1).step_by(rows).map(strip).collect()
}

fn expected() -> Vec<u8> {
    (0..SIZE.1).flat_map(|y| (0..SIZE.0).flat_map(move |x| colour(x, y).map(|value| value as u8))).collect()
}

#[test]
fn chroma_is_spread_over_the_pixels_that_share_it() {
    let code =
        |[luma, blue, red]: [f64; 3]| [luma, blue + 128.0, red + 128.0].map(|value| value.round() as u8);
    for unit in [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (4, 2), (4, 4)] {
        for rows in [8, 13] {
            let mut entries = tiff_entries((SIZE.0 as u32, SIZE.1 as u32), &[8; 3], 6, 8);
            entries.push(Entry(278, 3, vec![rows as u32]));
            entries.push(Entry(530, 3, vec![unit.0 as u32, unit.1 as u32]));
            let bytes = tiff_of(entries, STRIPS, &strips(unit, rows, code));
            assert_near(&decode(&bytes), &expected(), 2, &format!("{unit:?}, {rows} rows"));
        }
    }
}

#[test]
fn the_codes_of_black_and_white_are_honoured() {
    let code = |[luma, blue, red]: [f64; 3]| {
        let chroma = |value: f64| 128.0 + value * 112.0 / 127.0;
        [16.0 + luma * 219.0 / 255.0, chroma(blue), chroma(red)].map(|value| value.round() as u8)
    };
    let mut entries = tiff_entries((SIZE.0 as u32, SIZE.1 as u32), &[8; 3], 6, 8);
    let reference = [16, 235, 128, 240, 128, 240].into_iter().flat_map(|value| [value, 1]).collect();
    entries.push(Entry(532, 5, reference));
    // Without the tag, two by two pixels share their chroma.
    let bytes = tiff_of(entries, STRIPS, &strips((2, 2), 13, code));
    assert_near(&decode(&bytes), &expected(), 3, "16 to 235");
}
