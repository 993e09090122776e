//! Luminance and contrast ratio of colours (WCAG 2.2). Schemes, roles, swatches and the average use it. It cannot fail.
//!
//! A table holds the linear value of each of the 256 levels, so that both cost a few nanoseconds.

use std::sync::LazyLock;

/// Minimum contrast of text with its background (WCAG 2.2, success criterion 1.4.3, level AA).
pub const TEXT_CONTRAST: f64 = 4.5;

/// Minimum contrast of a control or a graphic with its background (WCAG 2.2, success criterion 1.4.11, level AA).
pub const GRAPHIC_CONTRAST: f64 = 3.0;

/// The linear value, 0 to 1, of each level of an sRGB channel (IEC 61966-2-1).
static LINEAR: LazyLock<[f64; 256]> = LazyLock::new(|| {
    std::array::from_fn(|level| {
        let value = level as f64 / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    })
});

/// The linear value, 0 to 1, of a level of an sRGB channel.
pub(crate) fn linear(level: u8) -> f64 {
    LINEAR[usize::from(level)]
}

/// The relative luminance: 0 for black, 1 for white.
#[must_use]
pub fn luminance(rgb: [u8; 3]) -> f64 {
    let [r, g, b] = rgb.map(linear);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// The contrast ratio of two colours: 1 for equal ones, 21 for black and white.
#[must_use]
pub fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Whether black text is more readable on this colour than white text. Both have the same contrast, 4.58, at a luminance
/// of 0.179. So one of them is always readable.
#[must_use]
pub fn needs_dark_text(rgb: [u8; 3]) -> bool {
    contrast(rgb, [0; 3]) > contrast(rgb, [255; 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_agrees_with_published_values() {
        // The first two follow from the definition; the others are examples of W3C's "Understanding 1.4.3".
        for (one, other, ratio) in [
            ([0, 0, 0], [255, 255, 255], 21.0),
            ([10, 20, 30], [10, 20, 30], 1.0),
            ([0x76, 0x76, 0x76], [255, 255, 255], 4.54),
            ([0x77, 0x77, 0x77], [255, 255, 255], 4.48),
        ] {
            assert!((contrast(one, other) - ratio).abs() < 0.005, "{one:?} {other:?}");
            assert!((contrast(other, one) - ratio).abs() < 0.005, "{one:?} {other:?}");
        }
    }

    #[test]
    fn black_or_white_is_readable_on_every_colour() {
        for r in (0..=255).step_by(5) {
            for g in (0..=255).step_by(5) {
                for b in (0..=255).step_by(5) {
                    let text = if needs_dark_text([r, g, b]) { [0; 3] } else { [255; 3] };
                    assert!(contrast([r, g, b], text) >= TEXT_CONTRAST, "{r} {g} {b}");
                }
            }
        }
    }
}
