//! What the samples of a TIFF mean: one table from its tags to what is decoded. A tag that changes what bits mean is
//! honoured, or the picture is refused by the name of the variant.

use super::compression::Compression;
use super::tags::{
    BITS_PER_SAMPLE, DATA_TYPE, DOT_RANGE, EXTRA_SAMPLES, INDEXED, INK_SET, MATTEING, MAX_SAMPLES,
    PHOTOMETRIC, REFERENCE_BLACK_WHITE, SAMPLE_FORMAT, SAMPLES_PER_PIXEL, YCBCR_SUBSAMPLING,
};
use crate::{Error, ifd::Ifd};

/// The samples of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Samples {
    pub(crate) colour: Colour,
    /// Number of samples per pixel.
    pub(crate) count: usize,
    /// Bits per sample.
    pub(crate) depth: u8,
    pub(crate) alpha: Option<Alpha>,
}

/// How the first samples describe a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Grey {
        white_is_zero: bool,
    },
    Rgb,
    Palette,
    Cmyk,
    /// With the number of pixels across and down that share a pair of chroma samples.
    YCbCr {
        across: u8,
        down: u8,
    },
}

/// Which sample is the opacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Alpha {
    pub(crate) index: usize,
    /// Whether the colour is multiplied by it.
    pub(crate) associated: bool,
}

impl Colour {
    /// Number of samples that describe the colour.
    pub(crate) fn samples(self) -> usize {
        match self {
            Self::Grey { .. } | Self::Palette => 1,
            Self::Rgb | Self::YCbCr { .. } => 3,
            Self::Cmyk => 4,
        }
    }

    fn read(directory: &Ifd<'_>, compression: Compression, count: usize) -> Result<Self, Error> {
        let is_fax = matches!(compression, Compression::Fax(_));
        // As libtiff does where the tag is missing.
        let default = if is_fax { 0 } else { [1, 1, 1, 2][count.min(3)] };
        match directory.number(PHOTOMETRIC).unwrap_or(default) {
            photometric @ (0 | 1) => Ok(Self::Grey { white_is_zero: photometric == 0 }),
            2 => Ok(Self::Rgb),
            3 => Ok(Self::Palette),
            4 => Err(Error::Unsupported("TIFF with nothing but a transparency mask")),
            5 => Ok(Self::Cmyk),
            6 => subsampling(directory, compression),
            8..=10 => Err(Error::Unsupported("TIFF with CIE L*a*b*")),
            32_844 | 32_845 => Err(Error::Unsupported("TIFF with LogLuv")),
            _ => Err(Error::Unsupported("TIFF with an unknown colour space")),
        }
    }
}

fn subsampling(directory: &Ifd<'_>, compression: Compression) -> Result<Colour, Error> {
    if compression == Compression::Jpeg {
        // The JPEG data states it, and its decoder applies it.
        return Ok(Colour::YCbCr { across: 1, down: 1 });
    }
    let factor = |index| match directory.find(YCBCR_SUBSAMPLING) {
        Some(factors) => factors.number(index).filter(|factor| matches!(factor, 1 | 2 | 4)),
        None => Some(2),
    };
    match (factor(0), factor(1)) {
        (Some(across), Some(down)) => Ok(Colour::YCbCr { across: across as u8, down: down as u8 }),
        _ => Err(Error::Unsupported("TIFF with an unusual chroma subsampling")),
    }
}

impl Samples {
    pub(super) fn read(directory: &Ifd<'_>, compression: Compression) -> Result<Self, Error> {
        let count = directory.number(SAMPLES_PER_PIXEL).unwrap_or(1);
        if !(1..=MAX_SAMPLES).contains(&count) {
            return Err(Error::Unsupported("TIFF with an unusual number of samples"));
        }
        check_format(directory)?;
        let depth = depth(directory)?;
        let count = count as usize;
        let colour = Colour::read(directory, compression, count)?;
        if count < colour.samples() {
            return Err(Error::Unsupported("TIFF with fewer samples than its colour space needs"));
        }
        let samples = Self { colour, count, depth, alpha: alpha(directory, colour, count) };
        samples.check_colour(directory)?;
        samples.check_compression(compression)?;
        Ok(samples)
    }

    /// Refuses what the colour space does not allow, and tags that change it.
    fn check_colour(&self, directory: &Ifd<'_>) -> Result<(), Error> {
        let unsupported = |name| Err(Error::Unsupported(name));
        let max = (1_u64 << self.depth) - 1;
        let is_indexed = directory.number(INDEXED).is_some_and(|indexed| indexed != 0);
        match self.colour {
            Colour::Palette if self.depth > 8 => unsupported("TIFF with a palette of more than 256 colours"),
            Colour::Grey { .. } | Colour::Rgb | Colour::Cmyk | Colour::YCbCr { .. } if is_indexed => {
                unsupported("TIFF with palette indices of this colour space")
            }
            Colour::Cmyk if directory.number(INK_SET).is_some_and(|inks| inks != 1) => {
                unsupported("TIFF with other inks than CMYK")
            }
            Colour::Cmyk
                if directory.find(DOT_RANGE).is_some_and(|range| {
                    range.numbers().enumerate().any(|(index, dot)| dot != [0, max][index % 2])
                }) =>
            {
                unsupported("TIFF with an unusual dot range")
            }
            Colour::YCbCr { .. } if self.depth != 8 || self.count != 3 => {
                unsupported("TIFF with YCbCr samples other than three of 8 bits")
            }
            Colour::Grey { .. } | Colour::Rgb if !has_plain_reference(directory, max) => {
                unsupported("TIFF with a reference black or white")
            }
            _ => Ok(()),
        }
    }

    fn check_compression(&self, compression: Compression) -> Result<(), Error> {
        match compression {
            Compression::Fax(_) if (self.count, self.depth) != (1, 1) => {
                Err(Error::Unsupported("TIFF with a fax compression for more than one bit"))
            }
            Compression::Jpeg if self.depth != 8 => Err(Error::Unsupported("TIFF with 12-bit JPEG")),
            Compression::Jpeg if self.colour == Colour::Palette => {
                Err(Error::Unsupported("TIFF with JPEG of palette indices"))
            }
            _ => Ok(()),
        }
    }
}

/// Reads the number of bits of the samples, which must be the same for all.
fn depth(directory: &Ifd<'_>) -> Result<u8, Error> {
    let Some(depths) = directory.find(BITS_PER_SAMPLE) else { return Ok(1) };
    let first = depths.number(0).unwrap_or(1);
    if depths.numbers().any(|depth| depth != first) {
        return Err(Error::Unsupported("TIFF with samples of different depths"));
    }
    match first {
        1..=16 => Ok(first as u8),
        _ => Err(Error::Unsupported("TIFF with samples of more than 16 bits")),
    }
}

/// Refuses other samples than unsigned integers.
fn check_format(directory: &Ifd<'_>) -> Result<(), Error> {
    const SIGNED: Error = Error::Unsupported("TIFF with signed samples");
    const FLOAT: Error = Error::Unsupported("TIFF with floating-point samples");
    let Some(formats) = directory.find(SAMPLE_FORMAT) else {
        return match directory.number(DATA_TYPE) {
            Some(1) => Err(SIGNED),
            Some(3) => Err(FLOAT),
            _ => Ok(()),
        };
    };
    formats.numbers().try_for_each(|format| match format {
        // Undefined data counts as unsigned.
        1 | 4 => Ok(()),
        2 => Err(SIGNED),
        3 => Err(FLOAT),
        5 | 6 => Err(Error::Unsupported("TIFF with complex samples")),
        _ => Err(Error::Unsupported("TIFF with an unknown sample format")),
    })
}

/// Finds the opacity among the samples behind the colour.
fn alpha(directory: &Ifd<'_>, colour: Colour, count: usize) -> Option<Alpha> {
    let first = colour.samples();
    if let Some(kinds) = directory.find(EXTRA_SAMPLES) {
        // The list may be shorter or longer than the samples are.
        let mut kinds = kinds.numbers().take(count - first).enumerate();
        let (index, kind) = kinds.find(|(_, kind)| matches!(kind, 1 | 2))?;
        return Some(Alpha { index: first + index, associated: kind == 1 });
    }
    match directory.number(MATTEING) {
        Some(1) if count > first => Some(Alpha { index: first, associated: true }),
        // Without a word about it, readers take a fourth sample for opacity.
        None if colour == Colour::Rgb && count == 4 => Some(Alpha { index: first, associated: false }),
        _ => None,
    }
}

/// Whether `ReferenceBlackWhite` says of grey or RGB what holds without it. Some writers copy the values of YCbCr.
fn has_plain_reference(directory: &Ifd<'_>, max: u64) -> bool {
    let Some(reference) = directory.find(REFERENCE_BLACK_WHITE) else { return true };
    (0..3).all(|pair| {
        let (black, white) = (reference.rational(2 * pair), reference.rational(2 * pair + 1));
        let is = |value: Option<f64>, code: u64| value.is_none_or(|value| (value - code as f64).abs() < 0.5);
        is(white, max) && (is(black, 0) || pair > 0 && is(black, max.div_ceil(2)))
    })
}
