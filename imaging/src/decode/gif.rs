//! Decodes a frame of a GIF, on its canvas, which is transparent elsewhere: the first frame that shows anything, because many
//! animations begin with one that is transparent throughout. The decoder gets the screen, the control and the frame, and
//! nothing of what lies between them. It decodes line by line, so a frame that is larger than its canvas takes no extra
//! memory.

use super::canvas::Canvas;
use super::reader::MeteredReader;
use crate::Error;
use crate::probe::gif::{self as file, Frame, Header, MAX_FRAMES};
use crate::work::{BLOCK, Meter};

/// Maximum memory for what the decoder keeps of a file. It does not see its metadata.
const MAX_METADATA: u64 = 64 << 10;

/// Decodes the canvas to RGB.
pub(super) fn decode(bytes: &[u8], header: &Header, meter: &Meter<'_>) -> Result<Canvas, Error> {
    let (width, height) = (header.width, header.height);
    let mut canvas = Canvas::new(width, height)?;
    if !header.first.covers(width, height) {
        let empty = vec![0; width as usize];
        (0..height as usize).try_for_each(|row| canvas.cover(row, 0, 1, &empty))?;
    }
    draw(bytes, &header.first, &mut canvas, meter)?;
    for frame in file::frames(bytes).take(MAX_FRAMES).skip(1) {
        // A frame beyond the canvas was not checked against the limits.
        let is_drawn = frame.is_within(width, height) && meter.affords(frame.work(bytes));
        if !canvas.is_blank() || !is_drawn {
            break;
        }
        // Nothing was drawn so far, so it does not matter how the frames before this one are disposed of.
        draw(bytes, &frame, &mut canvas, meter)?;
    }
    Ok(canvas)
}

/// Draws a frame on a canvas on which nothing is drawn yet.
fn draw(bytes: &[u8], frame: &Frame, canvas: &mut Canvas, meter: &Meter<'_>) -> Result<(), Error> {
    let head = head(bytes, frame);
    let reader = MeteredReader::new(bytes, meter).with_head(&head, frame.start);
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    options.set_memory_limit(gif::MemoryLimit::Bytes(MAX_METADATA.try_into().map_err(Error::damaged)?));
    let mut decoder = options.read_info(reader).map_err(Error::damaged)?;
    let found = decoder.next_frame_info().map_err(Error::damaged)?;
    let mut found = found.ok_or_else(|| Error::damaged("no frame"))?.clone();
    if (u32::from(found.width), u32::from(found.height)) != (frame.width, frame.height) {
        return Err(Error::damaged("the decoded frame has another size than its header announces"));
    }
    let palette = found.palette.take().or_else(|| decoder.global_palette().map(<[u8]>::to_vec));
    let palette = palette.unwrap_or_default();
    let colours = palette.as_chunks::<3>().0;
    meter.spend(frame.excess(bytes))?;
    let (left, top) = (frame.left as usize, frame.top as usize);
    let mut line = vec![0; frame.width as usize];
    for row in stored_rows(frame.height as usize, found.interlaced) {
        let row_work = u64::from(frame.width).div_ceil(BLOCK);
        meter.spend(row_work)?;
        // A pixel takes as long as four samples of other formats.
        meter.pace(3 * row_work);
        let filled = decoder.fill_buffer(&mut line).map_err(Error::damaged)?;
        if !filled {
            return Err(Error::damaged("the frame is truncated"));
        }
        let row = top + row;
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
    Ok(())
}

/// What the decoder gets before a frame: the screen with its colours, and the control of the frame.
fn head(bytes: &[u8], frame: &Frame) -> Vec<u8> {
    let control: [u8; 8] =
        [0x21, 0xF9, 4, frame.transparent.is_some().into(), 0, 0, frame.transparent.unwrap_or(0), 0];
    [file::screen(bytes), &control].concat()
}

/// Row numbers in the order in which a frame stores its rows (`GIF89a`, appendix E).
fn stored_rows(height: usize, interlaced: bool) -> impl Iterator<Item = usize> {
    let passes: &[(usize, usize)] = if interlaced { &[(0, 8), (4, 8), (2, 4), (1, 2)] } else { &[(0, 1)] };
    passes.iter().flat_map(move |&(first, step)| (first..height).step_by(step))
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn memory(header: &Header) -> u64 {
    // A later frame is no wider than the canvas.
    let line = u64::from(header.first.width.max(header.width));
    3 * u64::from(header.width) * u64::from(header.height) + 2 * line + 2 * MAX_METADATA
}
