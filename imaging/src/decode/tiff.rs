//! Decodes the first page of a TIFF to RGB and opacity, strip by strip or tile by tile (the code calls both chunks).

use tiff::{ColorType, decoder::DecodingResult};

use super::canvas::Canvas;
use super::reader::MeteredReader;
use crate::{
    Error,
    color_space::ColorSpace,
    probe::tiff::{self as page, Header},
    profile::{self, ColorConversion, ColorModel},
    raster,
    work::Meter,
};

/// Decodes the page to RGB.
pub(super) fn decode(bytes: &[u8], header: &Header, meter: &Meter<'_>) -> Result<Canvas, Error> {
    let mut reader = MeteredReader::new(bytes, meter).with_needed(header.max_data(bytes.len() as u64));
    if let Some(offset) = header.palette {
        // Marks the palette indices as grey samples (value 1), so that the decoder delivers them as they are.
        reader = reader.with_patch(offset, 1);
    }
    let mut limits = tiff::decoder::Limits::default();
    limits.decoding_buffer_size = usize::try_from(header.chunk).map_err(Error::damaged)?;
    limits.intermediate_buffer_size = bytes.len();
    let mut decoder = tiff::decoder::Decoder::new(reader).map_err(Error::damaged)?.with_limits(limits);
    let size = decoder.dimensions().map_err(Error::damaged)?;
    if size != (header.width, header.height) || decoder.chunk_dimensions() != header.chunk_size {
        return Err(Error::damaged("the decoded page has another size than its header announces"));
    }
    let converter = PixelConverter::new(bytes, header, decoder.colortype().map_err(Error::damaged)?)?;
    let (across, down) = header.chunk_size;
    let columns = header.width.div_ceil(across);
    let chunks_per_plane = columns * header.height.div_ceil(down);
    let mut canvas = Canvas::new(header.width, header.height)?;
    let (mut line, mut opacity) = (Vec::new(), Vec::new());
    let chunk_span = page::chunk_span(bytes).ok_or_else(|| Error::damaged("no strips or tiles"))?;
    for chunk in 0..chunks_per_plane {
        let (chunk_width, chunk_height) = decoder.chunk_data_dimensions(chunk);
        let planes = if header.planar { converter.samples as u32 } else { 1 };
        let plane_work = header.chunk_work(chunk_height).div_ceil(planes.into());
        let mut read = |plane| {
            let number = chunk + plane * chunks_per_plane;
            let (start, end) = chunk_span(number).unwrap_or((0, bytes.len()));
            let length = (end.saturating_sub(start) as u64).max(1);
            decoder.inner().begin_chunk(end, plane_work / length);
            meter.spend(plane_work)?;
            decoder.read_chunk(number).map_err(Error::damaged)
        };
        let chunks: Vec<DecodingResult> = (0..planes).map(&mut read).collect::<Result<_, _>>()?;
        let (left, top) = ((chunk % columns * across) as usize, (chunk / columns * down) as usize);
        for row in 0..(down as usize).min(header.height as usize - top) {
            line.clear();
            line.resize(converter.samples * chunk_width as usize, 0);
            for (plane, chunk) in chunks.iter().enumerate() {
                let step = if header.planar { converter.samples } else { 1 };
                let places = line.iter_mut().skip(plane).step_by(step);
                converter.unpack(chunk, row, converter.samples * chunk_width as usize / step, places)?;
            }
            opacity.clear();
            let out = &mut canvas.row(top + row, left)[..chunk_width as usize];
            converter.convert(&mut line, out.as_flattened_mut(), &mut opacity);
            canvas.cover(top + row, left, 1, &opacity)?;
        }
    }
    Ok(canvas)
}

/// Converts a page's samples to RGB.
struct PixelConverter {
    interpretation: Interpretation,
    /// Number of samples per pixel, as decoded.
    samples: usize,
    /// Bits per sample.
    depth: u8,
    conversion: ColorConversion,
}

/// What the samples of a pixel mean.
enum Interpretation {
    /// Grey, RGB or CMYK, perhaps followed by samples without a meaning.
    Opaque,
    Palette(Vec<[u8; 3]>),
    /// A colour followed by its opacity.
    Alpha {
        /// Whether the colour is multiplied by the opacity.
        associated: bool,
    },
}

impl PixelConverter {
    fn new(bytes: &[u8], header: &Header, color_type: ColorType) -> Result<Self, Error> {
        let (model, samples, depth, alpha) = match color_type {
            ColorType::Gray(depth) => (ColorModel::Grey, 1, depth, false),
            ColorType::Multiband { bit_depth, num_samples } if bit_depth >= 8 => {
                (ColorModel::Grey, usize::from(num_samples), bit_depth, header.alpha && num_samples == 2)
            }
            ColorType::RGB(depth) => (ColorModel::Rgb, 3, depth, false),
            ColorType::RGBA(depth) => (ColorModel::Rgb, 4, depth, true),
            ColorType::CMYK(depth) => (ColorModel::Cmyk, 4, depth, false),
            ColorType::CMYKA(depth) => (ColorModel::Cmyk, 5, depth, false),
            _ => return Err(Error::Unsupported("TIFF with this colour space")),
        };
        let interpretation = match header.palette {
            Some(_) if samples == 1 && depth <= 8 => Interpretation::Palette(read_palette(bytes, depth)?),
            Some(_) => return Err(Error::damaged("a palette for samples that cannot be indices")),
            None if alpha => Interpretation::Alpha { associated: header.associated },
            None => Interpretation::Opaque,
        };
        let sources = ColorSpace::tagged(page::profile(bytes), header.metadata.adobe_rgb);
        let conversion = ColorConversion::new(model, sources);
        Ok(Self { interpretation, samples, depth, conversion })
    }

    /// Writes one row of a decoded chunk to `places` as 8-bit samples, or as indices where the page has a palette.
    fn unpack<'a>(
        &self,
        chunk: &DecodingResult,
        row: usize,
        length: usize,
        places: impl Iterator<Item = &'a mut u8>,
    ) -> Result<(), Error> {
        let truncated = || Error::damaged("a strip or tile is truncated");
        match chunk {
            DecodingResult::U8(samples) if self.depth < 8 => {
                let depth = usize::from(self.depth);
                let bytes = (length * depth).div_ceil(8);
                let packed =
                    samples.get(row * bytes..).and_then(|rest| rest.get(..bytes)).ok_or_else(truncated)?;
                let max = (1_u16 << depth) - 1;
                // Grey samples are scaled to 8 bits; indices are kept.
                let factor =
                    if matches!(self.interpretation, Interpretation::Palette(_)) { 1 } else { 255 / max };
                for (index, place) in places.enumerate() {
                    let bit = index * depth;
                    let shift = 8 - depth - bit % 8;
                    *place = (u16::from(packed[bit / 8] >> shift) & max) as u8 * factor as u8;
                }
            }
            DecodingResult::U8(samples) => {
                let samples =
                    samples.get(row * length..).and_then(|rest| rest.get(..length)).ok_or_else(truncated)?;
                places.zip(samples).for_each(|(place, &sample)| *place = sample);
            }
            DecodingResult::U16(samples) => {
                let samples =
                    samples.get(row * length..).and_then(|rest| rest.get(..length)).ok_or_else(truncated)?;
                places.zip(samples).for_each(|(place, &sample)| *place = raster::narrow(sample));
            }
            _ => return Err(Error::Unsupported("TIFF with signed or floating-point samples")),
        }
        Ok(())
    }

    /// Converts whole pixels of 8-bit samples to RGB, and appends their opacity where they have one. Overwrites `line`.
    fn convert(&self, line: &mut [u8], rgb: &mut [u8], opacity: &mut Vec<u8>) {
        let colours = self.conversion.samples();
        match &self.interpretation {
            Interpretation::Palette(palette) => {
                for (&index, out) in line.iter().zip(rgb.as_chunks_mut::<3>().0) {
                    *out = palette.get(usize::from(index)).copied().unwrap_or_default();
                }
                return;
            }
            Interpretation::Alpha { associated } => {
                opacity.extend(line.iter().skip(colours).step_by(self.samples));
                if *associated {
                    line.chunks_exact_mut(self.samples).for_each(|pixel| {
                        let alpha = pixel[colours];
                        pixel[..colours].iter_mut().for_each(|sample| *sample = divide(*sample, alpha));
                    });
                }
            }
            Interpretation::Opaque => {}
        }
        let count = rgb.len() / 3;
        if self.samples > colours {
            for pixel in 0..count {
                line.copy_within(pixel * self.samples..pixel * self.samples + colours, pixel * colours);
            }
        }
        self.conversion.convert(&line[..count * colours], rgb);
    }
}

/// Takes back the multiplication of a colour by its opacity.
fn divide(sample: u8, alpha: u8) -> u8 {
    match u32::from(alpha) {
        0 => 0,
        alpha => ((u32::from(sample) * 255 + alpha / 2) / alpha).min(255) as u8,
    }
}

/// Reads the page's palette at 8 bits per sample.
fn read_palette(bytes: &[u8], depth: u8) -> Result<Vec<[u8; 3]>, Error> {
    let value = page::palette_value(bytes).ok_or_else(|| Error::damaged("no palette"))?;
    let colours = 1_usize << depth;
    let narrow = |index| value(index).map(raster::narrow);
    (0..colours)
        .map(|index| Some([narrow(index)?, narrow(colours + index)?, narrow(2 * colours + index)?]))
        .collect::<Option<_>>()
        .ok_or_else(|| Error::damaged("the palette is truncated"))
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn memory(header: &Header) -> u64 {
    let raster = 3 * u64::from(header.width) * u64::from(header.height);
    // The lists of the directory, and a few rows.
    let lists = 96 * header.chunks + 32 * u64::from(header.width) * u64::from(header.samples);
    raster.saturating_add(header.chunk).saturating_add(lists)
        + profile::tagged_memory(header.profile, header.metadata.adobe_rgb)
}
