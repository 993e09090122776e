//! PNG, row by row straight to RGB. The decoder is shown only the chunks that make the default image, so text,
//! animation frames and unknown chunks cost nothing whatever their size.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use super::{pixels, profile_memory, zeroed};
use crate::{
    Error, Watch,
    probe::png::{Chunk, FIRST, Header, chunk},
    profile::{Conversion, Space},
};

/// Bytes of the largest profile, compressed or not. RGB and grey profiles are smaller by far.
const MAX_PROFILE: usize = 1 << 20;

/// The picture's RGB.
pub(super) fn decode(bytes: &[u8], header: &Header, watch: &dyn Watch) -> Result<Vec<u8>, Error> {
    let mut decoder = png::Decoder::new(Chunks::new(bytes, watch));
    decoder.set_transformations(png::Transformations::EXPAND);
    decoder.set_limits(png::Limits { bytes: MAX_PROFILE + 16 * header.width as usize + (64 << 10) });
    let mut reader = decoder.read_info().map_err(Error::damaged)?;
    if reader.info().size() != (header.width, header.height) || reader.info().interlaced != header.interlaced
    {
        return Err(Error::damaged("another header than the first"));
    }
    let (colour, depth) = reader.output_color_type();
    let space = match colour {
        png::ColorType::Grayscale | png::ColorType::GrayscaleAlpha => Space::Grey,
        _ => Space::Rgb,
    };
    let profile = reader.info().icc_profile.as_deref().filter(|profile| profile.len() <= MAX_PROFILE);
    let conversion = Conversion::new(space, profile);
    let row = Row { samples: colour.samples(), wide: depth == png::BitDepth::Sixteen, conversion };
    let (width, height) = (header.width as usize, header.height as usize);
    let mut data = zeroed(3 * width as u64 * height as u64)?;
    let mut buffer =
        zeroed(reader.output_line_size(header.width).ok_or_else(|| Error::damaged("too wide"))? as u64)?;
    if header.interlaced {
        let mut line = vec![0; 3 * width];
        for (x, across, y, down) in PASSES {
            let columns = width.saturating_sub(x).div_ceil(across);
            let rows = (y..height).step_by(down).take(if columns == 0 { 0 } else { usize::MAX });
            for row_index in rows {
                reader.read_row(&mut buffer).map_err(Error::damaged)?;
                let line = &mut line[..3 * columns];
                row.convert(&mut buffer, line);
                let out = &mut data[3 * width * row_index..][..3 * width];
                for (pixel, place) in line.chunks_exact(3).zip(out[3 * x..].chunks_mut(3 * across)) {
                    place[..3].copy_from_slice(pixel);
                }
            }
        }
    } else {
        for out in data.chunks_exact_mut(3 * width) {
            reader.read_row(&mut buffer).map_err(Error::damaged)?;
            row.convert(&mut buffer, out);
        }
    }
    Ok(data)
}

/// First column, columns apart, first row, rows apart of the Adam7 passes.
const PASSES: [(usize, usize, usize, usize); 7] =
    [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)];

/// How a decoded row becomes RGB.
struct Row {
    samples: usize,
    wide: bool,
    conversion: Conversion,
}

impl Row {
    /// The first pixels of a row to as much RGB as is asked for. The row is used up.
    fn convert(&self, row: &mut [u8], rgb: &mut [u8]) {
        let samples = rgb.len() / 3 * self.samples;
        if self.wide {
            for index in 0..samples {
                row[index] = pixels::narrow(u16::from_be_bytes([row[2 * index], row[2 * index + 1]]));
            }
        }
        let row = &mut row[..samples];
        let length = match self.samples {
            2 => pixels::flatten::<2>(row),
            4 => pixels::flatten::<4>(row),
            _ => samples,
        };
        self.conversion.convert(&row[..length], rgb);
    }
}

/// The chunks of the default image, one behind the other, and an end: without one a decoder would not give out
/// the last of what it has inflated.
struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
    /// Whether the chunk shown holds pixels; whatever stands behind the last such is not shown.
    pixels: bool,
    /// Whether that chunk is whole.
    whole: bool,
    watch: &'a dyn Watch,
}

const END: &[u8] = b"\0\0\0\0IEND\xAE\x42\x60\x82";

impl<'a> Chunks<'a> {
    /// Bytes shown at a time, between two questions to the watch.
    const STEP: usize = 64 * 1024;

    fn new(bytes: &'a [u8], watch: &'a dyn Watch) -> Self {
        Self { bytes, at: 0, end: FIRST.min(bytes.len()), pixels: false, whole: false, watch }
    }

    /// Goes to the next chunk that is shown, if there is one.
    fn advance(&mut self) {
        let mut shown = None;
        while let Some(next) = chunk(self.bytes, self.end) {
            let pixels = next.name == *b"IDAT";
            if self.pixels && !pixels {
                break;
            }
            self.end = next.end;
            let profile = next.name == *b"iCCP" && next.data.len() <= MAX_PROFILE;
            if pixels || profile || matches!(&next.name, b"IHDR" | b"PLTE" | b"tRNS") {
                shown = Some(next);
                break;
            }
        }
        match shown {
            Some(Chunk { start, name, data, end }) => {
                self.at = start;
                self.pixels = name == *b"IDAT";
                self.whole = end - start == data.len() + 12;
            }
            None if self.pixels && self.whole => {
                (self.bytes, self.at, self.end, self.pixels) = (END, 0, END.len(), false);
            }
            None => {}
        }
    }
}

impl BufRead for Chunks<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.watch.canceled() {
            // Not an end of file, which the decoder would bear as long as it has rows left.
            return Err(io::Error::other("canceled"));
        }
        if self.at >= self.end {
            self.advance();
        }
        let rest = self.bytes.get(self.at..self.end).unwrap_or_default();
        Ok(&rest[..rest.len().min(Self::STEP)])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
    }
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl Seek for Chunks<'_> {
    /// The decoder only ever reads on.
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn memory(header: &Header) -> u64 {
    let width = u64::from(header.width);
    let raster = 3 * width * u64::from(header.height);
    // The decoder's window and a few rows of up to eight bytes a pixel.
    let rows = 64 * width + (512 << 10);
    let profile =
        if header.profile { 2 * MAX_PROFILE as u64 + profile_memory(MAX_PROFILE as u64) } else { 0 };
    raster + rows + profile
}
