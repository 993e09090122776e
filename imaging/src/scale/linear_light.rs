//! Converts samples between sRGB and linear light, where adding up light is plain arithmetic. The scaler calls it for each
//! band of a picture. Both directions are tables, and a sample that goes there and back is the same again.

use std::sync::LazyLock;

use fast_image_resize::pixels::U16x3;

/// The linear sample of each sRGB sample.
static TO_LINEAR: LazyLock<[u16; 256]> = LazyLock::new(|| {
    std::array::from_fn(|srgb| (to_linear(srgb as f64 / 255.0) * f64::from(u16::MAX)).round() as u16)
});

/// The nearest sRGB sample of each linear sample.
static FROM_LINEAR: LazyLock<Box<[u8; 1 << 16]>> = LazyLock::new(|| {
    let mut table = Box::new([0; 1 << 16]);
    for (linear, srgb) in table.iter_mut().enumerate() {
        *srgb = (from_linear(linear as f64 / f64::from(u16::MAX)) * 255.0).round() as u8;
    }
    table
});

/// The standard's curve (IEC 61966-2-1).
fn to_linear(srgb: f64) -> f64 {
    if srgb <= 0.040_45 { srgb / 12.92 } else { ((srgb + 0.055) / 1.055).powf(2.4) }
}

fn from_linear(linear: f64) -> f64 {
    if linear <= 0.003_130_8 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

/// Converts sRGB pixels and appends them.
pub(super) fn extend(linear: &mut Vec<U16x3>, srgb: &[[u8; 3]]) {
    let table = &*TO_LINEAR;
    linear.extend(srgb.iter().map(|pixel| U16x3::new(pixel.map(|sample| table[usize::from(sample)]))));
}

/// Converts linear pixels to sRGB. Both slices must have the same length.
pub(super) fn write(linear: &[U16x3], srgb: &mut [[u8; 3]]) {
    let table = &**FROM_LINEAR;
    for (srgb, linear) in srgb.iter_mut().zip(linear) {
        *srgb = linear.0.map(|sample| table[usize::from(sample)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_comes_back() {
        let samples: Vec<_> = (0..=255).map(|sample| [sample, 255 - sample, 7]).collect();
        let (mut linear, mut back) = (Vec::new(), vec![[0; 3]; 256]);
        extend(&mut linear, &samples);
        write(&linear, &mut back);
        assert_eq!(back, samples);
        assert_eq!((linear[0].0[0], linear[255].0[0]), (0, u16::MAX));
        assert!(linear.is_sorted_by_key(|pixel| pixel.0[0]));
    }

    #[test]
    fn half_the_light_is_188() {
        let mut half = [[0; 3]];
        write(&[U16x3::new([u16::MAX / 2; 3])], &mut half);
        assert_eq!(half, [[188; 3]]);
    }
}
