//! Tests the versions and encodings of bitmaps, from headers that are written field by field.

use crate::support::pictures;
use crate::{assert_near, decode};
use huemill_imaging::{Decoder, Error, Limits, Raster, Unmonitored, probe};

/// A bitmap, field by field.
#[derive(Clone)]
struct Bitmap {
    /// Size of the header.
    size: u32,
    width: i32,
    height: i32,
    bits: u16,
    method: u32,
    /// Number of colours that the header states.
    used: u32,
    planes: u16,
    /// What follows the header: bit masks, then colours.
    tables: Vec<u8>,
    pixels: Vec<u8>,
    /// The stated offset of the pixels, if it is not where they are.
    offset: Option<u32>,
}

impl Bitmap {
    fn new(size: u32, (width, height): (i32, i32), bits: u16, pixels: Vec<u8>) -> Self {
        let (method, used, planes, tables, offset) = (0, 0, 1, Vec::new(), None);
        Self { size, width, height, bits, method, used, planes, tables, pixels, offset }
    }

    fn bytes(&self) -> Vec<u8> {
        let offset = self.offset.unwrap_or(14 + self.size + self.tables.len() as u32);
        let mut header = self.size.to_le_bytes().to_vec();
        if self.size == 12 {
            header.extend(
                [self.width as u16, self.height as u16, self.planes, self.bits]
                    .map(u16::to_le_bytes)
                    .concat(),
            );
        } else {
            header.extend([self.width, self.height].map(i32::to_le_bytes).concat());
            header.extend([self.planes, self.bits].map(u16::to_le_bytes).concat());
            header.extend([self.method, 0, 0, 0, self.used, 0].map(u32::to_le_bytes).concat());
            // Later versions have the masks inside.
            if matches!(self.size, 52 | 56 | 108 | 124) {
                header.extend(&self.tables);
            }
        }
        header.resize(self.size as usize, 0);
        let inside = matches!(self.size, 52 | 56 | 108 | 124) && self.bits > 8;
        let tables: &[u8] = if inside { &[] } else { &self.tables };
        let offset = if inside && self.offset.is_none() { 14 + self.size } else { offset };
        let file = [b"BM".as_slice(), &[0; 8], &offset.to_le_bytes()].concat();
        [&file[..], &header, tables, &self.pixels].concat()
    }
}

fn try_decode(bytes: &[u8]) -> Result<Raster, Error> {
    let probe = probe(bytes, &Limits::default())?;
    Decoder::new().unwrap().decode(bytes, &probe, 1.0, &Unmonitored)
}

/// Rows of 24 bits from the bottom up.
fn rows_of_24_bits(picture: &image::RgbImage) -> Vec<u8> {
    let padding = (4 - picture.width() as usize * 3 % 4) % 4;
    let row = |row: &[u8]| {
        let pixels = row.chunks(3).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]);
        pixels.chain(std::iter::repeat_n(0, padding)).collect::<Vec<u8>>()
    };
    picture.chunks(picture.width() as usize * 3).rev().flat_map(row).collect()
}

#[test]
fn every_version_of_the_header_is_read() {
    let picture = pictures::photo(4, 13, 9);
    let pixels = rows_of_24_bits(&picture);
    // Windows: 40 to 124. OS/2: 12, and 16 to 64, where it ends.
    for size in [12, 16, 20, 24, 36, 40, 42, 44, 46, 48, 52, 56, 60, 64, 108, 124] {
        let bitmap = Bitmap::new(size, (13, 9), 24, pixels.clone());
        assert_eq!(decode(&bitmap.bytes()).data(), picture.as_raw(), "a header of {size} bytes");
    }
    for size in [8, 13, 65, 100, 200] {
        let error = try_decode(&Bitmap::new(size, (13, 9), 24, pixels.clone()).bytes()).unwrap_err();
        assert_eq!(error, Error::Unrecognised, "{size}");
    }
}

#[test]
fn indices_of_every_version_are_coloured() {
    let colours = [[0, 0, 0], [200, 30, 30], [20, 220, 60], [90, 90, 250]];
    for (size, entry) in [(12, 3), (16, 4), (40, 4), (64, 4), (124, 4)] {
        for bits in [1_u16, 2, 4, 8] {
            let count = 4.min(1 << bits);
            let index = |x: usize| x % count;
            let mut row = vec![0; (11 * bits as usize).div_ceil(32) * 4];
            for x in 0..11 {
                let at = x * bits as usize;
                row[at / 8] |= (index(x) << (8 - bits as usize - at % 8)) as u8;
            }
            let mut bitmap = Bitmap::new(size, (11, 2), bits, row.repeat(2));
            // OS/2 has a colour for every index; fewer may be stored, up to the pixels.
            let stored = colours.iter().take(count);
            bitmap.tables =
                stored.flat_map(|c| [&[c[2], c[1], c[0]][..], &[0][..entry - 3]].concat()).collect();
            bitmap.used = if size >= 36 { count as u32 } else { 0 };
            let expected: Vec<u8> = (0..22).flat_map(|at| colours[index(at % 11)]).collect();
            // Version 5 has no place for tables inside.
            let bytes = if size == 124 {
                let mut plain = bitmap.clone();
                plain.tables.clear();
                let bytes = plain.bytes();
                let offset = 138 + bitmap.tables.len() as u32;
                [&bytes[..10], &offset.to_le_bytes(), &bytes[14..138], &bitmap.tables, &bytes[138..]].concat()
            } else {
                bitmap.bytes()
            };
            assert_near(&decode(&bytes), &expected, 0, &format!("{size} bytes, {bits} bits"));
        }
    }
}

/// The value of a channel of these bits, widened to eight.
fn widened(value: u32, mask: u32) -> u8 {
    let most = mask >> mask.trailing_zeros();
    (f64::from((value & mask) >> mask.trailing_zeros()) / f64::from(most) * 255.0).round() as u8
}

#[test]
fn bit_masks_of_any_width_are_honoured() {
    let sets: [(u16, [u32; 4]); 12] = [
        (16, [0xF800, 0x07E0, 0x001F, 0]),
        (16, [0x7C00, 0x03E0, 0x001F, 0x8000]),
        (16, [0x0F00, 0x00F0, 0x000F, 0xF000]),
        (16, [0x00E0, 0x0018, 0x0001, 0]),
        (16, [0x001F, 0x07E0, 0xF800, 0]),
        (16, [0x0F00, 0x00F0, 0, 0]),
        (32, [0xFF, 0xFF00, 0xFF_0000, 0xFF00_0000]),
        (32, [0xFFE0_0000, 0x001F_FC00, 0x0000_03FF, 0]),
        (32, [0x3FF0_0000, 0x000F_FC00, 0x0000_03FF, 0xC000_0000]),
        (32, [0x0000_00FE, 0x0000_0100, 0x0001_FE00, 0xFE00_0000]),
        (32, [0, 0xFF00, 0, 0]),
        (32, [0xFF00_0000, 0xFF00, 0, 0xFF]),
    ];
    let mut numbers = pictures::Numbers::new(17);
    for (bits, masks) in sets {
        let bytes_per_pixel = usize::from(bits / 8);
        let values: Vec<u32> = (0..24).map(|_| (numbers.next() >> 20) as u32).collect();
        let pixels: Vec<u8> =
            values.iter().flat_map(|value| value.to_le_bytes()[..bytes_per_pixel].to_vec()).collect();
        // The first header has three masks behind it, and four by method 6; later ones have them inside.
        for (size, method) in [(40, 3), (40, 6), (52, 3), (56, 3), (108, 3), (124, 3)] {
            let has_alpha = masks[3] != 0 && (size >= 56 || method == 6);
            let count = if size == 52 || size == 40 && method == 3 { 3 } else { 4 };
            for height in [3, -3] {
                let mut bitmap = Bitmap::new(size, (8, height), bits, pixels.clone());
                bitmap.method = method;
                bitmap.tables = masks[..count].iter().flat_map(|mask| mask.to_le_bytes()).collect();
                let raster = try_decode(&bitmap.bytes()).unwrap();
                let what = format!("{bits} bits, masks {masks:x?}, {size} bytes, method {method}");
                for (at, pixel) in raster.pixels().iter().enumerate() {
                    let row = if height > 0 { 2 - at / 8 } else { at / 8 };
                    let value = values[row * 8 + at % 8];
                    for (channel, mask) in masks[..3].iter().enumerate() {
                        let expected = if *mask == 0 { 0 } else { widened(value, *mask) };
                        assert!(pixel[channel].abs_diff(expected) <= 1, "{what}: {pixel:?}, {value:x}");
                    }
                    if has_alpha {
                        let opacity = raster.opacity().map_or(255, |opacity| opacity[at]);
                        assert!(opacity.abs_diff(widened(value, masks[3])) <= 1, "{what}");
                    } else {
                        assert!(raster.opacity().is_none(), "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn run_lengths_of_four_and_eight_bits_are_decoded() {
    let colours = [[10, 20, 30], [200, 30, 30], [20, 220, 60], [90, 90, 250]];
    let tables: Vec<u8> = colours.iter().flat_map(|c| [c[2], c[1], c[0], 0]).collect();
    // Rows from the bottom up: a run and single indices; a movement that leaves out two pixels and a row.
    let eight: &[u8] = &[4, 1, 0, 3, 2, 3, 1, 0, 0, 0, 2, 2, 0, 2, 1, 1, 2, 2, 0, 1];
    let four: &[u8] = &[4, 0x11, 0, 3, 0x23, 0x10, 0, 0, 2, 0x22, 0, 2, 1, 1, 2, 0x22, 0, 1];
    for (bits, method, pixels) in [(8, 1, eight), (4, 2, four)] {
        for size in [40, 64, 124] {
            let mut bitmap = Bitmap::new(size, (7, 3), bits, pixels.to_vec());
            (bitmap.method, bitmap.used) = (method, 4);
            let bytes = if size == 124 {
                let plain = bitmap.bytes();
                let offset = 138 + tables.len() as u32;
                [&plain[..10], &offset.to_le_bytes(), &plain[14..138], &tables, &plain[138..]].concat()
            } else {
                bitmap.tables.clone_from(&tables);
                bitmap.bytes()
            };
            let raster = decode(&bytes);
            let row = |y: u32| (0..7).map(|x| raster.pixel(x, y)).collect::<Vec<_>>();
            let [_, one, two, three] = colours;
            assert_eq!(row(2), [one, one, one, one, two, three, one], "{bits} bits, {size} bytes");
            assert_eq!(row(1)[..2], [two, two]);
            assert_eq!(row(0)[3..5], [two, two]);
        }
    }
}

#[test]
fn odd_headers_are_tolerated() {
    let picture = pictures::photo(5, 6, 4);
    let pixels = rows_of_24_bits(&picture);
    let plain = Bitmap::new(40, (6, 4), 24, pixels.clone());
    for planes in [0, 2] {
        assert_eq!(decode(&Bitmap { planes, ..plain.clone() }.bytes()).data(), picture.as_raw());
    }
    // Pixels whose offset is missing follow the header.
    assert_eq!(decode(&Bitmap { offset: Some(0), ..plain.clone() }.bytes()).data(), picture.as_raw());
    // A gap before the pixels, and bytes behind them.
    let gap = Bitmap { pixels: [vec![9; 20], pixels, vec![7; 99]].concat(), offset: Some(74), ..plain };
    assert_eq!(decode(&gap.bytes()).data(), picture.as_raw());
    // More colours than there are indices.
    let mut many = Bitmap::new(40, (4, 1), 8, vec![0, 1, 2, 255]);
    many.used = 300;
    many.tables = (0..300_u32).flat_map(|n| [n as u8, 0, 0, 0]).collect();
    assert_eq!(decode(&many.bytes()).data(), [0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 255]);
}

#[test]
fn variants_that_are_not_decoded_are_named() {
    let masks = |masks: [u32; 3]| masks.iter().flat_map(|mask| mask.to_le_bytes()).collect::<Vec<u8>>();
    let table: [(&str, u32, u16, u32, Vec<u8>); 8] = [
        ("JPEG", 40, 0, 4, vec![]),
        ("JPEG", 124, 24, 4, vec![]),
        ("PNG", 40, 0, 5, vec![]),
        ("CMYK", 40, 32, 11, vec![]),
        ("Huffman", 64, 1, 3, vec![]),
        ("24 bits", 64, 24, 4, vec![]),
        ("64 bits", 40, 64, 0, vec![]),
        ("gaps", 40, 32, 3, masks([0xF0F0, 0xFF_0000, 0xFF00_0000])),
    ];
    for (name, size, bits, method, tables) in table {
        let mut bitmap = Bitmap::new(size, (4, 4), bits, vec![0; 128]);
        (bitmap.method, bitmap.tables) = (method, tables);
        match try_decode(&bitmap.bytes()) {
            Err(Error::Unsupported(found)) => assert!(found.contains(name), "{found} for {name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    let mut turned = Bitmap::new(40, (4, -4), 8, vec![0; 128]);
    turned.method = 1;
    assert!(matches!(try_decode(&turned.bytes()), Err(Error::Unsupported(_))));
}

#[test]
fn impossible_headers_are_damaged() {
    let masks = |masks: [u32; 3]| masks.iter().flat_map(|mask| mask.to_le_bytes()).collect::<Vec<u8>>();
    let table: [(i32, i32, u16, u32, Vec<u8>); 7] = [
        (0, 4, 24, 0, vec![]),
        (-4, 4, 24, 0, vec![]),
        (4, 0, 24, 0, vec![]),
        (4, 4, 7, 0, vec![]),
        (4, 4, 24, 1, vec![]),
        (4, 4, 16, 3, masks([0x1_0000, 0xF0, 0xF])),
        (4, 4, 32, 3, masks([0, 0, 0])),
    ];
    for (width, height, bits, method, tables) in table {
        let mut bitmap = Bitmap::new(40, (width, height), bits, vec![0; 128]);
        (bitmap.method, bitmap.tables) = (method, tables);
        let found = try_decode(&bitmap.bytes());
        assert!(matches!(found, Err(Error::Damaged(_))), "{width}x{height}, {bits}, {method}: {found:?}");
    }
}
