//! Cheap tests that rule out most windows of a picture before the model looks at them.
//!
//! A face is neither flat nor of a colour that skin never has. Skin from the darkest to the lightest, under warm and cold
//! light, reaches from nearly grey to orange, so the test excludes only clear greens, blues and purples, and the most
//! saturated reds. A grey picture passes. Sums over cells of 4 × 4 pixels answer for any window in constant time.

/// Side of a cell in pixels. What is left at the right and lower edge of the picture belongs to no cell.
const CELL: usize = 4;
/// Pixels of a cell whose colour is tested: every second one in both directions.
const SAMPLES: u32 = 4;

/// Minimum share of a window's samples that could be skin, as a fraction. A face covers two thirds of its window.
const SKIN: (u32, u32) = (1, 3);
/// Minimum variance of brightness. The cascades want a standard deviation of 10, but in the reduced picture, where
/// noise weighs differently.
const VARIANCE: f32 = 49.0;

/// Sums over all cells above and to the left. They wrap around in large pictures, but the differences are exact.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    skin: u32,
    grey: u32,
    squares: u32,
}

impl Sums {
    fn plus(self, other: Self) -> Self {
        Self {
            skin: self.skin.wrapping_add(other.skin),
            grey: self.grey.wrapping_add(other.grey),
            squares: self.squares.wrapping_add(other.squares),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            skin: self.skin.wrapping_sub(other.skin),
            grey: self.grey.wrapping_sub(other.grey),
            squares: self.squares.wrapping_sub(other.squares),
        }
    }
}

/// The sums of a picture.
#[derive(Default)]
pub(super) struct Gate {
    columns: usize,
    rows: usize,
    /// Samples of the picture that have the hue of skin.
    warm: u32,
    sums: Vec<Sums>,
}

impl Gate {
    /// Maximum memory in bytes for a picture.
    pub(super) fn memory(width: u64, height: u64) -> u64 {
        (width / CELL as u64 + 1) * (height / CELL as u64 + 1) * size_of::<Sums>() as u64
    }

    /// Replaces the sums with those of another picture. `grey` is the brightness of `pixels`.
    pub(super) fn compute(&mut self, pixels: &[[u8; 3]], grey: &[u8], width: usize) {
        self.columns = width / CELL;
        self.rows = grey.len() / width / CELL;
        let stride = self.columns + 1;
        self.warm = 0;
        self.sums.clear();
        self.sums.resize(stride * (self.rows + 1), Sums::default());
        for row in 0..self.rows {
            let first = row * CELL * width;
            let mut sum = Sums::default();
            for column in 0..self.columns {
                self.warm += add_cell(
                    &mut sum,
                    &pixels[first + column * CELL..],
                    &grey[first + column * CELL..],
                    width,
                );
                let above = self.sums[row * stride + column + 1];
                self.sums[(row + 1) * stride + column + 1] = above.plus(sum);
            }
        }
    }

    /// Whether the square at `x`, `y` can be a face.
    pub(super) fn admits(&self, x: f32, y: f32, size: f32) -> bool {
        let cells = |at: f32, most: usize| {
            let first = (at / CELL as f32) as usize;
            let end = ((at + size) / CELL as f32).ceil() as usize;
            (first.min(most), end.min(most))
        };
        let ((left, right), (top, bottom)) = (cells(x, self.columns), cells(y, self.rows));
        let stride = self.columns + 1;
        let (a, b) = (self.sums[top * stride + left], self.sums[top * stride + right]);
        let (c, d) = (self.sums[bottom * stride + left], self.sums[bottom * stride + right]);
        let area = ((right - left) * (bottom - top)) as u32;
        let sums = d.minus(b).minus(c.minus(a));
        if sums.skin * SKIN.1 < area * SAMPLES * SKIN.0 {
            return false;
        }
        let pixels = (area as usize * CELL * CELL) as f32;
        let mean = sums.grey as f32 / pixels;
        sums.squares as f32 / pixels - mean * mean > VARIANCE
    }

    /// The share of the picture that has the hue of skin.
    pub(super) fn skin_share(&self) -> f32 {
        let all = (self.columns * self.rows) as u32 * SAMPLES;
        self.warm as f32 / all.max(1) as f32
    }
}

/// Adds the cell that starts at the first pixel. Returns how many of its samples have the hue of skin.
fn add_cell(sum: &mut Sums, pixels: &[[u8; 3]], grey: &[u8], width: usize) -> u32 {
    let mut warm = 0;
    for y in 0..CELL {
        for value in &grey[y * width..][..CELL] {
            sum.grey = sum.grey.wrapping_add(u32::from(*value));
            sum.squares = sum.squares.wrapping_add(u32::from(*value) * u32::from(*value));
        }
    }
    for y in [0, 2] {
        let row = &pixels[y * width..][..CELL];
        sum.skin += u32::from(can_be_skin(row[0])) + u32::from(can_be_skin(row[2]));
        warm += u32::from(is_warm(row[0])) + u32::from(is_warm(row[2]));
    }
    warm
}

/// Whether skin can have this colour in some light.
fn can_be_skin([r, g, b]: [u8; 3]) -> bool {
    let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
    let most = r.max(g).max(b);
    // In the dark, and in what JPEG makes of it, hue means nothing.
    let green = 6 * (g - r) > r + 48;
    let blue = 4 * (b - r) > most + 32;
    let purple = 6 * (b - g) > g + 96;
    let pure = 8 * b + 64 < r && 4 * g + 64 < r;
    // Bitwise: branches would be mispredicted on most photographs.
    !(green | blue | purple | pure)
}

/// Whether the colour is between pink and yellow, and neither grey nor pure: what skin in daylight mostly is.
fn is_warm([r, g, b]: [u8; 3]) -> bool {
    let (r, g, b) = (i32::from(r), i32::from(g), i32::from(b));
    r > 60 && r >= g && g >= b && 8 * (r - b) > r && 5 * b > r
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monk::MONK_TONES;

    #[test]
    fn all_tones_pass_in_white_warm_and_cold_light() {
        for light in [[1.0, 1.0, 1.0], [1.1, 0.95, 0.65], [0.85, 0.97, 1.15], [0.9, 1.02, 0.95]] {
            for tone in MONK_TONES {
                for shade in [0.4, 0.7, 1.0] {
                    let mut channel = 0;
                    let lit = tone.map(|value| {
                        channel += 1;
                        (f32::from(value) * light[channel - 1] * shade).min(255.0) as u8
                    });
                    assert!(can_be_skin(lit), "{tone:?} under {light:?} is {lit:?}");
                }
            }
        }
    }

    #[test]
    fn greys_pass_and_foliage_skies_and_paint_do_not() {
        assert!((0..=255).all(|grey| can_be_skin([grey; 3])));
        for colour in
            [[90, 140, 50], [60, 120, 40], [120, 180, 240], [60, 110, 200], [180, 60, 200], [230, 10, 20]]
        {
            assert!(!can_be_skin(colour), "{colour:?}");
        }
    }

    /// Whether a picture of two colours in stripes is searched.
    fn admits(stripes: [[u8; 3]; 2]) -> bool {
        let pixels: Vec<_> = (0..64 * 64).map(|index| stripes[index / 4 % 2]).collect();
        let grey: Vec<_> = pixels.iter().map(|[_, g, _]| *g).collect();
        let mut gate = Gate::default();
        gate.compute(&pixels, &grey, 64);
        gate.admits(5.0, 9.0, 40.0)
    }

    #[test]
    fn windows_that_are_flat_or_have_no_skin_are_ruled_out() {
        assert!(admits([[200, 160, 130], [90, 60, 40]]));
        assert!(admits([[200; 3], [90; 3]]));
        assert!(!admits([[200, 160, 130], [198, 158, 128]]));
        assert!(!admits([[90, 160, 60], [30, 90, 20]]));
    }

    #[test]
    fn sums_that_wrap_in_a_large_picture_are_exact_for_its_windows() {
        let (width, height) = (4400, 4000);
        let pixels = vec![[255; 3]; width * height];
        let mut grey = vec![255; width * height];
        grey[width * height - 400..].fill(0);
        let mut gate = Gate::default();
        gate.compute(&pixels, &grey, width);
        assert!(gate.admits(4100.0, 3960.0, 40.0));
        assert!(!gate.admits(3900.0, 3960.0, 40.0));
    }
}
