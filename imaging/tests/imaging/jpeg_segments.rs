//! Tests what is read of the segments of a JPEG: tables, EXIF, frame headers of variants that are not supported, and what
//! follows the picture.

use crate::decode_at;
use crate::jpeg::smooth;
use crate::support::containers::exif;
use crate::support::jpeg_variants::{Color, Variant, segment};
use crate::support::pictures::Jpeg;
use huemill_imaging::{Decoder, Error, Limits, Orientation, Raster, Unmonitored, probe};
use proptest::prelude::*;

/// The file without its segments of this kind.
fn without(bytes: &[u8], marker: u8) -> Vec<u8> {
    let (mut kept, mut at) = (bytes[..2].to_vec(), 2);
    while bytes[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        if bytes[at + 1] != marker {
            kept.extend(&bytes[at..end]);
        }
        at = end;
    }
    kept.extend(&bytes[at..]);
    kept
}

#[test]
fn a_jpeg_without_huffman_tables_has_the_standard_ones() {
    let picture = smooth(70, 50);
    for sampling in [(1, 1), (2, 1), (2, 2)] {
        let whole = Jpeg { sampling, ..Jpeg::default() }.rgb(&picture);
        let bare = without(&whole, 0xC4);
        assert!(bare.len() < whole.len());
        for scale in [1.0, 0.0] {
            assert_eq!(decode_at(&bare, scale), decode_at(&whole, scale));
        }
    }
    let bare = without(&Jpeg { progressive: true, ..Jpeg::default() }.rgb(&picture), 0xC4);
    assert!(
        matches!(try_decode(&bare), Err(Error::Damaged(_))),
        "progressive pictures have no standard tables"
    );
}

#[test]
fn the_first_exif_segment_with_an_orientation_turns_the_picture() {
    use Orientation::{Rotate90, Rotate180, Rotate270, Upright};
    let plain = Jpeg::default().rgb(&smooth(24, 16));
    let empty = b"II*\0\x08\0\0\0\0\0\0\0\0\0".to_vec();
    for (blocks, expected) in [
        (vec![empty.clone()], Upright),
        (vec![empty.clone(), exif(6)], Rotate90),
        (vec![b"none".to_vec(), exif(9), exif(8)], Rotate270),
        (vec![exif(3), exif(6)], Rotate180),
        (vec![exif(1), exif(6)], Upright),
    ] {
        let blocks = blocks.iter().flat_map(|block| segment(0xE1, &[b"Exif\0\0", &block[..]].concat()));
        let bytes: Vec<u8> = plain[..2].iter().copied().chain(blocks).chain(plain[2..].to_vec()).collect();
        assert_eq!(probe(&bytes, &Limits::default()).unwrap().orientation, expected);
    }
}

/// A JPEG up to its first scan, whose frame header has this marker, precision and height and this many components.
fn header(sof: u8, precision: u8, height: u8, components: u8) -> Vec<u8> {
    let listed = (1..=components).flat_map(|id| [id, 0x11, 0]);
    let frame: Vec<u8> = [precision, 0, height, 0, 16, components].into_iter().chain(listed).collect();
    [b"\xFF\xD8".to_vec(), segment(sof, &frame), segment(0xDA, &[1, 1, 0, 0, 63, 0])].concat()
}

#[test]
fn a_variant_that_is_not_supported_is_refused_by_its_name() {
    for (bytes, name) in [
        (header(0xC1, 12, 16, 1), "12-bit JPEG"),
        (header(0xC2, 12, 16, 3), "12-bit JPEG"),
        (header(0xC3, 8, 16, 1), "lossless JPEG"),
        (header(0xC3, 16, 16, 1), "lossless JPEG"),
        (header(0xC5, 8, 16, 1), "hierarchical JPEG"),
        (header(0xDE, 8, 16, 1), "hierarchical JPEG"),
        (header(0xC9, 8, 16, 1), "arithmetic-coded JPEG"),
        (header(0xCA, 8, 16, 3), "arithmetic-coded JPEG"),
        (header(0xF7, 8, 16, 1), "JPEG-LS"),
        (header(0xC0, 8, 16, 2), "JPEG of two components"),
        (header(0xC0, 8, 16, 5), "JPEG of more than four components"),
        (header(0xC0, 8, 0, 3), "JPEG without a height in its header"),
        (apart(&[(3, 1), (2, 1), (1, 1)], 33).encode(), "JPEG with fractional sampling"),
        (
            apart(&[(4, 1), (2, 1), (1, 1)], 33).encode(),
            "JPEG with sampling factors of 2 and 4 and separate scans",
        ),
    ] {
        assert_eq!(try_decode(&bytes).unwrap_err(), Error::Unsupported(name));
    }
    let whole = apart(&[(1, 1), (1, 1), (1, 1)], 20);
    let tables = segment(0xDB, &[&[0][..], &[9; 64]].concat());
    for (progressive, expected) in
        [(false, None), (true, Some("progressive JPEG that changes its quantisation"))]
    {
        let bytes = Variant { progressive, ..whole.clone() }.encode();
        let second = bytes.windows(2).rposition(|pair| pair == b"\xFF\xDA").unwrap();
        let decoded = try_decode(&[&bytes[..second], &tables, &bytes[second..]].concat());
        assert_eq!(decoded.err(), expected.map(Error::Unsupported));
    }
    for bytes in [header(0xC0, 9, 16, 1), header(0xC0, 8, 16, 0)] {
        assert!(matches!(try_decode(&bytes), Err(Error::Damaged(_))));
    }
}

/// A baseline picture whose components have a scan each.
fn apart(factors: &[(u8, u8)], width: u32) -> Variant {
    Variant {
        width,
        height: 24,
        factors: factors.to_vec(),
        scans: (0..factors.len()).map(|index| vec![index]).collect(),
        progressive: false,
        restart: 0,
        color: Color::YCbCr,
        slope: 40.0,
        seed: 3,
    }
}

fn try_decode(bytes: &[u8]) -> Result<Raster, Error> {
    let probe = probe(bytes, &Limits::default())?;
    Decoder::new().unwrap().decode(bytes, &probe, 1.0, &Unmonitored)
}

/// JPEGs that take different paths through the decoders.
fn paths() -> Vec<Vec<u8>> {
    let picture = smooth(45, 33);
    let jpeg = Jpeg::default();
    let grey = vec![90; 45 * 33];
    vec![
        jpeg.rgb(&picture),
        Jpeg { restart: 2, ..jpeg }.rgb(&picture),
        Jpeg { progressive: true, ..jpeg }.rgb(&picture),
        jpeg.encode(&grey, 45, 33, jpeg_encoder::ColorType::Luma),
        jpeg.encode(&grey.repeat(4), 45, 33, jpeg_encoder::ColorType::Cmyk),
        apart(&[(2, 1), (1, 1), (1, 1)], 45).encode(),
        Variant { restart: 3, ..apart(&[(1, 1), (2, 1), (2, 2)], 45) }.encode(),
        Variant { progressive: true, ..apart(&[(1, 1), (2, 1), (2, 2)], 45) }.encode(),
    ]
}

/// What programs leave behind a picture, and what nobody would.
fn trailer() -> impl Strategy<Value = Vec<u8>> {
    let other = || Jpeg::default().rgb(&smooth(16, 16));
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        proptest::collection::vec(prop_oneof![Just(0xFF), 0xC0..=0xFF_u8, Just(0)], 0..40),
        Just(other()),
        Just(other()[2..].to_vec()),
        Just([b"\0\0\x01\x0A\x0E\0\0\0Image_UTC_Data".as_slice(), &other(), b"SEFT"].concat()),
        Just([b"\xFF\xD9", &segment(0xDA, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]).repeat(300)[..]].concat()),
        Just(b"\xFF\xC0\0\x0B\x08\0\x10\0\x10\x01\x01\x11\0\xFF\xDC\0\x04\0\x01\xFF\xE1\xFF".to_vec()),
    ]
}

proptest! {
    #[test]
    fn what_follows_a_complete_picture_decides_nothing(ends: bool, rest in trailer(), path in 0..8_usize) {
        let whole = paths().swap_remove(path);
        let picture = if ends { &whole[..] } else { &whole[..whole.len() - 2] };
        let bytes = [picture, &rest].concat();
        for scale in [1.0, 0.0] {
            prop_assert_eq!(decode_at(&bytes, scale), decode_at(&whole, scale));
        }
        let work = |bytes: &[u8]| probe(bytes, &Limits::default()).unwrap().work;
        prop_assert_eq!(work(&bytes), work(&whole));
    }
}
