//! What a picture's header says: format, sides, orientation, and the memory that its decoding will hold. Asked
//! before anything is allocated; judges the header against the limits and refuses what it cannot make sense of.

pub(crate) mod bmp;
pub(crate) mod gif;
pub(crate) mod jpeg;
pub(crate) mod png;
pub(crate) mod tiff;
pub(crate) mod webp;

use crate::{Error, Format, Limits, Orientation, Sniffed, Source, decode, sniff};

/// The header of a picture.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    /// The format, by content.
    pub format: Format,
    /// Pixels across, as stored.
    pub width: u32,
    /// Pixels down, as stored.
    pub height: u32,
    /// How to lay the stored picture upright.
    pub orientation: Orientation,
    /// Whether the picture comes in several passes (progressive JPEG, interlaced PNG).
    pub progressive: bool,
    /// Samples a pixel, as stored: 1 (grey or palette) to 4.
    pub components: u8,
    /// Bits a sample, as stored.
    pub depth: u8,
    /// Whether pixels can be transparent.
    pub alpha: bool,
    pub(crate) header: Header,
}

/// The format's own header.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Header {
    Jpeg(jpeg::Header),
    Png(png::Header),
    WebP(webp::Header),
    Gif(gif::Header),
    Bmp(bmp::Header),
    Tiff(tiff::Header),
}

/// Reads a picture's header and judges it against the limits.
///
/// # Errors
/// [`Error::Empty`], [`Error::Unsupported`] and [`Error::Unrecognised`] by content, [`Error::TooLarge`] by the
/// limits, [`Error::Damaged`] for a header without sense.
pub fn probe(bytes: &[u8], limits: &Limits) -> Result<Probe, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    let header = match sniff(bytes) {
        Sniffed::Unsupported(name) => return Err(Error::Unsupported(name)),
        Sniffed::Unrecognised => return Err(Error::Unrecognised),
        Sniffed::Supported(Format::Jpeg) => Header::Jpeg(jpeg::Header::read(bytes)?),
        Sniffed::Supported(Format::Png) => Header::Png(png::Header::read(bytes)?),
        Sniffed::Supported(Format::WebP) => Header::WebP(webp::Header::read(bytes)?),
        Sniffed::Supported(Format::Gif) => Header::Gif(gif::Header::read(bytes)?),
        Sniffed::Supported(Format::Bmp) => Header::Bmp(bmp::Header::read(bytes)?),
        Sniffed::Supported(Format::Tiff) => Header::Tiff(tiff::Header::read(bytes)?),
    };
    let probe = Probe::new(header);
    limits.judge(probe.width, probe.height)?;
    // A frame may be larger than its canvas; it is unpacked all the same.
    if let Header::Gif(header) = &probe.header {
        limits.judge(header.frame.0, header.frame.1)?;
    }
    Ok(probe)
}

impl Limits {
    fn judge(&self, width: u32, height: u32) -> Result<(), Error> {
        let fits =
            u64::from(width) * u64::from(height) <= self.max_pixels && width.max(height) <= self.max_side;
        if fits { Ok(()) } else { Err(Error::TooLarge { width, height }) }
    }
}

impl Probe {
    fn new(header: Header) -> Self {
        let (format, width, height) = match &header {
            Header::Jpeg(h) => (Format::Jpeg, h.width, h.height),
            Header::Png(h) => (Format::Png, h.width, h.height),
            Header::WebP(h) => (Format::WebP, h.width, h.height),
            Header::Gif(h) => (Format::Gif, h.width, h.height),
            Header::Bmp(h) => (Format::Bmp, h.width, h.height),
            Header::Tiff(h) => (Format::Tiff, h.width, h.height),
        };
        let (orientation, progressive, components, depth, alpha) = match &header {
            Header::Jpeg(h) => (h.orientation, h.progressive, h.components() as u8, 8, false),
            Header::Png(h) => (h.orientation, h.interlaced, h.samples(), h.depth, h.transparency),
            Header::WebP(h) => (h.orientation, false, if h.alpha { 4 } else { 3 }, 8, h.alpha),
            Header::Gif(h) => (Orientation::Upright, false, 1, 8, h.transparency),
            Header::Bmp(h) => {
                (Orientation::Upright, false, if h.bits > 8 { 3 } else { 1 }, h.bits.min(8), false)
            }
            Header::Tiff(h) => (h.orientation, false, h.samples as u8, h.depth, h.alpha),
        };
        Self { format, width, height, orientation, progressive, components, depth, alpha, header }
    }

    /// What the picture is, upright.
    #[must_use]
    pub fn source(&self) -> Source {
        let (width, height) = self.orientation.upright_size(self.width, self.height);
        Source { format: self.format.name(), width, height, orientation: self.orientation.exif() }
    }

    /// The most bytes that [`Decoder::decode`](crate::Decoder::decode) with the same `smallest_scale` holds at
    /// its peak, its result included, the input not.
    #[must_use]
    pub fn memory(&self, smallest_scale: f64) -> u64 {
        decode::memory(self, smallest_scale)
    }
}
