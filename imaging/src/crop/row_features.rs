//! Computes the features of one row of pixels, several pixels at once.
//!
//! smartcrop2 computes in `f64`, pixel by pixel. This code first computes every feature in `f32`. The result is the
//! same integer from 0 to 255, unless the value is so close to the middle between two integers that a rounding error
//! may decide. Those few pixels are computed again in the way of smartcrop2. The tests cover all colours.

use std::slice::SliceIndex;

/// Side of a cell, and the step by which the crop moves, in pixels of the small copy.
pub(super) const CELL: u32 = 8;

const SIDE: usize = CELL as usize;

/// Scale of lightness. In ten-thousandths it is an integer below 2²⁴, which `f32` stores exactly.
const LIGHTNESS_SCALE: f32 = 10_000.0;

/// Range of lightness in which skin counts: 0 to 255, times [`LIGHTNESS_SCALE`].
const SKIN_LIGHTNESS: [f32; 2] = [510_000.0, 2_550_000.0];
/// The same range for saturation.
const SATURATION_LIGHTNESS: [f32; 2] = [127_500.0, 2_295_000.0];

const SKIN_THRESHOLD: f64 = 0.8;
const SATURATION_THRESHOLD: f64 = 0.4;

/// The skin tone in RGB, with the length of smartcrop's constant, which is slightly more than 1.
const SKIN_TONE: [f64; 3] = [234.0 / SKIN_LENGTH, 171.0 / SKIN_LENGTH, 132.0 / SKIN_LENGTH];
/// √(234² + 171² + 132²) × 0.9420…
const SKIN_LENGTH: f64 = 318.466_638_755_144_97 * 0.942_013_898_763_998_4;

/// A row of pixels, with one array per channel and one for lightness.
pub(super) struct PixelRow {
    red: Vec<u8>,
    green: Vec<u8>,
    blue: Vec<u8>,
    /// Scaled by [`LIGHTNESS_SCALE`].
    lightness: Vec<f32>,
}

impl PixelRow {
    pub(super) fn new(width: usize) -> Self {
        let channel = || vec![0; width];
        Self { red: channel(), green: channel(), blue: channel(), lightness: vec![0.0; width] }
    }

    /// Loads a row of pixels of the same width.
    pub(super) fn read(&mut self, pixels: &[[u8; 3]]) {
        let channels = self.red.iter_mut().zip(&mut self.green).zip(&mut self.blue);
        for (((red, green), blue), &[r, g, b]) in channels.zip(pixels) {
            (*red, *green, *blue) = (r, g, b);
        }
        let channels = self.red.iter().zip(&self.green).zip(&self.blue);
        for (value, ((&r, &g), &b)) in self.lightness.iter_mut().zip(channels) {
            *value = scaled_lightness([r, g, b]);
        }
    }

    fn pixel(&self, x: usize) -> [u8; 3] {
        [self.red[x], self.green[x], self.blue[x]]
    }

    /// Iterates over the pixels and their lightness.
    fn pixels(&self) -> impl Iterator<Item = ([u8; 3], f32)> + '_ {
        let channels = self.red.iter().zip(&self.green).zip(&self.blue).zip(&self.lightness);
        channels.map(|(((&r, &g), &b), &light)| ([r, g, b], light))
    }
}

/// One feature of a row, with a value from 0 to 255 for each pixel, and the totals of several rows per column.
pub(super) struct FeatureRow {
    values: Vec<u8>,
    /// 1 where the value must be computed again, else 0.
    doubts: Vec<u8>,
    /// Sum of the values per column since the last [`FeatureRow::take_cells`], for at most 257 rows.
    sums: Vec<u16>,
    /// Maximum of the same values.
    maxima: Vec<u8>,
}

impl FeatureRow {
    pub(super) fn new(width: usize) -> Self {
        let bytes = || vec![0; width];
        Self { values: bytes(), doubts: bytes(), sums: vec![0; width], maxima: bytes() }
    }

    /// Adds the values of the row to the totals of the columns.
    pub(super) fn accumulate(&mut self) {
        for ((sum, max), &value) in self.sums.iter_mut().zip(&mut self.maxima).zip(&self.values) {
            *sum += u16::from(value);
            *max = value.max(*max);
        }
    }

    /// Writes sum and maximum of each whole cell of the accumulated rows, and resets the totals.
    pub(super) fn take_cells(&mut self, cells: &mut Vec<(u32, u8)>) {
        cells.clear();
        let totals = self.sums.chunks_exact(SIDE).zip(self.maxima.chunks_exact(SIDE));
        cells.extend(totals.map(|(sums, maxima)| {
            (sums.iter().copied().map(u32::from).sum(), maxima.iter().copied().fold(0, u8::max))
        }));
        self.sums.fill(0);
        self.maxima.fill(0);
    }

    /// Computes how close each pixel's colour is to skin.
    ///
    /// The distance of two directions follows from the cosine between them. smartcrop2 computes it by components.
    pub(super) fn compute_skin(&mut self, row: &PixelRow) {
        const TONE: [f32; 3] = [SKIN_TONE[0] as f32, SKIN_TONE[1] as f32, SKIN_TONE[2] as f32];
        const SQUARES: f32 = 1.0 + TONE[0] * TONE[0] + TONE[1] * TONE[1] + TONE[2] * TONE[2];
        const REACH: f32 = (1.0 - SKIN_THRESHOLD) as f32;
        self.compute_values(.., row.pixels(), 0.49, |(pixel, light)| {
            let [r, g, b] = pixel.map(f32::from);
            let dot = r * TONE[0] + g * TONE[1] + b * TONE[2];
            let length = (r * r + g * g + b * b).max(1.0).sqrt();
            let distance = (SQUARES - 2.0 * dot / length).max(0.0).sqrt();
            within(SKIN_LIGHTNESS, light, (REACH - distance) * (255.0 / REACH))
        });
        self.recompute_doubtful(|x| skin_in_f64(row.pixel(x)));
    }

    /// Computes how strong each pixel's colour is: the saturation of HSL.
    pub(super) fn compute_saturation(&mut self, row: &PixelRow) {
        const THRESHOLD: f32 = SATURATION_THRESHOLD as f32;
        self.compute_values(.., row.pixels(), 0.499, |([r, g, b], light)| {
            let (max, min) = (f32::from(r.max(g).max(b)), f32::from(r.min(g).min(b)));
            let range = (max + min).min(510.0 - max - min).max(1.0);
            let value = ((max - min) / range - THRESHOLD) * (255.0 / (1.0 - THRESHOLD));
            within(SATURATION_LIGHTNESS, light, value)
        });
        self.recompute_doubtful(|x| saturation_in_f64(row.pixel(x)));
    }

    /// Detects edges in the middle one of three rows by the Laplace operator on lightness. The first and the last pixel
    /// lack a neighbour and count as in [`FeatureRow::compute_lightness`].
    pub(super) fn compute_edges(&mut self, [above, row, below]: [&PixelRow; 3]) {
        let Some(inner) = self.values.len().checked_sub(2) else {
            return self.compute_lightness(row);
        };
        let [above_light, light, below_light] = [above, row, below].map(|row| &row.lightness[..]);
        let column = light[1..=inner].iter().zip(&above_light[1..=inner]).zip(&below_light[1..=inner]);
        let inputs = column.zip(light[..inner].iter().zip(&light[2..]));
        self.compute_values(1..=inner, inputs, 0.499_9, |(((middle, above), below), (left, right))| {
            (middle * 4.0 - above - below - left - right) * (1.0 / LIGHTNESS_SCALE)
        });
        self.recompute_doubtful(|x| {
            edge_in_f64(row.pixel(x), [above.pixel(x), row.pixel(x - 1), row.pixel(x + 1), below.pixel(x)])
        });
        for x in [0, inner + 1] {
            self.values[x] = to_byte(lightness_in_f64(row.pixel(x)));
        }
    }

    /// Takes the lightness itself as the value, for pixels without all four neighbours.
    pub(super) fn compute_lightness(&mut self, row: &PixelRow) {
        for (x, value) in self.values.iter_mut().enumerate() {
            *value = to_byte(lightness_in_f64(row.pixel(x)));
        }
    }

    /// Sets the values of a range of pixels to `of` their `inputs`, rounded. A value is doubtful if its distance to the
    /// nearest integer is above `max_distance`.
    ///
    /// Adding 1.5 × 2²³ leaves the nearest integer in the lowest bits. The loop has no branches.
    #[inline]
    fn compute_values<T>(
        &mut self,
        range: impl SliceIndex<[u8], Output = [u8]> + Clone,
        inputs: impl Iterator<Item = T>,
        max_distance: f32,
        of: impl Fn(T) -> f32,
    ) {
        const SHIFT: f32 = 12_582_912.0;
        let values = self.values[range.clone()].iter_mut().zip(&mut self.doubts[range]);
        for ((value, doubt), input) in values.zip(inputs) {
            let exact = of(input).clamp(0.0, 255.0);
            let shifted = exact + SHIFT;
            *value = shifted.to_bits() as u8;
            *doubt = u8::from((exact - (shifted - SHIFT)).abs() > max_distance);
        }
    }

    /// Computes the doubtful values again. They are few, so eight pixels are checked at a time.
    fn recompute_doubtful(&mut self, of: impl Fn(usize) -> u8) {
        for (block, doubts) in self.doubts.chunks(8).enumerate() {
            if doubts.iter().fold(0, |any, doubt| any | doubt) == 0 {
                continue;
            }
            for (x, _) in (block * 8..).zip(doubts).filter(|(_, doubt)| **doubt != 0) {
                self.values[x] = of(x);
            }
        }
    }
}

/// Returns `value` if the lightness lies within the limits, else 0.
#[inline]
#[expect(clippy::needless_bitwise_bool, reason = "a lazy operator would branch at every pixel")]
fn within([low, high]: [f32; 2], light: f32, value: f32) -> f32 {
    if (low <= light) & (light <= high) { value } else { 0.0 }
}

/// smartcrop's lightness, times [`LIGHTNESS_SCALE`]. Compared with the CIE, the weights of red and blue are swapped and
/// their sum is above 1. smartcrop's thresholds are made for these weights.
#[inline]
fn scaled_lightness(pixel: [u8; 3]) -> f32 {
    let [r, g, b] = pixel.map(f32::from);
    5126.0 * b + 7152.0 * g + 722.0 * r
}

/// The same lightness from 0 to 255, summed in the order of smartcrop2.
fn lightness_in_f64(pixel: [u8; 3]) -> f64 {
    let [r, g, b] = pixel.map(f64::from);
    0.5126 * b + 0.7152 * g + 0.0722 * r
}

fn edge_in_f64(pixel: [u8; 3], around: [[u8; 3]; 4]) -> u8 {
    to_byte(around.iter().fold(lightness_in_f64(pixel) * 4.0, |edge, &pixel| edge - lightness_in_f64(pixel)))
}

/// Only called for pixels with skin, so never for black, which has no direction.
fn skin_in_f64(pixel: [u8; 3]) -> u8 {
    let channels = pixel.map(f64::from);
    let length = channels.iter().map(|channel| channel * channel).sum::<f64>().sqrt();
    let apart = channels.iter().zip(SKIN_TONE).map(|(channel, tone)| (channel / length - tone).powi(2));
    above(1.0 - apart.sum::<f64>().sqrt(), SKIN_THRESHOLD)
}

/// Only called for pixels with saturation, so never for grey.
fn saturation_in_f64(pixel: [u8; 3]) -> u8 {
    let [r, g, b] = pixel.map(|channel| f64::from(channel) / 255.0);
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let range = if f64::midpoint(max, min) > 0.5 { 2.0 - max - min } else { max + min };
    above((max - min) / range, SATURATION_THRESHOLD)
}

/// Stretches the part of `value` above `threshold` to 0 to 255.
fn above(value: f64, threshold: f64) -> u8 {
    if value > threshold { to_byte((value - threshold) * (255.0 / (1.0 - threshold))) } else { 0 }
}

fn to_byte(value: f64) -> u8 {
    value.clamp(0.0, 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Skin and saturation under the conditions of smartcrop2.
    fn reference(pixel: [u8; 3]) -> (u8, u8) {
        let light = lightness_in_f64(pixel) / 255.0;
        let grey = pixel[0] == pixel[1] && pixel[1] == pixel[2];
        let skin = !grey && (0.2..=1.0).contains(&light);
        let saturation = !grey && (0.05..=0.9).contains(&light);
        (if skin { skin_in_f64(pixel) } else { 0 }, if saturation { saturation_in_f64(pixel) } else { 0 })
    }

    #[test]
    fn skin_and_saturation_equal_those_in_f64_for_every_colour() {
        let (mut row, mut skin, mut saturation) =
            (PixelRow::new(256), FeatureRow::new(256), FeatureRow::new(256));
        for red in 0..=255 {
            for green in 0..=255 {
                let pixels: [[u8; 3]; 256] = std::array::from_fn(|blue| [red, green, blue as u8]);
                row.read(&pixels);
                skin.compute_skin(&row);
                saturation.compute_saturation(&row);
                for (x, &pixel) in pixels.iter().enumerate() {
                    let found = (skin.values[x], saturation.values[x]);
                    assert_eq!(found, reference(pixel), "{pixel:?}");
                }
            }
        }
    }

    #[test]
    fn edges_equal_those_in_f64() {
        // Sums of lightness that end in a half come from grey or nearly grey neighbourhoods.
        let mut rows = [(); 3].map(|()| PixelRow::new(64));
        let mut edges = FeatureRow::new(64);
        for step in 0..20_000_u32 {
            let pixel = |x: u32, y: u32| {
                let bits = (step * 192 + y * 64 + x).wrapping_mul(0x9e37_79b9);
                [(bits >> 24) as u8 & 15, (bits >> 16) as u8 & 15, (bits >> 8) as u8 & 31]
            };
            for (row, y) in rows.iter_mut().zip(0..) {
                row.read(&std::array::from_fn::<_, 64, _>(|x| pixel(x as u32, y)));
            }
            let [above, row, below] = &rows;
            edges.compute_edges([above, row, below]);
            for x in 1..63 {
                let around = [above.pixel(x), row.pixel(x - 1), row.pixel(x + 1), below.pixel(x)];
                assert_eq!(edges.values[x], edge_in_f64(row.pixel(x), around));
            }
        }
    }
}
