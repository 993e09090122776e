//! Tests the chunks of PNG that say what its colours are. The expected values are computed here from the formulas of the
//! standards.

use crate::decode;
use crate::profiles::{assert_near, from_linear, from_p3, multiply};
use crate::support::{
    containers,
    pictures::{self, Numbers},
};
use image::RgbImage;
use moxcms::ColorProfile;
use png::{BitDepth, ColorType};
use proptest::prelude::*;

type Chunk = ([u8; 4], Vec<u8>);
type Conversion = dyn Fn([u8; 3]) -> [u8; 3];

/// Puts chunks behind the header of a PNG.
pub(crate) fn with_chunks(png: &[u8], chunks: &[Chunk]) -> Vec<u8> {
    let chunks = chunks.iter().map(|(name, data)| containers::png_of(&[(name, data)])[8..].to_vec());
    [png[..33].to_vec(), chunks.collect::<Vec<_>>().concat(), png[33..].to_vec()].concat()
}

fn gama(gamma: f64) -> Chunk {
    (*b"gAMA", ((gamma * 100_000.0).round() as u32).to_be_bytes().to_vec())
}

/// White, red, green, blue.
fn chrm(points: [[f64; 2]; 4]) -> Chunk {
    let number = |value: &f64| ((value * 100_000.0).round() as u32).to_be_bytes();
    (*b"cHRM", points.as_flattened().iter().flat_map(number).collect())
}

fn cicp(code_points: [u8; 4]) -> Chunk {
    (*b"cICP", code_points.to_vec())
}

fn iccp(profile: &ColorProfile) -> Chunk {
    (*b"iCCP", [b"icc\0\0".as_slice(), &containers::deflate(&profile.encode().unwrap())].concat())
}

const D65: [f64; 2] = [0.3127, 0.329];
const SRGB: [[f64; 2]; 4] = [D65, [0.64, 0.33], [0.3, 0.6], [0.15, 0.06]];
pub(crate) const ADOBE: [[f64; 2]; 4] = [D65, [0.64, 0.33], [0.21, 0.71], [0.15, 0.06]];
const BT2020: [[f64; 2]; 4] = [D65, [0.708, 0.292], [0.17, 0.797], [0.131, 0.046]];

fn inverse(m: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let minor = |r: usize, c: usize| {
        let (r1, r2, c1, c2) = ((r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3);
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f64 = (0..3).map(|c| m[0][c] * minor(0, c)).sum();
    std::array::from_fn(|r| std::array::from_fn(|c| minor(c, r) / determinant))
}

/// The matrix from linear RGB to XYZ of primaries and a white point (SMPTE RP 177).
fn to_xyz([white, primaries @ ..]: [[f64; 2]; 4]) -> [[f64; 3]; 3] {
    let xyz = |[x, y]: [f64; 2]| [x / y, 1.0, (1.0 - x - y) / y];
    let columns = primaries.map(xyz);
    let matrix = std::array::from_fn(|row| std::array::from_fn(|column| columns[column][row]));
    let scale = multiply(inverse(matrix), xyz(white));
    std::array::from_fn(|row| std::array::from_fn(|column| matrix[row][column] * scale[column]))
}

/// Converts light of primaries with the white point of sRGB to sRGB.
pub(crate) fn light_to_srgb(points: [[f64; 2]; 4], light: [f64; 3]) -> [u8; 3] {
    multiply(inverse(to_xyz(SRGB)), multiply(to_xyz(points), light)).map(from_linear)
}

pub(crate) fn picture() -> RgbImage {
    RgbImage::from_fn(24, 18, |x, y| {
        image::Rgb([60 + x as u8 * 8, 200 - y as u8 * 9, 40 + (x + y) as u8 * 5])
    })
}

/// The same samples at 8 and at 16 bits, in rows and in passes, with and without opacity.
fn variants(picture: &RgbImage, chunks: &[Chunk]) -> Vec<Vec<u8>> {
    let size = picture.dimensions();
    let wide: Vec<u8> = picture.iter().flat_map(|&sample| [sample, sample]).collect();
    let alpha: Vec<u8> = picture.chunks(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    let wide_alpha: Vec<u8> = alpha.iter().flat_map(|&sample| [sample, sample]).collect();
    let plain = [
        pictures::png(size, ColorType::Rgb, BitDepth::Eight, picture, |_| {}),
        pictures::png(size, ColorType::Rgb, BitDepth::Sixteen, &wide, |_| {}),
        pictures::png(size, ColorType::Rgba, BitDepth::Eight, &alpha, |_| {}),
        pictures::png(size, ColorType::Rgba, BitDepth::Sixteen, &wide_alpha, |_| {}),
        pictures::png_interlaced(picture),
    ];
    plain.iter().map(|png| with_chunks(png, chunks)).collect()
}

#[track_caller]
fn assert_colors(picture: &RgbImage, chunks: &[Chunk], expected: impl Fn([u8; 3]) -> [u8; 3], what: &str) {
    for bytes in variants(picture, chunks) {
        assert_near(&decode(&bytes), picture.pixels().map(|pixel| expected(pixel.0)), 2, what);
    }
}

/// From the third edition of the PNG specification, 4.3: `cICP`, `iCCP`, `sRGB`, `gAMA` and `cHRM`.
#[test]
fn the_first_source_of_colour_in_the_order_of_the_specification_counts() {
    let picture = picture();
    let mut linear = ColorProfile::new_srgb();
    let curve = moxcms::ToneReprCurve::Lut(Vec::new());
    (linear.red_trc, linear.green_trc, linear.blue_trc) =
        (Some(curve.clone()), Some(curve.clone()), Some(curve));
    linear.cicp = None;
    let power =
        |pixel: [u8; 3]| light_to_srgb(ADOBE, pixel.map(|sample| (f64::from(sample) / 255.0).powf(1.8)));
    let as_linear = |pixel: [u8; 3]| pixel.map(|sample| from_linear(f64::from(sample) / 255.0));
    let sources: [(Vec<Chunk>, &Conversion); 4] = [
        (vec![cicp([12, 13, 0, 1])], &from_p3),
        (vec![iccp(&linear)], &as_linear),
        (vec![(*b"sRGB", vec![0])], &|pixel| pixel),
        (vec![gama(1.0 / 1.8), chrm(ADOBE)], &power),
    ];
    for present in 1..16_u32 {
        let held: Vec<_> = (0..4).filter(|index| present >> index & 1 == 1).collect();
        // In the file they are in the opposite order, which must not matter.
        let chunks: Vec<Chunk> = held.iter().rev().flat_map(|&index| sources[index].0.clone()).collect();
        assert_colors(&picture, &chunks, sources[held[0]].1, &format!("sources {held:?}"));
    }
}

#[test]
fn gamma_is_applied_to_every_colour_type() {
    for gamma in [1.0, 0.55, 0.36, 2.2] {
        let expected = |sample: u8| [from_linear((f64::from(sample) / 255.0).powf(1.0 / gamma)); 3];
        let samples: Vec<u8> = (0..=255).collect();
        let wide: Vec<u8> = samples.iter().flat_map(|&sample| [sample, sample]).collect();
        let palette: Vec<u8> = samples.iter().flat_map(|&sample| [sample; 3]).collect();
        let grey_alpha: Vec<u8> = wide.chunks(2).flat_map(|pair| [pair[0], pair[1], 255, 255]).collect();
        let plain = [
            pictures::png((256, 1), ColorType::Grayscale, BitDepth::Eight, &samples, |_| {}),
            pictures::png((256, 1), ColorType::Grayscale, BitDepth::Sixteen, &wide, |_| {}),
            pictures::png((256, 1), ColorType::GrayscaleAlpha, BitDepth::Sixteen, &grey_alpha, |_| {}),
            pictures::png((256, 1), ColorType::Indexed, BitDepth::Eight, &samples, |encoder| {
                encoder.set_palette(palette);
            }),
        ];
        for (index, png) in plain.iter().enumerate() {
            let raster = decode(&with_chunks(png, &[gama(gamma)]));
            assert_near(
                &raster,
                samples.iter().map(|&sample| expected(sample)),
                1,
                &format!("{gamma} {index}"),
            );
        }
    }
}

#[test]
fn statements_of_srgb_change_nothing() {
    let picture = pictures::photo(7, 33, 21);
    let sets = [
        vec![gama(0.45455)],
        vec![gama(0.4545), chrm(SRGB)],
        vec![chrm([[0.3127, 0.329], [0.64, 0.33], [0.3, 0.6], [0.15, 0.06]])],
        vec![cicp([1, 13, 0, 1])],
    ];
    for chunks in sets {
        for bytes in variants(&picture, &chunks) {
            assert_eq!(decode(&bytes).data(), picture.as_raw(), "{chunks:?}");
        }
    }
}

#[test]
fn statements_without_a_meaning_are_passed_over() {
    let picture = picture();
    let good = [gama(1.0 / 1.8), chrm(ADOBE)];
    let expected =
        |pixel: [u8; 3]| light_to_srgb(ADOBE, pixel.map(|sample| (f64::from(sample) / 255.0).powf(1.8)));
    let bad = [
        // A matrix, a range, primaries and transfer functions that are not allowed or not defined.
        cicp([12, 13, 1, 1]),
        cicp([12, 13, 0, 7]),
        cicp([3, 13, 0, 1]),
        cicp([2, 2, 0, 1]),
        cicp([12, 200, 0, 1]),
        (*b"cICP", vec![12, 13, 0]),
        (*b"iCCP", b"icc\0\0no profile".to_vec()),
        iccp(&ColorProfile::new_gray_with_gamma(1.0)),
    ];
    for chunk in bad {
        let chunks = [[chunk.clone()].as_slice(), &good].concat();
        assert_colors(&picture, &chunks, expected, &format!("{chunk:?}"));
    }
    let no_triangle = [
        chrm([D65, [0.3, 0.3], [0.3, 0.3], [0.3, 0.3]]),
        chrm([D65, [0.64, 0.33], [0.3, 0.6], [0.15, 0.0]]),
        chrm([[0.7, 0.7], [0.64, 0.33], [0.3, 0.6], [0.15, 0.06]]),
        (*b"cHRM", vec![0xFF; 32]),
        (*b"cHRM", vec![0; 31]),
        (*b"gAMA", vec![0; 4]),
        (*b"gAMA", vec![]),
    ];
    for chunk in no_triangle {
        assert_colors(&picture, std::slice::from_ref(&chunk), |pixel| pixel, &format!("{chunk:?}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn any_primaries_are_converted_by_their_matrix(
        red in (0.6..0.7_f64, 0.28..0.33_f64), green in (0.17..0.32_f64, 0.58..0.78_f64),
        blue in (0.13..0.16_f64, 0.045..0.08_f64), gamma in 0.3..1.0_f64,
    ) {
        // The chunk has five digits.
        let round = |value: f64| (value * 1e5).round() / 1e5;
        let points = [D65, red.into(), green.into(), blue.into()].map(|point: [f64; 2]| point.map(round));
        let (gamma, picture) = (round(gamma), picture());
        let expected = |pixel: [u8; 3]| {
            light_to_srgb(points, pixel.map(|sample| (f64::from(sample) / 255.0).powf(1.0 / gamma)))
        };
        let is_gamma_of_srgb = (gamma - 0.45455).abs() < 0.006;
        if !is_gamma_of_srgb {
            let png = pictures::png_rgb(&picture);
            let raster = decode(&with_chunks(&png, &[gama(gamma), chrm(points)]));
            assert_near(&raster, picture.pixels().map(|pixel| expected(pixel.0)), 2, "primaries");
        }
    }
}

/// 16-bit samples of linear light: the 200 darkest of 8 bits would be a handful of tones.
#[test]
fn sixteen_bits_are_converted_before_they_are_narrowed() {
    let values: Vec<u16> = (0..1024_u32).map(|step| (step * step / 32) as u16).collect();
    let expected: Vec<[u8; 3]> =
        values.iter().map(|&value| [from_linear(f64::from(value) / 65_535.0); 3]).collect();
    assert!(expected.iter().collect::<std::collections::BTreeSet<_>>().len() > 180);
    let mut linear = ColorProfile::new_srgb();
    let curve = moxcms::ToneReprCurve::Lut(Vec::new());
    (linear.red_trc, linear.green_trc, linear.blue_trc) =
        (Some(curve.clone()), Some(curve.clone()), Some(curve));
    linear.cicp = None;
    let repeated = |times: usize, last: Option<u16>| -> Vec<u8> {
        let pixel = |value: u16| std::iter::repeat_n(value, times).chain(last);
        values.iter().flat_map(|&value| pixel(value)).flat_map(u16::to_be_bytes).collect()
    };
    let grey_profile = ColorProfile::new_gray_with_gamma(1.0);
    let table = [
        (ColorType::Rgb, repeated(3, None), iccp(&linear)),
        (ColorType::Rgb, repeated(3, None), gama(1.0)),
        (ColorType::Rgba, repeated(3, Some(65_535)), iccp(&linear)),
        (ColorType::Grayscale, repeated(1, None), iccp(&grey_profile)),
        (ColorType::Grayscale, repeated(1, None), gama(1.0)),
        (ColorType::GrayscaleAlpha, repeated(1, Some(65_535)), iccp(&grey_profile)),
    ];
    for (color, samples, chunk) in table {
        let png = pictures::png((32, 32), color, BitDepth::Sixteen, &samples, |_| {});
        let raster = decode(&with_chunks(&png, std::slice::from_ref(&chunk)));
        let what = format!("{color:?} {}", String::from_utf8_lossy(&chunk.0));
        assert_near(&raster, expected.iter().copied(), 1, &what);
    }
}

/// SMPTE ST 2084, in cd/m².
fn pq(sample: f64) -> f64 {
    let (m1, m2) = (2610.0 / 16_384.0, 2523.0 / 4096.0 * 128.0);
    let (c1, c2, c3) = (3424.0 / 4096.0, 2413.0 / 4096.0 * 32.0, 2392.0 / 4096.0 * 32.0);
    let power = sample.powf(1.0 / m2);
    10_000.0 * ((power - c1).max(0.0) / (c2 - c3 * power)).powf(1.0 / m1)
}

/// ITU-R BT.2100, HLG on a display of 1000 cd/m².
fn hlg(sample: f64) -> f64 {
    let (a, b, c) = (0.178_832_77, 0.284_668_92, 0.559_910_73);
    let scene = if sample <= 0.5 { sample * sample / 3.0 } else { (((sample - c) / a).exp() + b) / 12.0 };
    1000.0 * scene.powf(1.2)
}

#[test]
fn code_points_are_honoured() {
    let picture = picture();
    let share = |sample: u8| f64::from(sample) / 255.0;
    // The inverse of the camera's function of ITU-R BT.2020.
    let camera = |value: f64| {
        if value < 0.081 { value / 4.5 } else { ((value + 0.099_296_8) / 1.099_296_8).powf(1.0 / 0.45) }
    };
    let wide = |pixel: [u8; 3]| light_to_srgb(BT2020, pixel.map(|sample| camera(share(sample))));
    assert_colors(&picture, &[cicp([9, 14, 0, 1])], wide, "BT.2020");
    let linear = |pixel: [u8; 3]| light_to_srgb(BT2020, pixel.map(share));
    assert_colors(&picture, &[cicp([9, 8, 0, 1])], linear, "linear light");
    // What is brighter than the white of text, 203 cd/m², is compressed.
    let reduced = |light: f64| {
        let (light, peak) = (light / 203.0, 1000.0 / 203.0);
        (light * (1.0 + light / (peak * peak)) / (1.0 + light)).min(1.0)
    };
    let with_pq = |pixel: [u8; 3]| light_to_srgb(BT2020, pixel.map(|sample| reduced(pq(share(sample)))));
    assert_colors(&picture, &[cicp([9, 16, 0, 1])], with_pq, "PQ");
    let with_hlg = |pixel: [u8; 3]| light_to_srgb(BT2020, pixel.map(|sample| reduced(hlg(share(sample)))));
    assert_colors(&picture, &[cicp([9, 18, 0, 1])], with_hlg, "HLG");
}

#[test]
fn a_narrow_range_is_widened() {
    let samples: Vec<u8> = (0..=255).collect();
    let png = pictures::png((256, 1), ColorType::Grayscale, BitDepth::Eight, &samples, |_| {});
    let raster = decode(&with_chunks(&png, &[cicp([1, 13, 0, 0])]));
    let expected =
        |sample: &u8| [((f64::from(*sample) - 16.0) / 219.0 * 255.0).clamp(0.0, 255.0).round() as u8; 3];
    assert_near(&raster, samples.iter().map(expected), 1, "8 bits");
    let values: Vec<u16> = (0..256).map(|step| step * 257).collect();
    let wide: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    let png = pictures::png((256, 1), ColorType::Grayscale, BitDepth::Sixteen, &wide, |_| {});
    let raster = decode(&with_chunks(&png, &[cicp([1, 13, 0, 0])]));
    let expected = |value: &u16| {
        let share = (f64::from(*value) - 4096.0) / (219.0 * 256.0);
        [(share * 255.0).clamp(0.0, 255.0).round() as u8; 3]
    };
    assert_near(&raster, values.iter().map(expected), 1, "16 bits");
}

#[test]
fn random_bytes_in_the_chunks_never_fail() {
    let mut numbers = Numbers::new(5);
    let png = pictures::png_rgb(&pictures::photo(3, 9, 7));
    for _ in 0..300 {
        let mut random = |length: usize| (0..length).map(|_| numbers.below(256) as u8).collect::<Vec<u8>>();
        let chunks = [
            (*b"cICP", random(4)),
            (*b"gAMA", random(4)),
            (*b"cHRM", random(32)),
            (*b"eXIf", [b"II*\0\x08\0\0\0".to_vec(), random(60)].concat()),
        ];
        let pixels = decode(&with_chunks(&png, &chunks));
        assert_eq!((pixels.width(), pixels.height()), (9, 7));
    }
}
