//! Tests where the orientation of a picture is found: in EXIF, in the text chunks of PNG, or in XMP where EXIF has none.

use crate::support::{
    containers::{self, Entry, deflate, exif, png_of, riff, vp8x},
    pictures::{self, Jpeg},
};
use huemill_imaging::{Limits, probe};
use image::ExtendedColorType;

const XMP_HEADER: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

fn orientation(bytes: &[u8]) -> u8 {
    probe(bytes, &Limits::default()).unwrap().orientation.exif()
}

fn xmp(value: u8) -> Vec<u8> {
    let head = "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF><rdf:Description tiff:Make='A' ";
    format!("{head}tiff:Orientation=\"{value}\"/></rdf:RDF></x:xmpmeta>").into_bytes()
}

/// EXIF without an orientation.
const EMPTY_EXIF: &[u8] = b"II*\0\x08\0\0\0\0\0\0\0\0\0";

fn jpeg(segments: &[Vec<u8>]) -> Vec<u8> {
    let plain = Jpeg::default().rgb(&pictures::photo(1, 16, 12));
    let segment = |payload: &Vec<u8>| {
        [b"\xFF\xE1".as_slice(), &(payload.len() as u16 + 2).to_be_bytes(), payload].concat()
    };
    [&plain[..2], &segments.iter().map(segment).collect::<Vec<_>>().concat(), &plain[2..]].concat()
}

fn in_exif(exif: &[u8]) -> Vec<u8> {
    [b"Exif\0\0", exif].concat()
}

fn in_xmp(value: u8) -> Vec<u8> {
    [XMP_HEADER, &xmp(value)].concat()
}

#[test]
fn the_first_exif_of_a_jpeg_that_has_an_orientation_counts() {
    let table: [(Vec<Vec<u8>>, u8); 9] = [
        (vec![in_exif(&exif(6))], 6),
        (vec![in_exif(EMPTY_EXIF), in_exif(&exif(6))], 6),
        (vec![in_exif(b"no directory"), in_exif(&exif(3)), in_exif(&exif(6))], 3),
        (vec![in_exif(&exif(8)), in_exif(&exif(6))], 8),
        // An orientation that means nothing is none.
        (vec![in_exif(&exif(77)), in_exif(&exif(6))], 6),
        (vec![in_exif(&exif(77))], 1),
        (vec![in_xmp(6)], 6),
        (vec![in_xmp(6), in_exif(EMPTY_EXIF)], 6),
        (vec![in_xmp(6), in_exif(&exif(3))], 3),
    ];
    for (segments, expected) in table {
        let names: Vec<_> = segments.iter().map(|segment| String::from_utf8_lossy(segment)).collect();
        assert_eq!(orientation(&jpeg(&segments)), expected, "{names:?}");
    }
}

/// A PNG with these chunks between the header and the pixels, or behind the pixels.
fn png(chunks: &[(&[u8; 4], Vec<u8>)], behind: bool) -> Vec<u8> {
    let plain = pictures::png_rgb(&pictures::photo(1, 16, 12));
    let added: Vec<u8> =
        chunks.iter().flat_map(|(name, data)| png_of(&[(name, data)])[8..].to_vec()).collect();
    let at = if behind { plain.len() - 12 } else { 33 };
    [&plain[..at], &added, &plain[at..]].concat()
}

/// The hexadecimal form of ImageMagick and ExifTool, in lines of 72 digits.
fn raw_profile(name: &str, block: &[u8]) -> Vec<u8> {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap();
    let digits: String = block.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    let lines: Vec<&str> =
        digits.as_bytes().chunks(72).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("\n{name}\n{:8}\n{}\n", block.len(), lines.join("\n")).into_bytes()
}

fn text(keyword: &str, text: &[u8]) -> (&'static [u8; 4], Vec<u8>) {
    (b"tEXt", [keyword.as_bytes(), b"\0", text].concat())
}

fn compressed(keyword: &str, text: &[u8]) -> (&'static [u8; 4], Vec<u8>) {
    (b"zTXt", [keyword.as_bytes(), b"\0\0", &deflate(text)].concat())
}

fn international(keyword: &str, is_compressed: bool, text: &[u8]) -> (&'static [u8; 4], Vec<u8>) {
    let text = if is_compressed { deflate(text) } else { text.to_vec() };
    (b"iTXt", [keyword.as_bytes(), &[0, is_compressed.into(), 0], b"en\0translated\0", &text].concat())
}

#[test]
fn the_text_chunks_of_a_png_can_hold_exif_and_xmp() {
    const EXIF: &str = "Raw profile type exif";
    const APP1: &str = "Raw profile type APP1";
    const PACKET: &str = "XML:com.adobe.xmp";
    let (with_header, plain) = (raw_profile("exif", &in_exif(&exif(6))), raw_profile("exif", &exif(6)));
    let long = raw_profile("exif", &[in_exif(&exif(6)), vec![7; 20_000]].concat());
    let table = vec![
        (vec![compressed(EXIF, &with_header)], 6),
        (vec![compressed(EXIF, &plain)], 6),
        (vec![compressed(EXIF, &long)], 6),
        (vec![text(EXIF, &with_header)], 6),
        (vec![international(EXIF, true, &with_header)], 6),
        (vec![compressed(APP1, &raw_profile("generic", &in_exif(&exif(8))))], 8),
        (vec![compressed(APP1, &raw_profile("generic", &in_xmp(5)))], 5),
        (vec![compressed("Raw profile type xmp", &raw_profile("xmp", &xmp(7)))], 7),
        (vec![international(PACKET, false, &xmp(6))], 6),
        (vec![international(PACKET, true, &xmp(6))], 6),
        // EXIF counts before XMP, and the chunk of EXIF before the text.
        (vec![international(PACKET, false, &xmp(6)), compressed(EXIF, &raw_profile("exif", &exif(3)))], 3),
        (vec![compressed(EXIF, &with_header), (b"eXIf", exif(3))], 3),
        (vec![(b"eXIf", EMPTY_EXIF.to_vec()), compressed(EXIF, &with_header)], 6),
        // Other texts, and what cannot be read.
        (vec![text("Comment", &with_header), text("Raw profile type iptc", &plain)], 1),
        (vec![(b"zTXt", [EXIF.as_bytes(), b"\0\0no zlib"].concat())], 1),
        (vec![(b"zTXt", EXIF.as_bytes().to_vec())], 1),
        (vec![(b"iTXt", [PACKET.as_bytes(), b"\0\0\0no end"].concat())], 1),
    ];
    for (index, (chunks, expected)) in table.into_iter().enumerate() {
        for behind in [false, true] {
            assert_eq!(orientation(&png(&chunks, behind)), expected, "{index}, behind the pixels: {behind}");
        }
    }
    // What follows the end decides nothing.
    let mut trailing = png(&[], false);
    trailing.extend(&png_of(&[(b"eXIf", &exif(6))])[8..]);
    assert_eq!(orientation(&trailing), 1);
}

#[test]
fn webp_and_tiff_can_have_xmp() {
    let picture = pictures::photo(1, 16, 12);
    let still = pictures::webp_lossless(&picture, 16, 12, ExtendedColorType::Rgb8);
    let webp = |chunks: &[Vec<u8>]| {
        let canvas = riff(*b"VP8X", &vp8x(0x0C, 16, 12));
        riff(*b"RIFF", &[b"WEBP".as_slice(), &canvas, &still[12..], &chunks.concat()].concat())
    };
    assert_eq!(orientation(&webp(&[riff(*b"XMP ", &xmp(6))])), 6);
    assert_eq!(orientation(&webp(&[riff(*b"EXIF", &exif(3)), riff(*b"XMP ", &xmp(6))])), 3);
    assert_eq!(orientation(&webp(&[riff(*b"EXIF", EMPTY_EXIF), riff(*b"XMP ", &xmp(6))])), 6);
    let tiff = |extra: Vec<Entry>| {
        let mut entries = containers::tiff_entries((16, 12), &[8, 8, 8], 2, 1);
        entries.extend(extra);
        containers::tiff_of(entries, (273, 279), &[picture.to_vec()])
    };
    let packet = || Entry(700, 1, xmp(6).iter().map(|&byte| byte.into()).collect());
    assert_eq!(orientation(&tiff(vec![packet()])), 6);
    assert_eq!(orientation(&tiff(vec![packet(), Entry(274, 3, vec![3])])), 3);
}
