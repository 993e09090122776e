//! Tests PNG decoding against reference pixels: every colour type, depth and interlacing.

use crate::support::pictures;
use crate::{assert_near, decode, over_white};
use png::{BitDepth, ColorType};

#[test]
fn png_of_every_colour_type_and_depth_is_decoded_exactly() {
    let size = (21, 13);
    let pixels = (size.0 * size.1) as usize;
    for depth in [1_u32, 2, 4, 8] {
        let most = (1 << depth) - 1;
        let sample = |x: u32, y: u32| (x * 3 + y * 5) & most;
        let mut packed = Vec::new();
        let mut grey = Vec::new();
        let mut coloured = Vec::new();
        let palette: Vec<u8> =
            (0..=most as u8).flat_map(|index| [index.wrapping_mul(17), 255 - index, index ^ 0x5A]).collect();
        for y in 0..size.1 {
            let mut bits = vec![0; (size.0 * depth).div_ceil(8) as usize];
            for x in 0..size.0 {
                let value = sample(x, y);
                bits[(x * depth / 8) as usize] |= (value << (8 - depth - x * depth % 8)) as u8;
                grey.extend([(value * 255 / most) as u8; 3]);
                // The first entry is half transparent.
                let colour = &palette[3 * value as usize..][..3];
                coloured.extend(colour.iter().map(|&c| if value == 0 { over_white(c, 128) } else { c }));
            }
            packed.extend(bits);
        }
        let bits = BitDepth::from_u8(depth as u8).unwrap();
        let bytes = pictures::png(size, ColorType::Grayscale, bits, &packed, |_| {});
        assert_near(&decode(&bytes), &grey, 0, &format!("grey of {depth} bits"));
        let bytes = pictures::png(size, ColorType::Indexed, bits, &packed, |encoder| {
            encoder.set_palette(palette.clone());
            encoder.set_trns(vec![128]);
        });
        assert_near(&decode(&bytes), &coloured, 0, &format!("palette of {depth} bits"));
    }
    let mut numbers = pictures::Numbers::new(11);
    for (colour, samples) in
        [(ColorType::Grayscale, 1), (ColorType::GrayscaleAlpha, 2), (ColorType::Rgb, 3), (ColorType::Rgba, 4)]
    {
        let wide: Vec<u16> = (0..pixels * samples).map(|_| numbers.below(65_536) as u16).collect();
        let narrow: Vec<u8> = wide.iter().map(|&value| (f64::from(value) / 257.0).round() as u8).collect();
        let expected: Vec<u8> = narrow
            .chunks(samples)
            .flat_map(|pixel| match *pixel {
                [grey] => [grey; 3],
                [grey, alpha] => [over_white(grey, alpha); 3],
                [r, g, b] => [r, g, b],
                [r, g, b, alpha] => [r, g, b].map(|colour| over_white(colour, alpha)),
                _ => unreachable!(),
            })
            .collect();
        let big_endian: Vec<u8> = wide.iter().flat_map(|value| value.to_be_bytes()).collect();
        let bytes = pictures::png(size, colour, BitDepth::Sixteen, &big_endian, |_| {});
        assert_near(&decode(&bytes), &expected, 0, &format!("{colour:?} of 16 bits"));
        let bytes = pictures::png(size, colour, BitDepth::Eight, &narrow, |_| {});
        assert_near(&decode(&bytes), &expected, 0, &format!("{colour:?} of 8 bits"));
    }
}

#[test]
fn a_png_can_mark_a_colour_as_transparent() {
    let samples = [10, 20, 30, 10, 20, 31];
    let bytes = pictures::png((2, 1), ColorType::Rgb, BitDepth::Eight, &samples, |encoder| {
        encoder.set_trns(vec![0, 10, 0, 20, 0, 30]);
    });
    assert_eq!(decode(&bytes).data(), [255, 255, 255, 10, 20, 31]);
}

#[test]
fn interlaced_png_of_every_small_size_is_decoded_exactly() {
    for width in 1..=18 {
        for height in 1..=18 {
            let picture = pictures::photo(u64::from(width * 31 + height), width, height);
            let raster = decode(&pictures::png_interlaced(&picture));
            assert_eq!(raster.data(), picture.as_raw(), "{width}x{height}");
        }
    }
}

#[test]
fn a_palette_that_is_cut_within_a_colour_is_damaged() {
    for length in [0, 1, 2, 19, 700, 769] {
        let size = (16, 16);
        let palette =
            move |encoder: &mut png::Encoder<'_, &mut Vec<u8>>| encoder.set_palette(vec![7; length]);
        let bytes = pictures::png(size, ColorType::Indexed, BitDepth::Eight, &[6; 256], palette);
        let found = huemill_imaging::probe(&bytes, &huemill_imaging::Limits::default());
        assert!(matches!(found, Err(huemill_imaging::Error::Damaged(_))), "{length}: {found:?}");
    }
}
