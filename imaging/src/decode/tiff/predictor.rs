//! Takes back the horizontal predictor (TIFF 6.0, section 14): each sample of a row is the difference to that of the pixel
//! on its left.

/// How a row of samples lies in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowFormat {
    /// Samples from one pixel to the next.
    pub(super) step: usize,
    /// Whether a sample has two bytes.
    pub(super) wide: bool,
    pub(super) big_endian: bool,
}

/// Sums up the differences of a row in place.
pub(super) fn undo(row: &mut [u8], format: RowFormat) {
    let RowFormat { step, wide, big_endian } = format;
    if !wide {
        for index in step..row.len() {
            row[index] = row[index].wrapping_add(row[index - step]);
        }
        return;
    }
    let samples = row.as_chunks_mut::<2>().0;
    for index in step..samples.len() {
        let sum =
            |decode: fn([u8; 2]) -> u16| decode(samples[index]).wrapping_add(decode(samples[index - step]));
        samples[index] = if big_endian {
            sum(u16::from_be_bytes).to_be_bytes()
        } else {
            sum(u16::from_le_bytes).to_le_bytes()
        };
    }
}
