//! Makes hostile pictures for each row of the table of hostile input, with the expected result of each. They are built
//! byte by byte on demand, so the repository contains no large files.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use super::{
    containers::{deflate, exif, png_of, tiff_entries, tiff_of, vp8, vp8x, webp_of},
    costly::{self, Scan},
    hostile_frames,
    pictures::{Jpeg, photo, png_rgb, webp_animated},
};

/// The expected result of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Must {
    /// It is decoded.
    Read,
    /// It is rejected as damaged.
    Fail,
    /// It is rejected for the size or the work in its header, before anything is allocated.
    TooLarge,
    /// It is rejected as a known but unsupported format.
    Unsupported,
    /// It is not recognised as a picture.
    Unrecognised,
}

/// A hostile picture. `row` is its row in the table.
#[derive(Debug, Clone)]
pub struct Hostile {
    pub row: &'static str,
    pub name: &'static str,
    pub must: Must,
    pub bytes: Vec<u8>,
}

/// Makes all hostile pictures.
pub fn pictures() -> Vec<Hostile> {
    let mut all = Vec::new();
    let mut add = |row, name, must, bytes| all.push(Hostile { row, name, must, bytes });
    huge_headers(&mut add);
    png_bombs(&mut add);
    jpeg_bombs(&mut add);
    costly::add(&mut add);
    hostile_frames::add(&mut add);
    other_formats(&mut add);
    polyglots(&mut add);
    exifs(&mut add);
    profiles(&mut add);
    animations(&mut add);
    all
}

/// Adds a picture: row, name, expected result, bytes.
pub type Add<'a> = dyn FnMut(&'static str, &'static str, Must, Vec<u8>) + 'a;

pub fn png_header(width: u32, height: u32, colour: u8) -> Vec<u8> {
    [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, colour, 0, 0, 0]].concat()
}

fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    [&[0xFF, marker][..], &(payload.len() as u16 + 2).to_be_bytes(), payload].concat()
}

/// The header of a grey JPEG up to its first scan, with tables of one symbol each.
fn jpeg_header(sof: u8, width: u16, height: u16) -> Vec<u8> {
    let table = |class: u8| [&[class, 1][..], &[0; 15], &[0]].concat();
    let frame = [&[8][..], &height.to_be_bytes(), &width.to_be_bytes(), &[1, 1, 0x11, 0]].concat();
    [
        b"\xFF\xD8".to_vec(),
        segment(0xDB, &[&[0][..], &[1; 64]].concat()),
        segment(sof, &frame),
        segment(0xC4, &table(0)),
        segment(0xC4, &table(0x10)),
    ]
    .concat()
}

fn huge_headers(add: &mut Add<'_>) {
    let tiny = deflate(&[0; 64]);
    let png = |w, h| png_of(&[(b"IHDR", &png_header(w, h, 2)), (b"IDAT", &tiny), (b"IEND", &[])]);
    add("I1", "png 65535x65535", Must::TooLarge, png(65_535, 65_535));
    add("I1", "png 2^31-1 square", Must::TooLarge, png(0x7FFF_FFFF, 0x7FFF_FFFF));
    add("I1", "png 1x100000", Must::TooLarge, png(1, 100_000));
    let jpeg = [jpeg_header(0xC0, 65_500, 65_500), segment(0xDA, &[1, 1, 0, 0, 63, 0])].concat();
    add("I1", "jpeg 65500x65500", Must::TooLarge, jpeg);
    add("I1", "webp 16384x16384", Must::TooLarge, webp_of(&[(b"VP8L", &[0x2F, 0xFF, 0xFF, 0xFF, 0x0F, 0])]));
    let vp8x_only = vp8x(0, 1 << 24, 1 << 24);
    add(
        "I1",
        "webp canvas 2^24",
        Must::Fail,
        webp_of(&[(b"VP8X", &vp8x_only), (b"VP8 ", &vp8(16, 16, &[0; 64]))]),
    );
    let gif = [b"GIF89a".as_slice(), &[0xFF; 4], &[0, 0, 0], b"\x2C\0\0\0\0\x01\0\x01\0\0\x02\0;"].concat();
    add("I1", "gif 65535x65535", Must::TooLarge, gif);
    let tiff = tiff_of(tiff_entries((u32::MAX, u32::MAX), &[8], 1, 1), (273, 279), &[vec![0]]);
    add("I1", "tiff 2^32-1 square", Must::TooLarge, tiff);
    let bmp = [
        b"BM".as_slice(),
        &[0; 8],
        &[54, 0, 0, 0, 40, 0, 0, 0],
        &[0xFF, 0xFF, 0xFF, 0x7F].repeat(2),
        &[1, 0, 24, 0],
        &[0; 24],
    ];
    add("I1", "bmp 2^31-1 square", Must::TooLarge, bmp.concat());
}

fn png_bombs(add: &mut Add<'_>) {
    let header = png_header(8, 8, 2);
    let good = deflate(&[0; 8 * 25]);
    let bomb = deflate(&vec![0; 16 << 20]);
    let idat: &[u8] = &bomb;
    add(
        "I2",
        "png IDAT of 16 MB",
        Must::Read,
        png_of(&[(b"IHDR", &header), (b"IDAT", idat), (b"IEND", &[])]),
    );
    let text = [b"Comment\0\0".as_slice(), &bomb].concat();
    let itxt = [b"Comment\0\x01\0\0\0".as_slice(), &bomb].concat();
    for (name, chunk, data) in [
        ("png zTXt of 16 MB", b"zTXt", &text),
        ("png iTXt of 16 MB", b"iTXt", &itxt),
        ("png iCCP of 16 MB", b"iCCP", &text),
    ] {
        let chunks: [(&[u8; 4], &[u8]); 4] =
            [(b"IHDR", &header), (chunk, data), (b"IDAT", &good), (b"IEND", &[])];
        add("I2", name, Must::Read, png_of(&chunks));
    }
    let long = vec![b'a'; 10 << 20];
    for (name, chunk) in [
        ("png 10 MB of tEXt", b"tEXt"),
        ("png 10 MB of eXIf", b"eXIf"),
        ("png 10 MB of iCCP", b"iCCP"),
        ("png 10 MB unknown", b"aaAa"),
    ] {
        add(
            "I2",
            name,
            Must::Read,
            png_of(&[(b"IHDR", &header), (chunk, &long), (b"IDAT", &good), (b"IEND", &[])]),
        );
    }
    add(
        "I2",
        "png with too little IDAT",
        Must::Fail,
        png_of(&[(b"IHDR", &header), (b"IDAT", &deflate(&[0; 100])), (b"IEND", &[])]),
    );
    add("I2", "png without IDAT", Must::Fail, png_of(&[(b"IHDR", &header), (b"IEND", &[])]));
    add(
        "I2",
        "png without palette",
        Must::Fail,
        png_of(&[(b"IHDR", &png_header(8, 8, 3)), (b"IDAT", &good), (b"IEND", &[])]),
    );
}

fn jpeg_bombs(add: &mut Add<'_>) {
    let mut bomb = jpeg_header(0xC2, 4096, 4096);
    for _ in 0..1000 {
        bomb.extend(segment(0xDA, &[1, 1, 0, 1, 63, 0]));
        bomb.extend([0; 16]);
    }
    bomb.extend(b"\xFF\xD9");
    add("I3", "jpeg of 1000 scans", Must::TooLarge, bomb);
    add("I3", "small jpeg of 1000 scans", Must::Fail, costly::jpeg_scans((64, 64), 1, 1000, Scan::Runs));
    let mut large = jpeg_header(0xC2, 65_500, 65_500);
    large.extend(segment(0xDA, &[1, 1, 0, 0, 0, 0]));
    large.extend(b"\0\0\xFF\xD9");
    add("I3", "progressive jpeg 65500x65500", Must::TooLarge, large);
    let mut tables = jpeg_header(0xC0, 64, 64);
    let many = segment(0xDB, &[&[0][..], &[1; 64]].concat().repeat(1000));
    tables.extend(many.repeat(40));
    tables.extend(segment(0xDA, &[1, 1, 0, 0, 63, 0]));
    add("I3", "jpeg with 40,000 tables", Must::Fail, tables);
    let good = Jpeg::default().rgb(&photo(3, 64, 48));
    let scan = good.windows(2).position(|pair| pair == b"\xFF\xDA").unwrap();
    let early = [&good[..scan + 60], b"\xFF\xD9"].concat();
    add("I10", "jpeg truncated, with an end marker", Must::Fail, early);
    for (name, sof) in [("arithmetic jpeg", 0xC9), ("lossless jpeg", 0xC3), ("hierarchical jpeg", 0xC5)] {
        let bytes = [jpeg_header(sof, 16, 16), segment(0xDA, &[1, 1, 0, 0, 63, 0])].concat();
        add("I14", name, Must::Unsupported, bytes);
    }
}

fn other_formats(add: &mut Add<'_>) {
    let ftyp = |brand: &[u8; 4]| [b"\0\0\0\x14ftyp".as_slice(), brand, b"\0\0\0\0", brand].concat();
    let grid = [ftyp(b"avif"), b"\0\0\0\0meta".to_vec(), vec![0xFF; 64]].concat();
    add("I7", "avif with a grid", Must::Unsupported, grid);
    add(
        "I7",
        "heif with empty items",
        Must::Unsupported,
        [ftyp(b"mif1"), b"\0\0\0\x08idat".repeat(50)].concat(),
    );
    add("I9", "heic", Must::Unsupported, ftyp(b"heic"));
    add("I9", "pdf", Must::Unsupported, b"%PDF-1.7\n1 0 obj".to_vec());
    add(
        "I9",
        "svg with a script",
        Must::Unsupported,
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>fetch('/')</script></svg>".to_vec(),
    );
    let xxe =
        b"<?xml version='1.0'?>\n<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>\n<svg>&x;</svg>";
    add("I9", "svg with an external entity", Must::Unsupported, xxe.to_vec());
    let level = |n: u8| format!("<!ENTITY l{n} '{}'>", format!("&l{};", n - 1).repeat(10));
    let laughs = (1..10).map(level).collect::<Vec<_>>().concat();
    let laughs = format!("<!DOCTYPE svg [<!ENTITY l0 'ha'>{laughs}]><svg>&l9;</svg>");
    add("I9", "svg of a billion laughs", Must::Unsupported, laughs.into_bytes());
    add("I9", "html", Must::Unrecognised, b"<!DOCTYPE html><html><img src=x></html>".to_vec());
}

fn polyglots(add: &mut Add<'_>) {
    let jpeg = Jpeg::default().rgb(&photo(6, 40, 30));
    let comment = segment(0xFE, b"<?php system($_GET['c']); ?><script>alert(1)</script>");
    add("I12", "jpeg with php in a comment", Must::Read, [&jpeg[..2], &comment, &jpeg[2..]].concat());
    add(
        "I12",
        "jpeg with html behind it",
        Must::Read,
        [jpeg.as_slice(), b"<html><script>alert(1)</script>"].concat(),
    );
    add(
        "I12",
        "png with a zip behind it",
        Must::Read,
        [png_rgb(&photo(6, 9, 9)).as_slice(), b"PK\x05\x06", &[0; 18]].concat(),
    );
    add("I12", "html with a jpeg behind it", Must::Unrecognised, [b"<html>".as_slice(), &jpeg].concat());
}

fn exifs(add: &mut Add<'_>) {
    let picture = photo(7, 40, 30);
    let jpeg = Jpeg::default();
    for (name, value) in
        [("exif orientation 0", 0), ("exif orientation 9", 9), ("exif orientation 65535", 65_535)]
    {
        add("I13", name, Must::Read, jpeg.with(&picture, &exif(value), &[]));
    }
    let plain = jpeg.rgb(&picture);
    let block = |exif: &[u8]| segment(0xE1, &[b"Exif\0\0".as_slice(), exif].concat());
    let two = [&plain[..2], &block(&exif(77)), &block(&exif(6)), &plain[2..]].concat();
    add("I13", "two exif blocks", Must::Read, two);
    let cyclic = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0";
    add(
        "I13",
        "exif with a cyclic directory",
        Must::Read,
        [&plain[..2], &block(cyclic), &plain[2..]].concat(),
    );
    let mut gps = exif(0);
    gps.resize(65_000, 0xA5);
    add("I13", "exif of 64 kB", Must::Read, [&plain[..2], &block(&gps), &plain[2..]].concat());
    let many = [b"II*\0\x08\0\0\0\xFF\xFF".as_slice(), &[0x12; 120]].concat();
    add("I13", "exif with 65535 entries", Must::Read, [&plain[..2], &block(&many), &plain[2..]].concat());
}

fn profiles(add: &mut Add<'_>) {
    let picture = photo(8, 40, 30);
    let jpeg = Jpeg::default();
    add("I15", "jpeg with a profile of 10 MB", Must::Read, jpeg.with(&picture, &[], &vec![0x41; 10 << 20]));
    add("I15", "jpeg with a garbage profile", Must::Read, jpeg.with(&picture, &[], &[0xFF; 3000]));
    let mut header = vec![0; 128];
    header[..4].copy_from_slice(&3_000_u32.to_be_bytes());
    header[12..24].copy_from_slice(b"mntrRGB XYZ ");
    header[36..40].copy_from_slice(b"acsp");
    // It claims a million tags that are missing.
    header.extend(1_000_000_u32.to_be_bytes());
    add("I15", "jpeg with a profile of a million tags", Must::Read, jpeg.with(&picture, &[], &header));
    let mut lut = header[..128].to_vec();
    lut.extend(1_u32.to_be_bytes());
    lut.extend(b"A2B0\0\0\0\x90\0\0\x01\0mft2\0\0\0\0\x03\x03\xFF\0");
    lut.resize(500, 0xFF);
    add("I15", "jpeg with a profile of a table 255^3", Must::Read, jpeg.with(&picture, &[], &lut));
}

fn animations(add: &mut Add<'_>) {
    let picture = photo(9, 16, 12);
    add("I17", "webp of 1000 frames", Must::Read, webp_animated(&picture, 1000));
    let header = png_header(8, 8, 2);
    let data = deflate(&[0; 8 * 25]);
    let control = [1000_u32.to_be_bytes(), 0_u32.to_be_bytes()].concat();
    let frame = |number: u32| {
        [
            &number.to_be_bytes()[..],
            &8_u32.to_be_bytes(),
            &8_u32.to_be_bytes(),
            &[0; 8],
            &[0, 1, 0, 100, 0, 0],
        ]
        .concat()
    };
    let first = frame(0);
    let frames: Vec<(Vec<u8>, Vec<u8>)> =
        (0..999).map(|n| (frame(2 * n + 1), [&(2 * n + 2).to_be_bytes()[..], &data].concat())).collect();
    let mut chunks: Vec<(&[u8; 4], &[u8])> =
        vec![(b"IHDR", &header), (b"acTL", &control), (b"fcTL", &first), (b"IDAT", &data)];
    for (control, data) in &frames {
        chunks.extend([(b"fcTL", control.as_slice()), (b"fdAT", data.as_slice())]);
    }
    chunks.push((b"IEND", &[]));
    add("I17", "png of 1000 frames", Must::Read, png_of(&chunks));
}
