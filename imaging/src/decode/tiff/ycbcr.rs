//! YCbCr that is not JPEG (TIFF 6.0, section 21): chroma that several pixels share, and the conversion to RGB.

use std::io::{self, Read};

/// Spreads shared chroma: reads units of luma and chroma, and delivers rows of whole pixels.
pub(super) struct SharedChroma<R> {
    data: R,
    /// Pixels of a unit across and down.
    unit: (usize, usize),
    /// The units of one band, and its rows as pixels.
    units: Vec<u8>,
    rows: Vec<u8>,
    consumed: usize,
}

impl<R: Read> SharedChroma<R> {
    pub(super) fn new(data: R, width: usize, unit: (usize, usize)) -> Self {
        let units = vec![0; width.div_ceil(unit.0) * (unit.0 * unit.1 + 2)];
        let rows = vec![0; width * unit.1 * 3];
        Self { data, unit, units, consumed: rows.len(), rows }
    }

    fn next_band(&mut self) -> io::Result<()> {
        self.data.read_exact(&mut self.units)?;
        self.consumed = 0;
        let (across, down) = self.unit;
        let width = self.rows.len() / 3 / down;
        for (index, unit) in self.units.chunks_exact(across * down + 2).enumerate() {
            let [blue, red] = [unit[across * down], unit[across * down + 1]];
            for (place, &luma) in unit[..across * down].iter().enumerate() {
                let (column, row) = (index * across + place % across, place / across);
                if column < width {
                    self.rows[(row * width + column) * 3..][..3].copy_from_slice(&[luma, blue, red]);
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for SharedChroma<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.consumed == self.rows.len() {
            self.next_band()?;
        }
        let length = (&self.rows[self.consumed..]).read(buffer)?;
        self.consumed += length;
        Ok(length)
    }
}

/// The conversion to RGB, with a table for what each code adds.
pub(super) struct YCbCr {
    luma: [f32; 256],
    /// What Cb adds to blue, and Cr to red.
    blue: [f32; 256],
    red: [f32; 256],
    /// What Cb and Cr take from green.
    green: ([f32; 256], [f32; 256]),
}

impl YCbCr {
    /// `weights` are those of red, green and blue in luma. `reference` has the codes of black and white of Y, and of no
    /// and full chroma of Cb and Cr.
    pub(super) fn new(weights: [f64; 3], reference: [f64; 6]) -> Self {
        let [red, green, blue] = weights;
        let table = |pair: usize, range: f64, factor: f64| -> [f32; 256] {
            let (zero, full) = (reference[2 * pair], reference[2 * pair + 1]);
            let span = if (full - zero).abs() < 1.0 { 1.0 } else { full - zero };
            std::array::from_fn(|code| ((code as f64 - zero) * range / span * factor) as f32)
        };
        let (from_blue, from_red) = (2.0 - 2.0 * blue, 2.0 - 2.0 * red);
        Self {
            luma: table(0, 255.0, 1.0),
            blue: table(1, 127.0, from_blue),
            red: table(2, 127.0, from_red),
            green: (table(1, 127.0, from_blue * blue / green), table(2, 127.0, from_red * red / green)),
        }
    }

    /// Converts a pixel in place.
    pub(super) fn convert(&self, pixel: &mut [u8; 3]) {
        let [luma, blue, red] = pixel.map(usize::from);
        let grey = self.luma[luma];
        // The cast saturates.
        let code = |value: f32| (value + 0.5) as u8;
        *pixel = [
            code(grey + self.red[red]),
            code(grey - self.green.0[blue] - self.green.1[red]),
            code(grey + self.blue[blue]),
        ];
    }
}
