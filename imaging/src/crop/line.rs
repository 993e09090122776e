//! One row of a picture and the features of its pixels, in arithmetic that runs on several pixels at once.
//!
//! smartcrop2 counts in `f64`, pixel by pixel. Here every feature is worked out in `f32` first. That gives the
//! same whole number from 0 to 255, unless the value lies so near the middle between two that rounding errors
//! may decide; these few pixels are done again in smartcrop2's own way. The tests go through all colours.

use std::slice::SliceIndex;

use super::CELL;

const SIDE: usize = CELL as usize;

/// Parts of lightness: in ten-thousandths it is a whole number, which `f32` holds exactly (below 2²⁴).
const PARTS: f32 = 10_000.0;

/// Lightness within which skin and saturation count, in [`PARTS`] of 0 to 255.
const SKIN_LIGHTNESS: [f32; 2] = [510_000.0, 2_550_000.0];
const SATURATION_LIGHTNESS: [f32; 2] = [127_500.0, 2_295_000.0];

const SKIN_THRESHOLD: f64 = 0.8;
const SATURATION_THRESHOLD: f64 = 0.4;

/// Skin in RGB, made as long as smartcrop's own constant, which is a little longer than 1.
const SKIN_TONE: [f64; 3] = [234.0 / SKIN_LENGTH, 171.0 / SKIN_LENGTH, 132.0 / SKIN_LENGTH];
/// √(234² + 171² + 132²) × 0.9420…
const SKIN_LENGTH: f64 = 318.466_638_755_144_97 * 0.942_013_898_763_998_4;

/// A row of pixels, channel by channel, and their lightness.
pub(super) struct Line {
    red: Vec<u8>,
    green: Vec<u8>,
    blue: Vec<u8>,
    /// In [`PARTS`].
    light: Vec<f32>,
}

impl Line {
    pub(super) fn new(width: usize) -> Self {
        let channel = || vec![0; width];
        Self { red: channel(), green: channel(), blue: channel(), light: vec![0.0; width] }
    }

    /// Takes a row in; it is as wide as the line.
    pub(super) fn read(&mut self, pixels: &[[u8; 3]]) {
        let channels = self.red.iter_mut().zip(&mut self.green).zip(&mut self.blue);
        for (((red, green), blue), &[r, g, b]) in channels.zip(pixels) {
            (*red, *green, *blue) = (r, g, b);
        }
        let channels = self.red.iter().zip(&self.green).zip(&self.blue);
        for (light, ((&r, &g), &b)) in self.light.iter_mut().zip(channels) {
            *light = lightness([r, g, b]);
        }
    }

    fn pixel(&self, x: usize) -> [u8; 3] {
        [self.red[x], self.green[x], self.blue[x]]
    }

    /// The pixels and their lightness, from left to right.
    fn pixels(&self) -> impl Iterator<Item = ([u8; 3], f32)> + '_ {
        let channels = self.red.iter().zip(&self.green).zip(&self.blue).zip(&self.light);
        channels.map(|(((&r, &g), &b), &light)| ([r, g, b], light))
    }
}

/// One feature of a row, a value from 0 to 255 for each pixel, and what rows together have in each column.
pub(super) struct Feature {
    values: Vec<u8>,
    /// 1 where the value has to be worked out again, else 0.
    doubts: Vec<u8>,
    /// Sum and largest of the values since [`Feature::cells`] was asked; at most 257 rows.
    sums: Vec<u16>,
    most: Vec<u8>,
}

impl Feature {
    pub(super) fn new(width: usize) -> Self {
        let bytes = || vec![0; width];
        Self { values: bytes(), doubts: bytes(), sums: vec![0; width], most: bytes() }
    }

    /// Adds the row's values to the columns.
    pub(super) fn gather(&mut self) {
        for ((sum, most), &value) in self.sums.iter_mut().zip(&mut self.most).zip(&self.values) {
            *sum += u16::from(value);
            *most = value.max(*most);
        }
    }

    /// Sum and largest value of each whole cell of the rows gathered, and begins anew.
    pub(super) fn cells(&mut self, cells: &mut Vec<(u32, u8)>) {
        cells.clear();
        cells.extend(self.sums.chunks_exact(SIDE).zip(self.most.chunks_exact(SIDE)).map(|(sums, most)| {
            (sums.iter().copied().map(u32::from).sum(), most.iter().copied().fold(0, u8::max))
        }));
        self.sums.fill(0);
        self.most.fill(0);
    }

    /// How near each pixel's colour lies to skin.
    ///
    /// The distance of two directions follows from the cosine between them; smartcrop2 takes the long way.
    pub(super) fn skin(&mut self, line: &Line) {
        const TONE: [f32; 3] = [SKIN_TONE[0] as f32, SKIN_TONE[1] as f32, SKIN_TONE[2] as f32];
        const SQUARES: f32 = 1.0 + TONE[0] * TONE[0] + TONE[1] * TONE[1] + TONE[2] * TONE[2];
        const REACH: f32 = (1.0 - SKIN_THRESHOLD) as f32;
        self.work_out(.., line.pixels(), 0.49, |(pixel, light)| {
            let [r, g, b] = pixel.map(f32::from);
            let dot = r * TONE[0] + g * TONE[1] + b * TONE[2];
            let length = (r * r + g * g + b * b).max(1.0).sqrt();
            let distance = (SQUARES - 2.0 * dot / length).max(0.0).sqrt();
            within(SKIN_LIGHTNESS, light, (REACH - distance) * (255.0 / REACH))
        });
        self.settle(|x| skin_in_f64(line.pixel(x)));
    }

    /// How strong each pixel's colour is: the saturation of HSL.
    pub(super) fn saturation(&mut self, line: &Line) {
        const LEAST: f32 = SATURATION_THRESHOLD as f32;
        self.work_out(.., line.pixels(), 0.499, |([r, g, b], light)| {
            let (most, least) = (f32::from(r.max(g).max(b)), f32::from(r.min(g).min(b)));
            let range = (most + least).min(510.0 - most - least).max(1.0);
            within(SATURATION_LIGHTNESS, light, ((most - least) / range - LEAST) * (255.0 / (1.0 - LEAST)))
        });
        self.settle(|x| saturation_in_f64(line.pixel(x)));
    }

    /// The edges in the middle one of three rows: Laplace's operator on lightness. Either end has no neighbour
    /// and counts as in [`Feature::outermost`].
    pub(super) fn edges(&mut self, [above, row, below]: [&Line; 3]) {
        let Some(inner) = self.values.len().checked_sub(2) else {
            return self.outermost(row);
        };
        let middle = row.light[1..=inner].iter().zip(&above.light[1..=inner]).zip(&below.light[1..=inner]);
        let sides = row.light[..inner].iter().zip(&row.light[2..]);
        self.work_out(1..=inner, middle.zip(sides), 0.499_9, |(((middle, above), below), (left, right))| {
            (middle * 4.0 - above - below - left - right) * (1.0 / PARTS)
        });
        self.settle(|x| {
            edge_in_f64(row.pixel(x), [above.pixel(x), row.pixel(x - 1), row.pixel(x + 1), below.pixel(x)])
        });
        for x in [0, inner + 1] {
            self.values[x] = to_byte(lightness_in_f64(row.pixel(x)));
        }
    }

    /// Pixels without all four neighbours: lightness itself stands for the edge.
    pub(super) fn outermost(&mut self, row: &Line) {
        for (x, value) in self.values.iter_mut().enumerate() {
            *value = to_byte(lightness_in_f64(row.pixel(x)));
        }
    }

    /// Sets the values of a range of pixels to `of` their `inputs`, rounded. A value is in doubt where its
    /// distance to the nearest whole number is above `sure`.
    ///
    /// Adding 1.5 × 2²³ leaves the nearest whole number in the lowest bits. Nothing in here branches.
    #[inline]
    fn work_out<T>(
        &mut self,
        range: impl SliceIndex<[u8], Output = [u8]> + Clone,
        inputs: impl Iterator<Item = T>,
        sure: f32,
        of: impl Fn(T) -> f32,
    ) {
        const SHIFT: f32 = 12_582_912.0;
        let values = self.values[range.clone()].iter_mut().zip(&mut self.doubts[range]);
        for ((value, doubt), input) in values.zip(inputs) {
            let exact = of(input).clamp(0.0, 255.0);
            let shifted = exact + SHIFT;
            *value = shifted.to_bits() as u8;
            *doubt = u8::from((exact - (shifted - SHIFT)).abs() > sure);
        }
    }

    /// Works the doubtful values out again. They are few: eight pixels are passed over at a time.
    fn settle(&mut self, of: impl Fn(usize) -> u8) {
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

/// `value` where the lightness lies in the limits, else 0.
#[inline]
#[expect(clippy::needless_bitwise_bool, reason = "a lazy operator would branch at every pixel")]
fn within([low, high]: [f32; 2], light: f32, value: f32) -> f32 {
    if (low <= light) & (light <= high) { value } else { 0.0 }
}

/// smartcrop's lightness in [`PARTS`]. Red and blue are swapped against the CIE's weights and the sum of these
/// is above 1: its thresholds are made for that.
#[inline]
fn lightness(pixel: [u8; 3]) -> f32 {
    let [r, g, b] = pixel.map(f32::from);
    5126.0 * b + 7152.0 * g + 722.0 * r
}

/// The same of 0 to 255, as smartcrop2 adds it up.
fn lightness_in_f64(pixel: [u8; 3]) -> f64 {
    let [r, g, b] = pixel.map(f64::from);
    0.5126 * b + 0.7152 * g + 0.0722 * r
}

fn edge_in_f64(pixel: [u8; 3], around: [[u8; 3]; 4]) -> u8 {
    to_byte(around.iter().fold(lightness_in_f64(pixel) * 4.0, |edge, &pixel| edge - lightness_in_f64(pixel)))
}

/// Only asked where skin was found, so never of black, which has no direction.
fn skin_in_f64(pixel: [u8; 3]) -> u8 {
    let channels = pixel.map(f64::from);
    let length = channels.iter().map(|channel| channel * channel).sum::<f64>().sqrt();
    let apart = channels.iter().zip(SKIN_TONE).map(|(channel, tone)| (channel / length - tone).powi(2));
    above(1.0 - apart.sum::<f64>().sqrt(), SKIN_THRESHOLD)
}

/// Only asked where saturation was found, so never of grey.
fn saturation_in_f64(pixel: [u8; 3]) -> u8 {
    let [r, g, b] = pixel.map(|channel| f64::from(channel) / 255.0);
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    let range = if f64::midpoint(most, least) > 0.5 { 2.0 - most - least } else { most + least };
    above((most - least) / range, SATURATION_THRESHOLD)
}

/// `value` where it is above `threshold`, stretched to 0 to 255.
fn above(value: f64, threshold: f64) -> u8 {
    if value > threshold { to_byte((value - threshold) * (255.0 / (1.0 - threshold))) } else { 0 }
}

fn to_byte(value: f64) -> u8 {
    value.clamp(0.0, 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Skin and saturation, with all the conditions that smartcrop2 asks for.
    fn reference(pixel: [u8; 3]) -> (u8, u8) {
        let light = lightness_in_f64(pixel) / 255.0;
        let grey = pixel[0] == pixel[1] && pixel[1] == pixel[2];
        let skin = !grey && (0.2..=1.0).contains(&light);
        let saturation = !grey && (0.05..=0.9).contains(&light);
        (if skin { skin_in_f64(pixel) } else { 0 }, if saturation { saturation_in_f64(pixel) } else { 0 })
    }

    #[test]
    fn every_colour_has_the_skin_and_the_saturation_of_f64() {
        let (mut line, mut skin, mut saturation) = (Line::new(256), Feature::new(256), Feature::new(256));
        for red in 0..=255 {
            for green in 0..=255 {
                let pixels: [[u8; 3]; 256] = std::array::from_fn(|blue| [red, green, blue as u8]);
                line.read(&pixels);
                skin.skin(&line);
                saturation.saturation(&line);
                for (x, &pixel) in pixels.iter().enumerate() {
                    let found = (skin.values[x], saturation.values[x]);
                    assert_eq!(found, reference(pixel), "{pixel:?}");
                }
            }
        }
    }

    #[test]
    fn edges_round_as_in_f64() {
        // Every sum of lightness, halves among them, comes from a grey or nearly grey neighbourhood.
        let mut rows = [(); 3].map(|()| Line::new(64));
        let mut edges = Feature::new(64);
        for step in 0..20_000_u32 {
            let pixel = |x: u32, y: u32| {
                let bits = (step * 192 + y * 64 + x).wrapping_mul(0x9e37_79b9);
                [(bits >> 24) as u8 & 15, (bits >> 16) as u8 & 15, (bits >> 8) as u8 & 31]
            };
            for (row, y) in rows.iter_mut().zip(0..) {
                row.read(&std::array::from_fn::<_, 64, _>(|x| pixel(x as u32, y)));
            }
            let [above, row, below] = &rows;
            edges.edges([above, row, below]);
            for x in 1..63 {
                let around = [above.pixel(x), row.pixel(x - 1), row.pixel(x + 1), below.pixel(x)];
                assert_eq!(edges.values[x], edge_in_f64(row.pixel(x), around));
            }
        }
    }
}
