//! Decodes a frame of a GIF, on its canvas, which is transparent elsewhere: the first frame that shows anything, because many
//! animations begin with one that is transparent throughout. It decodes line by line, so a frame that is larger than its
//! canvas takes no extra memory.

use weezl::{BitOrder, LzwStatus, decode::Decoder};

use super::canvas::Canvas;
use crate::Error;
use crate::probe::gif::{self as file, Frame, Header, MAX_FRAMES, SubBlocks};
use crate::work::{BLOCK, Meter, lzw_clears};

/// Work that a byte of input may cause in the worst case, in blocks. It sets the pace of the checks.
const BYTE_PACE: u64 = 4;

/// Calls of the decoder that read and write nothing before it counts as having no more codes. It holds up to 64 bits, and may
/// take a code of them that clears its table, or keep the pixels of one for which the line has no room.
const MAX_IDLE_CALLS: u32 = 64;

/// Maximum memory for the tables of codes.
const TABLES: u64 = 64 << 10;

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
    Ok(canvas.without_full_opacity())
}

/// Draws a frame on a canvas on which nothing is drawn yet.
fn draw(bytes: &[u8], frame: &Frame, canvas: &mut Canvas, meter: &Meter<'_>) -> Result<(), Error> {
    let colours = frame.colours(bytes);
    if colours.is_empty() {
        return Err(Error::damaged("a frame without colours"));
    }
    let mut lines = LineReader::new(frame.sub_blocks(bytes), frame.code_size, meter)?;
    meter.spend(frame.excess(bytes))?;
    let (left, top) = (frame.left as usize, frame.top as usize);
    let mut line = vec![0; frame.width as usize];
    for row in stored_rows(frame.height as usize, frame.interlaced) {
        let row_work = u64::from(frame.width).div_ceil(BLOCK);
        meter.spend(row_work)?;
        // A pixel takes as long as four samples of other formats.
        meter.pace(3 * row_work);
        lines.read(&mut line)?;
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

/// Decompresses the indices of a frame.
struct LineReader<'a> {
    decoder: Decoder,
    sub_blocks: SubBlocks<'a>,
    /// What is left of the current sub-block.
    input: &'a [u8],
    meter: &'a Meter<'a>,
}

impl<'a> LineReader<'a> {
    fn new(sub_blocks: SubBlocks<'a>, code_size: u8, meter: &'a Meter<'a>) -> Result<Self, Error> {
        if !(1..=11).contains(&code_size) {
            return Err(Error::damaged("an invalid size of codes"));
        }
        Ok(Self { decoder: Decoder::new(BitOrder::Lsb, code_size), sub_blocks, input: &[], meter })
    }

    /// Fills the line.
    fn read(&mut self, line: &mut [u8]) -> Result<(), Error> {
        let (mut filled, mut idle_calls) = (0, 0);
        while filled < line.len() {
            if self.input.is_empty() {
                self.advance()?;
            }
            let result = self.decoder.decode_bytes(self.input, &mut line[filled..]);
            filled += result.consumed_out;
            if filled < line.len() {
                self.meter.spend(lzw_clears(result.consumed_in, result.consumed_out))?;
            }
            self.input = &self.input[result.consumed_in..];
            idle_calls = if result.consumed_in + result.consumed_out == 0 { idle_calls + 1 } else { 0 };
            let has_ended = matches!(result.status.map_err(Error::damaged)?, LzwStatus::Done);
            if filled < line.len() && (has_ended || idle_calls > MAX_IDLE_CALLS) {
                return Err(Error::damaged("the frame is truncated"));
            }
        }
        Ok(())
    }

    /// Goes on to the next sub-block, if there is one.
    fn advance(&mut self) -> Result<(), Error> {
        self.input = self.sub_blocks.next().unwrap_or_default();
        if self.meter.pace(self.input.len() as u64 * BYTE_PACE) { Ok(()) } else { self.meter.result() }
    }
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
    3 * u64::from(header.width) * u64::from(header.height) + 2 * line + TABLES
}
