//! Reads the header of a picture: format, size, orientation, and what the decoder needs to know. The engine's callers
//! probe a picture before anything is allocated for it. Unknown formats, invalid headers and sizes above the limits are
//! errors.

pub(crate) mod bmp;
pub(crate) mod gif;
pub(crate) mod jpeg;
pub(crate) mod png;
pub(crate) mod png_frames;
mod png_text;
pub(crate) mod tiff;
pub(crate) mod webp;

use crate::format::is_cut_signature;
use crate::work::{self, BLOCK};
use crate::{Error, Format, Orientation, Sniffed, Source, sniff};

/// Maximum size of a picture, and maximum work to decode it. It is checked against the header, before anything is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of pixels (width × height) of every format but JPEG.
    pub max_pixels: u64,
    /// Maximum number of pixels of a JPEG. It is decoded at a fraction of its size.
    pub max_jpeg_pixels: u64,
    /// Maximum width and maximum height, in pixels.
    pub max_side: u32,
    /// Maximum work to decode a picture, in blocks of 64 samples. Each scan of a progressive JPEG visits the blocks
    /// that it covers. A picture may also take at most 16 visits to each of its blocks, or four million in all.
    pub max_work: u64,
}

impl Default for Limits {
    /// 100 megapixels, 250 of JPEG, 65,500 pixels per side, and 80 million blocks: about six seconds.
    fn default() -> Self {
        Self { max_pixels: 100_000_000, max_jpeg_pixels: 250_000_000, max_side: 65_500, max_work: 80_000_000 }
    }
}

impl Limits {
    fn check(&self, format: Format, (width, height): (u32, u32)) -> Result<(), Error> {
        let max_pixels = if format == Format::Jpeg { self.max_jpeg_pixels } else { self.max_pixels };
        let fits = u64::from(width) * u64::from(height) <= max_pixels && width.max(height) <= self.max_side;
        if fits { Ok(()) } else { Err(Error::TooLarge { width, height }) }
    }
}

/// What the header of a picture states.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    /// Format, detected from the content.
    pub format: Format,
    /// Width as stored, in pixels.
    pub width: u32,
    /// Height as stored, in pixels.
    pub height: u32,
    /// How to turn the stored picture upright.
    pub orientation: Orientation,
    /// Whether the picture is stored in several passes (progressive JPEG, interlaced PNG).
    pub progressive: bool,
    /// Number of samples per stored pixel: 1 (grey or palette) to 4.
    pub components: u8,
    /// Bits per stored sample.
    pub depth: u8,
    /// Whether pixels can be transparent.
    pub alpha: bool,
    /// Work to decode it at any scale, by its header, in blocks of 64 samples.
    pub work: u64,
    /// Maximum work that decoding may count.
    pub(crate) max_work: u64,
    pub(crate) header: FormatHeader,
}

/// The fields that are specific to the format.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FormatHeader {
    Jpeg(jpeg::Header),
    Png(png::Header),
    WebP(webp::Header),
    Gif(gif::Header),
    Bmp(bmp::Header),
    Tiff(tiff::Header),
}

/// Reads a picture's header and checks its size against the limits.
///
/// # Errors
/// [`Error::Empty`], [`Error::Unsupported`] and [`Error::Unrecognised`] for content that is not decoded,
/// [`Error::TooLarge`] for a size above the limits, [`Error::TooMuchWork`] for work above them, [`Error::Damaged`] for an invalid header.
pub fn probe(bytes: &[u8], limits: &Limits) -> Result<Probe, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    let header = match sniff(bytes) {
        Sniffed::Unsupported(name) => return Err(Error::Unsupported(name)),
        Sniffed::Unrecognised if is_cut_signature(bytes) => {
            return Err(Error::damaged("cut off within its signature"));
        }
        Sniffed::Unrecognised => return Err(Error::Unrecognised),
        Sniffed::Supported(Format::Jpeg) => FormatHeader::Jpeg(jpeg::Header::read(bytes)?),
        Sniffed::Supported(Format::Png) => FormatHeader::Png(png::Header::read(bytes)?),
        Sniffed::Supported(Format::WebP) => FormatHeader::WebP(webp::Header::read(bytes)?),
        Sniffed::Supported(Format::Gif) => FormatHeader::Gif(gif::Header::read(bytes)?),
        Sniffed::Supported(Format::Bmp) => FormatHeader::Bmp(bmp::Header::read(bytes)?),
        Sniffed::Supported(Format::Tiff) => FormatHeader::Tiff(tiff::Header::read(bytes)?),
    };
    let mut probe = Probe::new(header);
    limits.check(probe.format, (probe.width, probe.height))?;
    // A frame may be larger than its canvas, and the decoder unpacks all of it.
    if let FormatHeader::Gif(header) = &probe.header {
        limits.check(Format::Gif, (header.first.width, header.first.height))?;
    }
    probe.limit_work(bytes, limits.max_work)?;
    Ok(probe)
}

impl Probe {
    fn new(header: FormatHeader) -> Self {
        let (format, width, height) = match &header {
            FormatHeader::Jpeg(h) => (Format::Jpeg, h.width, h.height),
            FormatHeader::Png(h) => (Format::Png, h.width, h.height),
            FormatHeader::WebP(h) => (Format::WebP, h.width, h.height),
            FormatHeader::Gif(h) => (Format::Gif, h.width, h.height),
            FormatHeader::Bmp(h) => (Format::Bmp, h.width, h.height),
            FormatHeader::Tiff(h) => (Format::Tiff, h.layout.width, h.layout.height),
        };
        let (orientation, progressive, components, depth, alpha) = match &header {
            FormatHeader::Jpeg(h) => {
                (h.metadata.orientation(), h.progressive, h.components() as u8, 8, false)
            }
            FormatHeader::Png(h) => {
                (h.metadata.orientation(), h.interlaced, h.samples(), h.depth, h.transparency)
            }
            FormatHeader::WebP(h) => {
                (h.metadata.orientation(), false, if h.alpha { 4 } else { 3 }, 8, h.alpha)
            }
            FormatHeader::Gif(h) => (Orientation::Upright, false, 1, 8, h.transparency),
            FormatHeader::Bmp(h) => {
                (Orientation::Upright, false, if h.bits > 8 { 3 } else { 1 }, h.bits.min(8), false)
            }
            FormatHeader::Tiff(h) => {
                let samples = &h.samples;
                (h.metadata.orientation(), false, samples.count as u8, samples.depth, samples.alpha.is_some())
            }
        };
        let (work, max_work) = (0, 0);
        Self {
            format,
            width,
            height,
            orientation,
            progressive,
            components,
            depth,
            alpha,
            work,
            max_work,
            header,
        }
    }

    /// Computes the work from the header, and checks it.
    fn limit_work(&mut self, bytes: &[u8], max_work: u64) -> Result<(), Error> {
        let pixels = u64::from(self.width) * u64::from(self.height);
        let length = bytes.len() as u64;
        // What it takes to begin the parts that the picture is stored in.
        let parts = if let FormatHeader::Tiff(header) = &self.header { header.chunks_work() } else { 0 };
        // The work, and what a plain picture of the same samples takes.
        let (work, blocks) = match &self.header {
            FormatHeader::Jpeg(header) => (header.work, header.blocks()),
            FormatHeader::Png(header) => (header.work(), header.raw_bytes() / BLOCK),
            FormatHeader::WebP(header) => (header.work(), header.work()),
            FormatHeader::Gif(header) => (header.first.work(bytes), header.first.pixels() / BLOCK),
            FormatHeader::Bmp(_) => (3 * pixels / BLOCK, 3 * pixels / BLOCK),
            FormatHeader::Tiff(header) => (header.work(length), header.raw_bytes() / BLOCK),
        };
        let limit = work::limit(blocks, parts, max_work);
        if work > limit {
            return Err(Error::TooMuchWork { work, limit });
        }
        (self.work, self.max_work) = (work, limit);
        Ok(())
    }

    /// Format, orientation and upright size of the picture.
    #[must_use]
    pub fn source(&self) -> Source {
        let (width, height) = self.orientation.upright_size(self.width, self.height);
        Source { format: self.format.name(), width, height, orientation: self.orientation.exif() }
    }
}
