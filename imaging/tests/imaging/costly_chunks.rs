//! Tests what TIFFs of many strips and tiles may cost: legal files are read, however many parts they have, and data that
//! makes decoders build tables again and again is refused, also where the pixels can need as many bytes.

use crate::support::containers::{Entry, deflate, tiff_entries, tiff_raw};
use crate::support::costly_chunks as costly;
use crate::support::pictures::Jpeg;
use crate::tiff_support::{DEFLATE, LZW, PACK_BITS, PLAIN, ZSTANDARD, pack_bits, zstandard};
use huemill_imaging::{Decoder, Error, Limits, Raster, Unmonitored, probe};

const JPEG: u32 = 7;

fn try_decode(bytes: &[u8]) -> Result<Raster, Error> {
    let probe = probe(bytes, &Limits::default())?;
    Decoder::new().unwrap().decode(bytes, &probe, 1.0, &Unmonitored)
}

/// A strip or tile of one value in a compression.
fn chunk(compression: u32, length: usize) -> Vec<u8> {
    let samples = vec![99; length];
    match compression {
        DEFLATE => deflate(&samples),
        ZSTANDARD => zstandard(&samples),
        PACK_BITS => pack_bits(&samples),
        LZW => {
            weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(&samples).unwrap()
        }
        _ => samples,
    }
}

#[track_caller]
fn assert_is_of_one_value(bytes: &[u8], what: &str) {
    let raster = try_decode(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(raster.pixels().iter().all(|pixel| *pixel == [99; 3]), "{what}");
}

#[test]
fn thirty_megapixels_in_tiles_of_16_x_16_are_read() {
    // 117,500 tiles.
    for compression in [PLAIN, PACK_BITS, LZW, DEFLATE, ZSTANDARD] {
        let bytes = costly::tiff_chunks((7520, 4000), (16, 16), compression, &chunk(compression, 256));
        assert_is_of_one_value(&bytes, &format!("compression {compression}"));
    }
}

#[test]
fn a_large_scan_with_a_strip_for_each_row_is_read() {
    for compression in [LZW, DEFLATE, ZSTANDARD] {
        let bytes =
            costly::tiff_chunks((12_000, 8000), (12_000, 1), compression, &chunk(compression, 12_000));
        assert!(probe(&bytes, &Limits::default()).is_ok(), "{compression}");
    }
    let bytes = costly::tiff_chunks((20, 65_500), (20, 1), ZSTANDARD, &chunk(ZSTANDARD, 20));
    assert_is_of_one_value(&bytes, "65,500 strips");
}

#[test]
fn many_small_tiles_of_jpeg_are_read() {
    let tile = Jpeg::default().encode(&[99; 256], 16, 16, jpeg_encoder::ColorType::Luma);
    let bytes = costly::tiff_chunks((1600, 3200), (16, 16), JPEG, &tile);
    assert_is_of_one_value(&bytes, "20,000 tiles of JPEG");
}

#[test]
fn a_hundred_megapixels_in_planes_of_small_tiles_are_within_the_limits() {
    let mut entries = tiff_entries((10_000, 10_000), &[8, 8, 8], 2, LZW);
    let count = 3 * 625 * 625;
    entries.extend([Entry(284, 3, vec![2]), Entry(322, 3, vec![16]), Entry(323, 3, vec![16])]);
    entries.extend([Entry(324, 4, vec![8; count]), Entry(325, 4, vec![12; count])]);
    assert!(probe(&tiff_raw(entries, &[0; 12]), &Limits::default()).is_ok());
}

#[test]
fn tables_that_are_built_again_and_again_are_too_much_work() {
    let page = (2000, 1000);
    let is_refused = |bytes: &[u8]| matches!(try_decode(bytes), Err(Error::TooMuchWork { .. }));
    let zstandard = |blocks| costly::zstandard_tables(blocks, 2_000_000);
    let lzw = |clears| costly::lzw_clears_and_zeros(clears, 2_000_000);
    assert!(is_refused(&costly::tiff_chunks(page, page, ZSTANDARD, &zstandard(90_000))));
    assert!(is_refused(&costly::tiff_chunks(page, page, LZW, &lzw(1_200_000))));
    assert!(is_refused(&costly::gif_clears_and_zeros(1_200_000, (2000, 1000))));
    assert!(is_refused(&costly::tiff_jpeg_comments(64, 40_000)));
    // Fewer are not.
    assert!(try_decode(&costly::tiff_chunks(page, page, ZSTANDARD, &zstandard(1000))).is_ok());
    assert!(try_decode(&costly::tiff_chunks(page, page, LZW, &lzw(8000))).is_ok());
    assert!(try_decode(&costly::gif_clears_and_zeros(8000, (2000, 1000))).is_ok());
    assert!(try_decode(&costly::tiff_jpeg_comments(64, 100)).is_ok());
}

#[test]
fn tables_in_many_strips_are_too_much_work() {
    let strip = costly::zstandard_tables(28, 480);
    let bytes = costly::tiff_chunks((480, 10_000), (480, 1), ZSTANDARD, &strip);
    assert!(matches!(try_decode(&bytes), Err(Error::TooMuchWork { .. })));
    let strip = costly::lzw_clears_and_zeros(640, 1990);
    let bytes = costly::tiff_chunks((1990, 5000), (1990, 1), LZW, &strip);
    assert!(matches!(try_decode(&bytes), Err(Error::TooMuchWork { .. })));
}
