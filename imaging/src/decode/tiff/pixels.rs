//! Converts the rows of a TIFF to RGB and opacity: samples of any depth, in one row or in a row for each plane.

use super::ycbcr::YCbCr;
use crate::{
    Error,
    color_space::ColorSpace,
    probe::tiff::{Colour, Header},
    profile::{ColorConversion, ColorModel},
    raster,
};

/// A sample of full scale: 0 is the least value, and `MAX` the greatest.
trait Sample: Copy + Default + Into<u32> {
    const MAX: u32;

    fn of(value: u32) -> Self;

    fn narrow(self) -> u8;
}

impl Sample for u8 {
    const MAX: u32 = 255;

    fn of(value: u32) -> Self {
        value as u8
    }

    fn narrow(self) -> u8 {
        self
    }
}

impl Sample for u16 {
    const MAX: u32 = 65_535;

    fn of(value: u32) -> Self {
        value as u16
    }

    fn narrow(self) -> u8 {
        raster::narrow(self)
    }
}

/// Converts rows, one after another.
pub(super) struct PixelConverter {
    format: PixelFormat,
    conversion: ColorConversion,
    /// The row, by the depth of its samples.
    narrow: Line<u8>,
    wide: Line<u16>,
}

/// Buffers for a row.
#[derive(Default)]
struct Line<S> {
    samples: Vec<S>,
    colours: Vec<S>,
}

/// What the samples mean.
struct PixelFormat {
    /// Samples per pixel, of those that are used.
    samples: usize,
    depth: u8,
    planar: bool,
    big_endian: bool,
    interpretation: Interpretation,
    /// Index of the sample that is the opacity, and whether colours are multiplied by it.
    alpha: Option<(usize, bool)>,
}

enum Interpretation {
    /// As the colour model says.
    Plain,
    WhiteIsZero,
    Palette(Vec<[u8; 3]>),
    YCbCr(Box<YCbCr>),
}

impl PixelConverter {
    /// `is_converted` tells that a decoder has already converted YCbCr to RGB.
    pub(super) fn new(bytes: &[u8], header: &Header, is_converted: bool) -> Result<Self, Error> {
        let samples = &header.samples;
        let model = match samples.colour {
            Colour::Grey { .. } => ColorModel::Grey,
            Colour::Cmyk => ColorModel::Cmyk,
            Colour::Rgb | Colour::Palette | Colour::YCbCr { .. } => ColorModel::Rgb,
        };
        let sources = ColorSpace::tagged(header.profile(bytes), header.metadata.adobe_rgb);
        let conversion = if samples.depth > 8 {
            ColorConversion::wide(model, sources)
        } else {
            ColorConversion::new(model, sources)
        };
        let interpretation = match samples.colour {
            Colour::Grey { white_is_zero: true } => Interpretation::WhiteIsZero,
            Colour::Palette => Interpretation::Palette(palette(bytes, header, &conversion)?),
            Colour::YCbCr { .. } if !is_converted => Interpretation::YCbCr(Box::new(YCbCr::new(
                header.luma_weights(bytes),
                header.reference_black_white(bytes),
            ))),
            _ => Interpretation::Plain,
        };
        let alpha = samples.alpha.map(|alpha| {
            // Planes between the colour and the opacity are left out.
            let index = if header.layout.planar { samples.colour.samples() } else { alpha.index };
            (index, alpha.associated)
        });
        let format = PixelFormat {
            samples: header.used_samples(),
            depth: samples.depth,
            planar: header.layout.planar,
            big_endian: header.big_endian,
            interpretation,
            alpha,
        };
        Ok(Self { format, conversion, narrow: Line::default(), wide: Line::default() })
    }

    /// Converts as many pixels as `rgb` holds, and appends their opacity where they have one. `rows` has the bytes of all
    /// samples, or those of each plane.
    pub(super) fn convert(&mut self, rows: &[Vec<u8>], rgb: &mut [[u8; 3]], opacity: &mut Vec<u8>) {
        let Self { format, conversion, narrow, wide } = self;
        let colour_samples = if format.is_palette() { 1 } else { conversion.samples() };
        if format.is_colour_as_stored(colour_samples) {
            return conversion.convert(&rows[0][..rgb.len() * colour_samples], rgb.as_flattened_mut());
        }
        if format.depth > 8 {
            format.resolve(rows, rgb.len(), colour_samples, wide, opacity);
            return conversion.convert_wide(&wide.colours, rgb.as_flattened_mut());
        }
        format.resolve(rows, rgb.len(), colour_samples, narrow, opacity);
        match &format.interpretation {
            Interpretation::Palette(palette) => {
                for (out, &index) in rgb.iter_mut().zip(&narrow.colours) {
                    *out = palette[usize::from(index)];
                }
                return;
            }
            Interpretation::YCbCr(table) => {
                narrow.colours.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| table.convert(pixel));
            }
            Interpretation::Plain | Interpretation::WhiteIsZero => {}
        }
        conversion.convert(&narrow.colours, rgb.as_flattened_mut());
    }
}

impl PixelFormat {
    fn is_palette(&self) -> bool {
        matches!(self.interpretation, Interpretation::Palette(_))
    }

    /// Whether a row has nothing but colours, at eight bits and in the order of pixels.
    fn is_colour_as_stored(&self, colour_samples: usize) -> bool {
        let is_plain = matches!(self.interpretation, Interpretation::Plain);
        is_plain && self.depth == 8 && !self.planar && self.samples == colour_samples
    }

    /// Unpacks the samples of `width` pixels, in the order of pixels.
    fn unpack<S: Sample>(&self, rows: &[Vec<u8>], samples: &mut Vec<S>, width: usize) {
        samples.clear();
        samples.resize(width * self.samples, S::default());
        if !self.planar {
            return self.unpack_row(&rows[0], samples.iter_mut());
        }
        for (plane, row) in rows.iter().enumerate() {
            self.unpack_row(row, samples.iter_mut().skip(plane).step_by(self.samples));
        }
    }

    /// Unpacks samples at full scale. Indices stay as they are.
    fn unpack_row<'a, S: Sample + 'a>(&self, row: &[u8], places: impl Iterator<Item = &'a mut S>) {
        match self.depth {
            8 => places.zip(row).for_each(|(place, &byte)| *place = S::of(byte.into())),
            16 => {
                let order = if self.big_endian { u16::from_be_bytes } else { u16::from_le_bytes };
                let samples = row.as_chunks::<2>().0.iter().map(|bytes| order(*bytes));
                places.zip(samples).for_each(|(place, sample)| *place = S::of(sample.into()));
            }
            depth => {
                let max = (1 << depth) - 1;
                let scale = if self.is_palette() { max } else { S::MAX };
                let (mut held, mut bits) = (0_u32, 0);
                let mut bytes = row.iter();
                places.for_each(|place| {
                    while bits < depth {
                        held = held << 8 | u32::from(bytes.next().copied().unwrap_or_default());
                        bits += 8;
                    }
                    bits -= depth;
                    *place = S::of(((held >> bits & max) * scale + max / 2) / max);
                });
            }
        }
    }

    /// Unpacks a row and splits its pixels into colours and opacity. Undoes what is not a matter of the colour model.
    fn resolve<S: Sample>(
        &self,
        rows: &[Vec<u8>],
        width: usize,
        colour_samples: usize,
        line: &mut Line<S>,
        opacity: &mut Vec<u8>,
    ) {
        let Line { samples, colours } = line;
        self.unpack(rows, samples, width);
        if matches!(self.interpretation, Interpretation::WhiteIsZero) {
            samples.iter_mut().step_by(self.samples).for_each(|grey| *grey = S::of(S::MAX - (*grey).into()));
        }
        if let Some((index, associated)) = self.alpha {
            opacity.extend(samples.iter().skip(index).step_by(self.samples).map(|alpha| alpha.narrow()));
            if associated && !self.is_palette() {
                samples.chunks_exact_mut(self.samples).for_each(|pixel| {
                    let alpha = pixel[index].into();
                    pixel[..colour_samples].iter_mut().for_each(|sample| *sample = divide(*sample, alpha));
                });
            }
        }
        colours.clear();
        colours.resize(width * colour_samples, S::default());
        for (place, pixel) in colours.chunks_exact_mut(colour_samples).zip(samples.chunks_exact(self.samples))
        {
            place.copy_from_slice(&pixel[..colour_samples]);
        }
    }
}

/// Takes back the multiplication of a colour by its opacity.
fn divide<S: Sample>(sample: S, alpha: u32) -> S {
    let sample: u32 = sample.into();
    match alpha {
        0 => S::default(),
        alpha => S::of(
            ((u64::from(sample) * u64::from(S::MAX) + u64::from(alpha / 2)) / u64::from(alpha))
                .min(S::MAX.into()) as u32,
        ),
    }
}

/// Reads the palette as RGB.
fn palette(bytes: &[u8], header: &Header, conversion: &ColorConversion) -> Result<Vec<[u8; 3]>, Error> {
    let palette = header.palette(bytes)?;
    let mut rgb = palette.clone();
    conversion.convert(palette.as_flattened(), rgb.as_flattened_mut());
    Ok(rgb)
}
