//! The compressions of a TIFF, and what each of their tags means. What is not decoded is refused by its name.

use super::tags::{COMPRESSION, FILL_ORDER, PREDICTOR, T4_OPTIONS, T6_OPTIONS};
use crate::{Error, ifd::Ifd};

/// How the samples of a chunk are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    PackBits,
    Lzw,
    Deflate,
    Zstandard,
    Jpeg,
    Fax(FaxCoding),
}

/// The codings of ITU-T T.4 and T.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaxCoding {
    /// Rows of run lengths that begin at whole bytes, without end-of-line codes (TIFF 6.0, section 10).
    Modified,
    /// Group 3. In two dimensions, a bit in front of each row tells how it is coded.
    Group3 { two_dimensional: bool },
    /// Group 4.
    Group4,
}

/// What was done to the samples before they were compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Predictor {
    None,
    /// Each sample is the difference to the one on its left.
    Horizontal,
}

impl Compression {
    pub(super) fn read(directory: &Ifd<'_>) -> Result<Self, Error> {
        match directory.number(COMPRESSION).unwrap_or(1) {
            1 => Ok(Self::None),
            2 => Ok(Self::Fax(FaxCoding::Modified)),
            3 => group3(directory.number(T4_OPTIONS).unwrap_or(0)),
            4 if directory.number(T6_OPTIONS).unwrap_or(0) & 2 != 0 => Err(UNCOMPRESSED_MODE),
            4 => Ok(Self::Fax(FaxCoding::Group4)),
            5 => Ok(Self::Lzw),
            7 => Ok(Self::Jpeg),
            8 | 32_946 => Ok(Self::Deflate),
            32_773 => Ok(Self::PackBits),
            50_000 => Ok(Self::Zstandard),
            other => Err(Error::Unsupported(unsupported_name(other))),
        }
    }

    /// Whether a predictor may have been used before. For other compressions its tag has no meaning.
    fn takes_predictor(self) -> bool {
        matches!(self, Self::Lzw | Self::Deflate | Self::Zstandard)
    }
}

const UNCOMPRESSED_MODE: Error = Error::Unsupported("TIFF with the uncompressed mode of a fax compression");

fn group3(options: u64) -> Result<Compression, Error> {
    if options & 2 != 0 {
        return Err(UNCOMPRESSED_MODE);
    }
    Ok(Compression::Fax(FaxCoding::Group3 { two_dimensional: options & 1 != 0 }))
}

fn unsupported_name(compression: u64) -> &'static str {
    match compression {
        6 => "TIFF with old-style JPEG compression",
        9 | 10 | 34_661 => "TIFF with JBIG compression",
        32_766 => "TIFF with NeXT compression",
        32_771 => "TIFF with word-aligned fax compression",
        32_809 => "TIFF with ThunderScan compression",
        32_895..=32_898 => "TIFF with IT8 compression",
        34_676 | 34_677 => "TIFF with LogLuv",
        33_003 | 33_005 | 34_712 => "TIFF with JPEG 2000 compression",
        34_887 => "TIFF with LERC compression",
        34_925 => "TIFF with LZMA compression",
        34_934 | 22_610 => "TIFF with JPEG XR compression",
        50_001 | 34_927 => "TIFF with WebP compression",
        50_002 | 52_546 => "TIFF with JPEG XL compression",
        _ => "TIFF with an unknown compression",
    }
}

/// Whether only cameras use it, for the samples of a sensor: Sony, Nikon and Epson, Samsung, Nikon, lossy DNG, Kodak,
/// Pentax.
pub(super) fn is_of_cameras(compression: u64) -> bool {
    matches!(compression, 32_767 | 32_769 | 32_770 | 34_713 | 34_892 | 65_000 | 65_535)
}

impl Predictor {
    /// Reads it for samples of this depth.
    pub(super) fn read(directory: &Ifd<'_>, compression: Compression, depth: u64) -> Result<Self, Error> {
        match directory.number(PREDICTOR).unwrap_or(1) {
            2 if !compression.takes_predictor() => Ok(Self::None),
            2 if matches!(depth, 8 | 16) => Ok(Self::Horizontal),
            2 => Err(Error::Unsupported("TIFF with a predictor for samples of this depth")),
            3 => Err(Error::Unsupported("TIFF with floating-point samples")),
            1 => Ok(Self::None),
            _ => Err(Error::Unsupported("TIFF with an unknown predictor")),
        }
    }
}

/// Whether the lowest bit of each byte is the first. JPEG data does not depend on it.
pub(super) fn has_reversed_bits(directory: &Ifd<'_>, compression: Compression) -> Result<bool, Error> {
    match directory.number(FILL_ORDER).unwrap_or(1) {
        1 => Ok(false),
        2 => Ok(compression != Compression::Jpeg),
        _ => Err(Error::Unsupported("TIFF with an unknown order of bits")),
    }
}
