//! Decodes the first frame of a GIF, on its canvas, which is transparent elsewhere. It decodes line by line, so a frame that is larger
//! than its canvas takes no extra memory.

use super::canvas::Canvas;
use super::reader::MeteredReader;
use crate::work::{BLOCK, Meter};
use crate::{Error, probe::gif::Header};

/// Maximum size of the metadata before the first frame, in bytes.
const MAX_METADATA: u64 = 1 << 20;

/// Decodes the canvas to RGB.
pub(super) fn decode(bytes: &[u8], header: &Header, meter: &Meter<'_>) -> Result<Canvas, Error> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    options.set_memory_limit(gif::MemoryLimit::Bytes(MAX_METADATA.try_into().map_err(Error::damaged)?));
    let mut decoder = options.read_info(MeteredReader::new(bytes, meter)).map_err(Error::damaged)?;
    let frame = decoder.next_frame_info().map_err(Error::damaged)?;
    let mut frame = frame.ok_or_else(|| Error::damaged("no frame"))?.clone();
    if (u32::from(frame.width), u32::from(frame.height)) != header.frame {
        return Err(Error::damaged("the decoded frame has another size than its header announces"));
    }
    let palette = frame.palette.take().or_else(|| decoder.global_palette().map(<[u8]>::to_vec));
    let palette = palette.unwrap_or_default();
    let colours = palette.as_chunks::<3>().0;
    let mut canvas = Canvas::new(header.width, header.height)?;
    let left = usize::from(frame.left);
    if header.frame != (header.width, header.height) || left != 0 || frame.top != 0 {
        let empty = vec![0; header.width as usize];
        (0..header.height as usize).try_for_each(|row| canvas.cover(row, 0, 1, &empty))?;
    }
    meter.spend(header.excess(bytes))?;
    let mut line = vec![0; usize::from(frame.width)];
    for row in stored_rows(usize::from(frame.height), frame.interlaced) {
        let row_work = u64::from(frame.width).div_ceil(BLOCK);
        meter.spend(row_work)?;
        // A pixel takes as long as four samples of other formats.
        meter.pace(3 * row_work);
        let filled = decoder.fill_buffer(&mut line).map_err(Error::damaged)?;
        if !filled {
            return Err(Error::damaged("the frame is truncated"));
        }
        let row = usize::from(frame.top) + row;
        for (pixel, &index) in canvas.row(row, left).iter_mut().zip(&line) {
            *pixel = colours.get(usize::from(index)).copied().unwrap_or_default();
        }
        // An index without a colour counts as transparent.
        let is_clear = |index: u8| frame.transparent == Some(index) || usize::from(index) >= colours.len();
        for index in &mut line {
            *index = if is_clear(*index) { 0 } else { 255 };
        }
        canvas.cover(row, left, 1, &line)?;
    }
    Ok(canvas)
}

/// Row numbers in the order in which a frame stores its rows (`GIF89a`, appendix E).
fn stored_rows(height: usize, interlaced: bool) -> impl Iterator<Item = usize> {
    let passes: &[(usize, usize)] = if interlaced { &[(0, 8), (4, 8), (2, 4), (1, 2)] } else { &[(0, 1)] };
    passes.iter().flat_map(move |&(first, step)| (first..height).step_by(step))
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn memory(header: &Header) -> u64 {
    3 * u64::from(header.width) * u64::from(header.height) + u64::from(header.frame.0) + 2 * MAX_METADATA
}
