//! Makes the hostile pictures in GIF, WebP, TIFF and BMP.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use super::{
    containers::{
        Entry, anmf, deflate, png_of, riff, tiff_entries, tiff_of, vp8, vp8l_groups, vp8x, webp_of,
    },
    hostile::{Add, Must, png_header},
    pictures::{gif, photo, webp_lossless},
};

/// Adds all of them.
pub fn add(add: &mut Add<'_>) {
    gifs(add);
    webps(add);
    tiffs(add);
    bitmaps(add);
}

fn gifs(add: &mut Add<'_>) {
    let head = |w: u16, h: u16| {
        [b"GIF89a".as_slice(), &w.to_le_bytes(), &h.to_le_bytes(), &[0x80, 0, 0], &[255, 0, 0, 0, 0, 255]]
            .concat()
    };
    let descriptor =
        |w: u16, h: u16| [b"\x2C\0\0\0\0".as_slice(), &w.to_le_bytes(), &h.to_le_bytes(), &[0]].concat();
    // The codes clear, index 1 and end, with three bits each.
    let pixel = [2, 2, 0b0100_1100, 0b0000_0001, 0];
    let frame = [descriptor(1, 1), pixel.to_vec()].concat();
    add(
        "I4",
        "gif of 100,000 frames",
        Must::Read,
        [head(1, 1), frame.repeat(100_000), b";".to_vec()].concat(),
    );
    add(
        "I4",
        "gif frame of 65535x65535",
        Must::TooLarge,
        [head(1, 1), descriptor(0xFFFF, 0xFFFF), pixel.to_vec()].concat(),
    );
    let picture = gif(&photo(4, 40, 30));
    let mut small = picture.clone();
    small[6..10].copy_from_slice(&[7, 0, 5, 0]);
    add("I4", "gif frame larger than its canvas", Must::Read, small);
    let mut cut = picture;
    cut.truncate(cut.len() - 200);
    add("I4", "gif frame truncated", Must::Fail, cut);
    add("I4", "gif without a frame", Must::Fail, [head(5, 5), b";".to_vec()].concat());
}

fn webps(add: &mut Add<'_>) {
    let picture = photo(5, 24, 20);
    let good = webp_lossless(&picture, 24, 20, image::ExtendedColorType::Rgb8);
    // Code lengths that do not form a prefix code. They once overflowed the tables of libwebp.
    let lossless = [&[0x2F, 15, 0, 0, 0][..], &[0xFF; 200]].concat();
    add("I5", "webp of bad codes", Must::Fail, webp_of(&[(b"VP8L", &lossless)]));
    let chunk = &good[12..];
    let wrong = [&riff(*b"VP8X", &vp8x(0, 500, 400))[..], chunk].concat();
    add(
        "I5",
        "webp canvas and frame differ",
        Must::Fail,
        riff(*b"RIFF", &[b"WEBP".as_slice(), &wrong].concat()),
    );
    let frame = anmf(0, 0, (16_383, 16_383), chunk);
    let animated: [(&[u8; 4], &[u8]); 3] =
        [(b"VP8X", &vp8x(2, 24, 20)), (b"ANIM", &[0; 6]), (b"ANMF", &frame)];
    add("I5", "webp frame larger than its canvas", Must::Fail, webp_of(&animated));
    let outside = anmf(20, 0, (24, 20), chunk);
    add(
        "I5",
        "webp frame outside its canvas",
        Must::Fail,
        webp_of(&[(b"VP8X", &vp8x(2, 24, 20)), (b"ANIM", &[0; 6]), (b"ANMF", &outside)]),
    );
    let hidden = vp8(16_383, 16_383, &[0; 64]);
    add(
        "I5",
        "webp canvas hides a large frame",
        Must::Fail,
        webp_of(&[(b"VP8X", &vp8x(0, 16, 16)), (b"VP8 ", &hidden)]),
    );
    add("I5", "webp of 4096 groups of codes", Must::Fail, webp_of(&[(b"VP8L", &vp8l_groups(4096))]));
    add("I5", "webp of 100 groups of codes", Must::Read, webp_of(&[(b"VP8L", &vp8l_groups(100))]));
    // The upper bits of the first three bytes contain the size of the first partition.
    let mut partition = vp8(16, 16, &[0; 64]);
    partition[..3].copy_from_slice(&[0x10, 0xFF, 0xFF]);
    add("I5", "webp partition of 512 kB in 300 bytes", Must::Fail, webp_of(&[(b"VP8 ", &partition)]));
    add("I5", "webp without a bitstream", Must::Fail, webp_of(&[(b"VP8X", &vp8x(0, 16, 16))]));
}

fn tiffs(add: &mut Add<'_>) {
    let page = |extra: Vec<Entry>, chunk: Vec<u8>| {
        let mut entries = tiff_entries((32, 32), &[8], 1, 8);
        entries.extend(extra);
        tiff_of(entries, (273, 279), &[chunk])
    };
    let good = deflate(&[7; 1024]);
    let mut strips = page(vec![Entry(278, 4, vec![32])], good.clone());
    // The number of values of the strip offsets.
    let at = strips.windows(4).position(|w| w == b"\x11\x01\x04\0").unwrap() + 4;
    strips[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    add("I6", "tiff of 2^32-1 strips", Must::Fail, strips);
    let mut cyclic = page(vec![], good.clone());
    let end = cyclic.len() - 4;
    let first: [u8; 4] = cyclic[4..8].try_into().unwrap();
    cyclic[end..].copy_from_slice(&first);
    add("I6", "tiff with a cyclic directory", Must::Fail, cyclic);
    add("I6", "tiff deflate bomb", Must::Read, page(vec![], deflate(&vec![0; 16 << 20])));
    add("I6", "tiff strip truncated", Must::Fail, page(vec![], deflate(&[7; 500])));
    let mut tile = tiff_entries((32, 32), &[8], 1, 8);
    tile.extend([Entry(322, 4, vec![0x7FFF_FFF0]), Entry(323, 4, vec![0x7FFF_FFF0])]);
    add("I6", "tiff with a tile of 2^31", Must::Fail, tiff_of(tile, (324, 325), &[good]));
    // A list that is missing. A decoder would allocate memory for it first.
    let mut claimed = page(vec![], deflate(&[7; 1024]));
    let at = claimed.windows(4).position(|w| w == b"\x15\x01\x03\0").unwrap() + 4;
    claimed[at..at + 4].copy_from_slice(&200_000_u32.to_le_bytes());
    add("I6", "tiff that claims 200,000 values", Must::Fail, claimed);
    let mut claimed = page(vec![], deflate(&[7; 1024]));
    let at = claimed.windows(4).position(|w| w == b"\x11\x01\x04\0").unwrap() + 4;
    claimed[at..at + 4].copy_from_slice(&60_000_u32.to_le_bytes());
    add("I6", "tiff that claims 60,000 strips", Must::Fail, claimed);
    let many = page(vec![Entry(338, 3, vec![0; 400_000])], vec![0; 1024]);
    add("I6", "tiff with 400,000 extra samples", Must::Fail, many);
}

fn bitmaps(add: &mut Add<'_>) {
    let head = |w: i32, h: i32, bits: u8, compression: u8, colours: u8| {
        [
            b"BM".as_slice(),
            &[0; 8],
            &(54 + 4 * u32::from(colours)).to_le_bytes(),
            &[40, 0, 0, 0],
            &w.to_le_bytes(),
            &h.to_le_bytes(),
            &[1, 0, bits, 0, compression, 0, 0, 0],
            &[0; 12],
            &[colours, 0, 0, 0],
            &[0; 4],
            &[0, 64, 128, 0].repeat(colours.into()),
        ]
        .concat()
    };
    add("I8", "bmp of negative height", Must::Read, [head(2, -3, 24, 0, 0), vec![9; 24]].concat());
    add("I8", "bmp of height -2^31", Must::TooLarge, head(2, i32::MIN, 24, 0, 0));
    add("I8", "bmp run beyond its row", Must::Fail, [head(4, 2, 8, 1, 2), vec![255, 1, 255, 1]].concat());
    add(
        "I8",
        "bmp jump beyond its end",
        Must::Fail,
        [head(4, 2, 8, 1, 2), vec![0, 2, 200, 200, 4, 1]].concat(),
    );
    add("I8", "bmp truncated", Must::Fail, [head(40, 40, 24, 0, 0), vec![9; 100]].concat());
    let bomb = png_of(&[(b"IHDR", &png_header(60_000, 60_000, 2))]);
    let length = (bomb.len() as u32).to_le_bytes();
    let ico = [b"\0\0\x01\0\x01\0\0\0\0\0\x01\0\x20\0".as_slice(), &length, &[22, 0, 0, 0], &bomb].concat();
    add("I8", "ico with a png bomb", Must::Unsupported, ico);
}
