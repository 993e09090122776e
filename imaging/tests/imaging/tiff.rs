//! Tests TIFF decoding: how samples are compressed, packed, arranged and interpreted, which page is the picture, and what
//! is refused by its name.

mod bilevel;
mod jpeg;
mod pages;
mod refusals;
mod variants;
mod ycbcr;

use crate::support::{
    containers::{self, Entry, tiff_entries, tiff_of},
    pictures,
};
use crate::tiff_support::{STRIPS, TILES, pack_bits};
use huemill_imaging::{Decoder, Error, Limits, Raster, Unmonitored, probe};

fn try_decode(bytes: &[u8]) -> Result<Raster, Error> {
    let probe = probe(bytes, &Limits::default())?;
    Decoder::new().unwrap().decode(bytes, &probe, 1.0, &Unmonitored).map(|raster| raster.over([255; 3]))
}

fn decode(bytes: &[u8]) -> Raster {
    try_decode(bytes).unwrap()
}

#[test]
fn strips_in_every_compression_are_decoded_exactly() {
    let mut picture = pictures::photo(41, 35, 22);
    picture.iter_mut().take(600).for_each(|sample| *sample = 77);
    assert_eq!(decode(&pictures::tiff(&picture)).data(), picture.as_raw(), "deflate");
    let rows = |pack: fn(&[u8]) -> Vec<u8>| -> Vec<Vec<u8>> { picture.chunks(35 * 3).map(pack).collect() };
    for (compression, strips) in [(1, rows(<[u8]>::to_vec)), (32_773, rows(pack_bits))] {
        let mut entries = tiff_entries((35, 22), &[8, 8, 8], 2, compression);
        entries.push(Entry(278, 3, vec![1]));
        assert_eq!(decode(&tiff_of(entries, STRIPS, &strips)).data(), picture.as_raw(), "{compression}");
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes)
        .unwrap()
        .with_compression(tiff::encoder::Compression::Lzw);
    encoder.write_image::<tiff::encoder::colortype::RGB8>(35, 22, &picture).unwrap();
    assert_eq!(decode(&bytes.into_inner()).data(), picture.as_raw(), "LZW");
}

#[test]
fn tiles_are_assembled_without_their_padding() {
    let picture = pictures::photo(42, 50, 37);
    for planar in [false, true] {
        let mut tiles = Vec::new();
        let planes = if planar { vec![vec![0], vec![1], vec![2]] } else { vec![vec![0, 1, 2]] };
        for samples in planes {
            for (top, left) in
                (0..37).step_by(16).flat_map(|top| (0..50).step_by(32).map(move |left| (top, left)))
            {
                let mut tile = Vec::new();
                for (y, x) in (top..top + 16).flat_map(|y| (left..left + 32).map(move |x| (y, x))) {
                    let pixel = picture.get_pixel_checked(x, y).map_or([0; 3], |pixel| pixel.0);
                    tile.extend(samples.iter().map(|&sample: &usize| pixel[sample]));
                }
                tiles.push(containers::deflate(&tile));
            }
        }
        let mut entries = tiff_entries((50, 37), &[8, 8, 8], 2, 8);
        entries.extend([Entry(322, 3, vec![32]), Entry(323, 3, vec![16])]);
        entries.push(Entry(284, 3, vec![if planar { 2 } else { 1 }]));
        assert_eq!(decode(&tiff_of(entries, TILES, &tiles)).data(), picture.as_raw(), "planar {planar}");
    }
}

#[test]
fn samples_of_every_depth_and_interpretation_are_decoded() {
    let page = |depths: &[u32], photometric, width, extra: Vec<Entry>, data: Vec<u8>| {
        let mut entries = tiff_entries((width, 1), depths, photometric, 1);
        entries.extend(extra);
        decode(&tiff_of(entries, STRIPS, &[data])).pixels().to_vec()
    };
    let grey = |values: &[u8]| values.iter().map(|&value| [value; 3]).collect::<Vec<_>>();
    assert_eq!(page(&[1], 1, 10, vec![], vec![0b1010_0000, 0b0100_0000])[..3], grey(&[255, 0, 255]));
    assert_eq!(page(&[1], 0, 3, vec![], vec![0b1010_0000]), grey(&[0, 255, 0]), "white is zero");
    assert_eq!(page(&[2], 1, 4, vec![], vec![0b0001_1011]), grey(&[0, 85, 170, 255]));
    assert_eq!(page(&[4], 1, 3, vec![], vec![0x0F, 0x70]), grey(&[0, 255, 119]));
    assert_eq!(page(&[8], 0, 2, vec![], vec![0, 55]), grey(&[255, 200]), "white is zero");
    assert_eq!(page(&[16], 1, 2, vec![], vec![0x00, 0x80, 0xFF, 0xFF]), grey(&[128, 255]));
    let wide: Vec<u8> = [100_u16, 200, 50].iter().flat_map(|value| (value * 257).to_le_bytes()).collect();
    assert_eq!(page(&[16; 3], 2, 1, vec![], wide), [[100, 200, 50]]);
    assert_eq!(
        page(&[8; 4], 5, 2, vec![], vec![0, 255, 255, 0, 0, 0, 0, 255]),
        [[255, 0, 0], [0; 3]],
        "CMYK"
    );
    let map = |index: u32| {
        Entry(
            320,
            3,
            [1, 2, 3].iter().flat_map(|c| (0..1 << index).map(move |i| 257 * (c * 20 + i))).collect(),
        )
    };
    assert_eq!(page(&[4], 3, 3, vec![map(4)], vec![0x0F, 0x30]), [[20, 40, 60], [35, 55, 75], [23, 43, 63]]);
    assert_eq!(page(&[8], 3, 2, vec![map(8)], vec![0, 9]), [[20, 40, 60], [29, 49, 69]]);
    let alpha = |kind| vec![Entry(338, 3, vec![kind])];
    assert_eq!(page(&[8; 4], 2, 1, alpha(2), vec![200, 100, 0, 128]), [[227, 177, 127]], "opacity");
    assert_eq!(
        page(&[8; 4], 2, 1, alpha(1), vec![100, 50, 0, 128]),
        [[227, 177, 127]],
        "premultiplied opacity"
    );
    assert_eq!(
        page(&[8; 4], 2, 1, alpha(0), vec![200, 100, 0, 128]),
        [[200, 100, 0]],
        "an extra sample without a meaning"
    );
    assert_eq!(page(&[8; 2], 1, 2, alpha(2), vec![100, 255, 7, 0]), grey(&[100, 255]), "grey with opacity");
}

#[test]
fn the_largest_numbers_of_a_directory_are_refused() {
    let mut entries = tiff_entries((u32::MAX, u32::MAX), &[16; 16], 2, 1);
    entries.push(Entry(278, 4, vec![u32::MAX]));
    let error = try_decode(&tiff_of(entries, STRIPS, &[vec![0; 16]])).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
}
