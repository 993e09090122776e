//! Decodes PNG to RGB and opacity, row by row. The decoder sees only the chunks of the default image, so text, animation
//! frames and unknown chunks cost nothing, whatever their size. Where the default image of an animation is blank, the first
//! frame that shows anything is drawn, from a PNG that is made of it.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use super::canvas::{self, Canvas};
use crate::{
    Error,
    color_space::ColorSpace,
    probe::png::{Calibration, Chunk, FIRST_CHUNK, Header, chunk_at},
    probe::png_frames::{MAX_FRAMES, frames},
    profile::{self, ColorConversion, ColorModel},
    raster::{self, zeroed},
    work::{BLOCK, Meter},
};

/// Maximum size of a profile in bytes, compressed or not. RGB and grey profiles are much smaller.
const MAX_PROFILE: usize = 1 << 20;

/// Decodes the picture to RGB.
pub(super) fn decode(bytes: &[u8], header: &Header, meter: &Meter<'_>) -> Result<Canvas, Error> {
    let mut canvas = Canvas::new(header.width, header.height)?;
    draw(bytes, header, bytes, &mut canvas, (0, 0), meter)?;
    if !canvas.is_blank() {
        return Ok(canvas);
    }
    for frame in frames(bytes).take(MAX_FRAMES - 1) {
        let frame_header = frame.header(header);
        if !canvas.is_blank() || !frame.is_within(header) || !meter.affords(frame_header.work()) {
            break;
        }
        // Nothing was drawn so far, so it does not matter how the frames before this one are disposed of.
        let file = frame.file(bytes, MAX_PROFILE);
        let place = (frame.left as usize, frame.top as usize);
        draw(&file, &frame_header, bytes, &mut canvas, place, meter)?;
    }
    Ok(canvas.without_full_opacity())
}

/// Draws the default image of a PNG on a canvas. `described` is the file that describes the colours.
fn draw(
    bytes: &[u8],
    header: &Header,
    described: &[u8],
    canvas: &mut Canvas,
    (left, top): (usize, usize),
    meter: &Meter<'_>,
) -> Result<(), Error> {
    let (mut reader, mut converter) = open(bytes, header, described, meter)?;
    meter.spend(header.excess())?;
    let (width, height) = (header.width as usize, header.height as usize);
    let mut buffer =
        zeroed(reader.output_line_size(header.width).ok_or_else(|| Error::damaged("too wide"))? as u64)?;
    if header.interlaced {
        let mut line = vec![0; 3 * width];
        for (x, across, y, down) in PASSES {
            let columns = width.saturating_sub(x).div_ceil(across);
            let rows = (y..height).step_by(down).take(if columns == 0 { 0 } else { usize::MAX });
            let row_work = header.row_bytes(columns as u32).div_ceil(BLOCK);
            for row_index in rows {
                meter.spend(row_work)?;
                meter.pace(converter.pace(columns));
                reader.read_row(&mut buffer).map_err(library_error)?;
                let line = &mut line[..3 * columns];
                let opacity = converter.convert(&mut buffer, line);
                let places = canvas.row(top + row_index, left + x).iter_mut().step_by(across);
                places.zip(line.as_chunks::<3>().0).for_each(|(place, pixel)| *place = *pixel);
                canvas.cover(top + row_index, left + x, across, opacity)?;
            }
        }
    } else {
        let row_work = header.row_bytes(header.width).div_ceil(BLOCK);
        for row in 0..height {
            meter.spend(row_work)?;
            meter.pace(converter.pace(width));
            reader.read_row(&mut buffer).map_err(library_error)?;
            let out = &mut canvas.row(top + row, left)[..width];
            let opacity = converter.convert(&mut buffer, out.as_flattened_mut());
            canvas.cover(top + row, left, 1, opacity)?;
        }
    }
    Ok(())
}

/// Opens the default image of a PNG, and finds how its rows are converted.
fn open<'a>(
    bytes: &'a [u8],
    header: &Header,
    described: &[u8],
    meter: &'a Meter<'a>,
) -> Result<(png::Reader<ImageChunkReader<'a>>, RowConverter), Error> {
    let mut decoder = png::Decoder::new(ImageChunkReader::new(bytes, meter));
    decoder.set_transformations(png::Transformations::EXPAND);
    decoder.set_limits(png::Limits { bytes: MAX_PROFILE + 16 * header.width as usize + (64 << 10) });
    let reader = decoder.read_info().map_err(library_error)?;
    if reader.info().size() != (header.width, header.height) || reader.info().interlaced != header.interlaced
    {
        return Err(Error::damaged("a second header that differs from the first"));
    }
    let (colour, depth) = reader.output_color_type();
    let model = match colour {
        png::ColorType::Grayscale | png::ColorType::GrayscaleAlpha => ColorModel::Grey,
        _ => ColorModel::Rgb,
    };
    let profile = reader.info().icc_profile.as_deref().filter(|profile| profile.len() <= MAX_PROFILE);
    let sources = ColorSpace::of_png(described, depth as u8, profile, header.metadata.adobe_rgb);
    let converter = RowConverter::new(model, colour.samples(), depth, sources);
    Ok((reader, converter))
}

/// The library has no variants that it does not support: the probe names what it does not decode.
fn library_error(error: png::DecodingError) -> Error {
    Error::damaged(error)
}

/// The Adam7 passes: first column, column step, first row, row step.
const PASSES: [(usize, usize, usize, usize); 7] =
    [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)];

/// Converts decoded rows to RGB.
struct RowConverter {
    /// The opacity of the last row's pixels. Empty if the picture has none.
    opacity: Vec<u8>,
    /// The colours of a row at 16 bits, where they are converted before they are narrowed.
    wide: Option<Vec<u16>>,
    samples: usize,
    is_16_bit: bool,
    conversion: ColorConversion,
}

impl RowConverter {
    fn new<'a>(
        model: ColorModel,
        samples: usize,
        depth: png::BitDepth,
        sources: impl Iterator<Item = ColorSpace<'a>>,
    ) -> Self {
        let is_16_bit = depth == png::BitDepth::Sixteen;
        let conversion = if is_16_bit {
            ColorConversion::wide(model, sources)
        } else {
            ColorConversion::new(model, sources)
        };
        let wide = (is_16_bit && conversion.changes_samples()).then(Vec::new);
        Self { opacity: Vec::new(), wide, samples, is_16_bit, conversion }
    }

    /// Work to convert this many pixels, in blocks: a transform takes up to 40 ns per pixel.
    fn pace(&self, pixels: usize) -> u64 {
        if self.conversion.changes_samples() { pixels as u64 } else { 0 }
    }

    /// Converts as many pixels as `rgb` holds, and returns their opacity. Overwrites the row.
    fn convert(&mut self, row: &mut [u8], rgb: &mut [u8]) -> &[u8] {
        self.opacity.clear();
        let samples = rgb.len() / 3 * self.samples;
        let value = |row: &[u8], index: usize| u16::from_be_bytes([row[2 * index], row[2 * index + 1]]);
        if let Some(wide) = &mut self.wide {
            wide.clear();
            for index in 0..samples {
                if self.samples.is_multiple_of(2) && index % self.samples == self.samples - 1 {
                    self.opacity.push(raster::narrow(value(row, index)));
                } else {
                    wide.push(value(row, index));
                }
            }
            self.conversion.convert_wide(wide, rgb);
            return &self.opacity;
        }
        if self.is_16_bit {
            for index in 0..samples {
                row[index] = raster::narrow(value(row, index));
            }
        }
        let row = &mut row[..samples];
        let length = match self.samples {
            2 => canvas::split::<2>(row, &mut self.opacity),
            4 => canvas::split::<4>(row, &mut self.opacity),
            _ => samples,
        };
        self.conversion.convert(&row[..length], rgb);
        &self.opacity
    }
}

/// Reads the chunks of the default image, and then an end chunk: without it, a decoder would hold back the last bytes
/// that it has inflated.
struct ImageChunkReader<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
    /// Whether the current chunk contains pixels. Chunks after the pixels are left out.
    in_pixels: bool,
    /// Whether the current chunk is complete.
    is_complete: bool,
    meter: &'a Meter<'a>,
}

const END_CHUNK: &[u8] = b"\0\0\0\0IEND\xAE\x42\x60\x82";

impl<'a> ImageChunkReader<'a> {
    /// Maximum number of bytes that the decoder gets at once.
    const MAX_READ: usize = 32 * 1024;

    /// Work that a byte of input, or a chunk, may cause in the worst case, in blocks. It sets the pace of the checks.
    const BYTE_PACE: u64 = 2;
    const CHUNK_PACE: u64 = 4;

    fn new(bytes: &'a [u8], meter: &'a Meter<'a>) -> Self {
        meter.ask();
        Self { bytes, at: 0, end: FIRST_CHUNK.min(bytes.len()), in_pixels: false, is_complete: false, meter }
    }

    /// Moves to the next chunk of the default image, if there is one.
    fn advance(&mut self) {
        let mut found = None;
        while let Some(next) = chunk_at(self.bytes, self.end) {
            let has_pixels = next.name == *b"IDAT";
            if self.in_pixels && !has_pixels {
                break;
            }
            self.end = next.end;
            let has_profile = next.name == *b"iCCP" && next.data.len() <= MAX_PROFILE;
            if has_pixels || has_profile || matches!(&next.name, b"IHDR" | b"PLTE" | b"tRNS") {
                found = Some(next);
                break;
            }
        }
        match found {
            Some(Chunk { start, name, data, end }) => {
                self.at = start;
                self.in_pixels = name == *b"IDAT";
                self.is_complete = end - start == data.len() + 12;
            }
            None if self.in_pixels && self.is_complete => {
                (self.bytes, self.at, self.end, self.in_pixels) = (END_CHUNK, 0, END_CHUNK.len(), false);
            }
            None => {}
        }
    }
}

impl BufRead for ImageChunkReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.meter.result().is_err() {
            // An error and no end of file: the decoder tolerates that while it has rows left.
            return Err(io::Error::other("canceled"));
        }
        if self.at >= self.end {
            self.meter.pace(Self::CHUNK_PACE);
            self.advance();
        }
        let remaining = self.bytes.get(self.at..self.end).unwrap_or_default();
        Ok(&remaining[..remaining.len().min(Self::MAX_READ)])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount;
        self.meter.pace(amount as u64 * Self::BYTE_PACE);
    }
}

impl Read for ImageChunkReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl Seek for ImageChunkReader<'_> {
    /// Not supported: the decoder only reads forwards.
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn memory(header: &Header) -> u64 {
    let width = u64::from(header.width);
    let raster = 3 * width * u64::from(header.height);
    // The decoder's window, and a few rows of up to eight bytes per pixel.
    let rows = 64 * width + (512 << 10);
    let conversion = match header.calibration {
        Calibration::Profile => 2 * MAX_PROFILE as u64 + profile::memory(MAX_PROFILE as u64),
        Calibration::Numbers => profile::TABLES_MEMORY,
        Calibration::None => profile::tagged_memory(0, header.metadata.adobe_rgb),
    };
    // A frame is copied to a file of its own, with its profile.
    let frame = if header.frame_data > 0 { header.frame_data + MAX_PROFILE as u64 + (16 << 10) } else { 0 };
    raster + rows + conversion + frame
}
