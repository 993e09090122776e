//! TIFF: the first page, strip by strip or tile by tile.

use tiff::{ColorType, decoder::DecodingResult};

use super::{pixels, profile_memory, reader::Watched, zeroed};
use crate::{
    Error, Watch,
    probe::tiff::{self as page, Header},
    profile::{Conversion, Space},
};

/// The page's RGB.
pub(super) fn decode(bytes: &[u8], header: &Header, watch: &dyn Watch) -> Result<Vec<u8>, Error> {
    let mut reader = Watched::new(bytes, watch);
    if let Some(offset) = header.palette {
        // Indices are read as if they were grey, which has the value 1.
        reader = reader.patched(offset, 1);
    }
    let mut limits = tiff::decoder::Limits::default();
    limits.decoding_buffer_size = usize::try_from(header.chunk).map_err(Error::damaged)?;
    limits.intermediate_buffer_size = bytes.len();
    let mut decoder = tiff::decoder::Decoder::new(reader).map_err(Error::damaged)?.with_limits(limits);
    let size = decoder.dimensions().map_err(Error::damaged)?;
    if size != (header.width, header.height) || decoder.chunk_dimensions() != header.chunk_size {
        return Err(Error::damaged("a page of another size than its header says"));
    }
    let pixels = Pixels::new(bytes, header, decoder.colortype().map_err(Error::damaged)?)?;
    let (across, down) = header.chunk_size;
    let columns = header.width.div_ceil(across);
    let all = columns * header.height.div_ceil(down);
    let width = header.width as usize;
    let mut data = zeroed(3 * u64::from(header.width) * u64::from(header.height))?;
    let mut line = Vec::new();
    for chunk in 0..all {
        let (chunk_width, _) = decoder.chunk_data_dimensions(chunk);
        let planes = if header.planar { pixels.samples as u32 } else { 1 };
        let read = |plane| decoder.read_chunk(chunk + plane * all).map_err(Error::damaged);
        let chunks: Vec<DecodingResult> = (0..planes).map(read).collect::<Result<_, _>>()?;
        let (left, top) = ((chunk % columns * across) as usize, (chunk / columns * down) as usize);
        let rows = data.chunks_exact_mut(3 * width).skip(top).take(down as usize);
        for (row, out) in rows.enumerate() {
            let out = &mut out[3 * left..][..3 * chunk_width as usize];
            line.clear();
            line.resize(pixels.samples * chunk_width as usize, 0);
            for (plane, chunk) in chunks.iter().enumerate() {
                let step = if header.planar { pixels.samples } else { 1 };
                let places = line.iter_mut().skip(plane).step_by(step);
                pixels.unpack(chunk, row, pixels.samples * chunk_width as usize / step, places)?;
            }
            pixels.convert(&mut line, out);
        }
    }
    Ok(data)
}

/// How a page's samples become RGB.
struct Pixels {
    kind: Kind,
    /// Samples a pixel, as decoded.
    samples: usize,
    /// Bits a sample.
    depth: u8,
    conversion: Conversion,
}

enum Kind {
    /// Grey, RGB or inks, perhaps with samples behind them that say nothing.
    Plain,
    Palette(Vec<[u8; 3]>),
    /// The sample behind the colour is opacity, and the colour is multiplied by it or not.
    Alpha {
        associated: bool,
    },
}

impl Pixels {
    fn new(bytes: &[u8], header: &Header, colour: ColorType) -> Result<Self, Error> {
        let (space, samples, depth, alpha) = match colour {
            ColorType::Gray(depth) => (Space::Grey, 1, depth, false),
            ColorType::Multiband { bit_depth, num_samples } if bit_depth >= 8 => {
                (Space::Grey, usize::from(num_samples), bit_depth, header.alpha && num_samples == 2)
            }
            ColorType::RGB(depth) => (Space::Rgb, 3, depth, false),
            ColorType::RGBA(depth) => (Space::Rgb, 4, depth, true),
            ColorType::CMYK(depth) => (Space::Cmyk, 4, depth, false),
            ColorType::CMYKA(depth) => (Space::Cmyk, 5, depth, false),
            _ => return Err(Error::Unsupported("TIFF with this colour space")),
        };
        let kind = match header.palette {
            Some(_) if samples == 1 && depth <= 8 => Kind::Palette(palette(bytes, depth)?),
            Some(_) => return Err(Error::damaged("a palette for samples that cannot have one")),
            None if alpha => Kind::Alpha { associated: header.associated },
            None => Kind::Plain,
        };
        let conversion = Conversion::new(space, page::profile(bytes));
        Ok(Self { kind, samples, depth, conversion })
    }

    /// One row of a decoded chunk as 8-bit samples; of a palette picture as indices.
    fn unpack<'a>(
        &self,
        chunk: &DecodingResult,
        row: usize,
        length: usize,
        places: impl Iterator<Item = &'a mut u8>,
    ) -> Result<(), Error> {
        let short = || Error::damaged("a strip or tile is cut off");
        match chunk {
            DecodingResult::U8(samples) if self.depth < 8 => {
                let depth = usize::from(self.depth);
                let bytes = (length * depth).div_ceil(8);
                let bits = samples.get(row * bytes..).and_then(|rest| rest.get(..bytes)).ok_or_else(short)?;
                let most = (1_u16 << depth) - 1;
                // A grey sample is spread over 8 bits; an index is what it is.
                let spread = if matches!(self.kind, Kind::Palette(_)) { 1 } else { 255 / most };
                for (index, place) in places.enumerate() {
                    let bit = index * depth;
                    let shift = 8 - depth - bit % 8;
                    *place = (u16::from(bits[bit / 8] >> shift) & most) as u8 * spread as u8;
                }
            }
            DecodingResult::U8(samples) => {
                let samples =
                    samples.get(row * length..).and_then(|rest| rest.get(..length)).ok_or_else(short)?;
                places.zip(samples).for_each(|(place, &sample)| *place = sample);
            }
            DecodingResult::U16(samples) => {
                let samples =
                    samples.get(row * length..).and_then(|rest| rest.get(..length)).ok_or_else(short)?;
                places.zip(samples).for_each(|(place, &sample)| *place = pixels::narrow(sample));
            }
            _ => return Err(Error::Unsupported("TIFF with samples that are no whole numbers")),
        }
        Ok(())
    }

    /// Whole pixels of 8-bit samples, which are used up, to RGB.
    fn convert(&self, line: &mut [u8], rgb: &mut [u8]) {
        let colours = self.conversion.samples();
        match &self.kind {
            Kind::Palette(palette) => {
                for (&index, out) in line.iter().zip(rgb.as_chunks_mut::<3>().0) {
                    *out = palette.get(usize::from(index)).copied().unwrap_or_default();
                }
                return;
            }
            Kind::Alpha { associated: true } => line.chunks_exact_mut(self.samples).for_each(|pixel| {
                let light = 255 - pixel[colours];
                pixel[..colours].iter_mut().for_each(|sample| *sample = sample.saturating_add(light));
            }),
            Kind::Alpha { associated: false } => line.chunks_exact_mut(self.samples).for_each(|pixel| {
                let alpha = pixel[colours];
                pixel[..colours].iter_mut().for_each(|sample| *sample = pixels::over_white(*sample, alpha));
            }),
            Kind::Plain => {}
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

/// The page's palette, 8 bits a sample.
fn palette(bytes: &[u8], depth: u8) -> Result<Vec<[u8; 3]>, Error> {
    let value = page::palette(bytes).ok_or_else(|| Error::damaged("no palette"))?;
    let colours = 1_usize << depth;
    let narrow = |index| value(index).map(pixels::narrow);
    (0..colours)
        .map(|index| Some([narrow(index)?, narrow(colours + index)?, narrow(2 * colours + index)?]))
        .collect::<Option<_>>()
        .ok_or_else(|| Error::damaged("the palette is cut off"))
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn memory(header: &Header) -> u64 {
    let raster = 3 * u64::from(header.width) * u64::from(header.height);
    // The directory's lists, and some rows.
    let lists = 96 * header.chunks + 32 * u64::from(header.width) * u64::from(header.samples);
    raster.saturating_add(header.chunk).saturating_add(lists) + profile_memory(header.profile)
}
