//! Reads the header of a JPEG (ITU-T T.81 annex B): all marker segments up to the first scan. The probe reads the
//! header, and the decoder walks the same segments to build its input.

use crate::{Error, metadata::Metadata, work::BLOCK};

pub(crate) const SOI: u8 = 0xD8;
pub(crate) const EOI: u8 = 0xD9;
pub(crate) const SOS: u8 = 0xDA;
pub(crate) const DQT: u8 = 0xDB;
pub(crate) const DHT: u8 = 0xC4;
pub(crate) const DRI: u8 = 0xDD;
pub(crate) const APP14: u8 = 0xEE;

/// Maximum number of scans. Encoders write fewer; a "scan bomb" has thousands.
pub(crate) const MAX_SCANS: usize = 100;

/// How the samples of a JPEG encode colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColorEncoding {
    Grey,
    YCbCr,
    Rgb,
    /// Stored inverted, as Adobe and all other encoders do: 0 is full ink.
    Cmyk,
    /// The same, with the first three components as YCbCr.
    Ycck,
}

/// The fields of the frame header and of the segments around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) progressive: bool,
    pub(crate) color: ColorEncoding,
    /// Horizontal and vertical sampling factors of each component.
    factors: [(u8, u8); 4],
    /// Identifier of each component.
    ids: [u8; 4],
    components: u8,
    /// Offset of the first scan.
    first_scan: usize,
    /// Whether the first scan contains all components.
    pub(crate) interleaved: bool,
    pub(crate) metadata: Metadata,
    /// Size of the colour profile's segments in bytes.
    pub(crate) profile: u64,
}

/// One marker with its payload. `start` is the offset of its 0xFF, `end` the offset where the next one may begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) marker: u8,
    pub(crate) payload: &'a [u8],
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Walks the segments of a JPEG. After a scan's header the caller must call [`Segments::skip_scan`].
#[derive(Debug, Clone)]
pub(crate) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    /// Starts after the start of image.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 2 }
    }

    /// Skips the entropy-coded data, which includes stuffed zeros, restart markers and fill bytes.
    pub(crate) fn skip_scan(&mut self) {
        while let Some(found) = find_marker(self.bytes, self.at) {
            self.at = found;
            match self.bytes.get(found + 1) {
                Some(0 | 0xD0..=0xD7) => self.at += 2,
                Some(0xFF) => self.at += 1,
                Some(_) => return,
                None => break,
            }
        }
        self.at = self.bytes.len();
    }

    /// Current offset.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Returns the next segment, or `None` at the end of the bytes. Skips junk before a marker, as all decoders do.
    pub(crate) fn next(&mut self) -> Result<Option<Segment<'a>>, Error> {
        loop {
            let Some(start) = find_marker(self.bytes, self.at) else { return Ok(None) };
            let Some(&marker) = self.bytes.get(start + 1) else { return Ok(None) };
            self.at = start + 1;
            match marker {
                0xFF => {}
                0 | 1 | 0xD0..=0xD7 => self.at += 1,
                SOI => return Err(Error::damaged("a second start of image in the header")),
                EOI => {
                    self.at += 1;
                    return Ok(Some(Segment { marker, payload: &[], start, end: self.at }));
                }
                _ => {
                    let truncated = || Error::damaged("a marker segment is truncated");
                    let body = self.bytes.get(start + 2..).unwrap_or_default();
                    let length = usize::from(u16::from_be_bytes(*body.first_chunk().ok_or_else(truncated)?));
                    let payload = body.get(2..length).ok_or_else(truncated)?;
                    self.at = start + 2 + length;
                    return Ok(Some(Segment { marker, payload, start, end: self.at }));
                }
            }
        }
    }
}

/// Offset of the next 0xFF.
fn find_marker(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(0xFF, bytes.get(from..)?).map(|at| from + at)
}

impl Header {
    /// Reads the segments up to the first scan.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let mut segments = Segments::new(bytes);
        let mut frame = None;
        let mut app_segments = AppSegments::default();
        while let Some(segment) = segments.next()? {
            match segment.marker {
                0xC0..=0xC2 if frame.is_some() => return Err(Error::damaged("two frame headers")),
                0xC0..=0xC2 => frame = Some((segment.marker == 0xC2, segment.payload)),
                0xC3 => return Err(Error::Unsupported("lossless JPEG")),
                0xC5..=0xC7 | 0xCD..=0xCF | 0xDE | 0xDF => {
                    return Err(Error::Unsupported("hierarchical JPEG"));
                }
                0xC9..=0xCC => return Err(Error::Unsupported("arithmetic-coded JPEG")),
                SOS => {
                    let (progressive, payload) =
                        frame.ok_or_else(|| Error::damaged("a scan before the frame header"))?;
                    let components_in_scan = segment.payload.first().copied().unwrap_or(0);
                    let header = Self::new(progressive, payload, components_in_scan, &app_segments)?;
                    return Ok(Self { first_scan: segment.start, ..header });
                }
                EOI => break,
                marker => app_segments.add(marker, segment.payload),
            }
        }
        Err(Error::damaged("no scan"))
    }

    fn new(
        progressive: bool,
        payload: &[u8],
        components_in_scan: u8,
        app_segments: &AppSegments,
    ) -> Result<Self, Error> {
        let damaged = || Error::damaged("an invalid frame header");
        let &[precision, h1, h2, w1, w2, components] = payload.first_chunk().ok_or_else(damaged)?;
        if precision != 8 {
            return Err(Error::Unsupported("12-bit JPEG"));
        }
        let listed = payload[6..].as_chunks::<3>().0;
        let color =
            app_segments.color_encoding(listed.get(..usize::from(components)).ok_or_else(damaged)?)?;
        let (mut factors, mut ids) = ([(1, 1); 4], [0; 4]);
        for ((factor, id), [listed, sampling, _]) in factors.iter_mut().zip(&mut ids).zip(listed) {
            (*factor, *id) = ((sampling >> 4, sampling & 15), *listed);
        }
        let is_valid = |&(across, down): &(u8, u8)| (1..=4).contains(&across) && (1..=4).contains(&down);
        let (width, height) = (u16::from_be_bytes([w1, w2]), u16::from_be_bytes([h1, h2]));
        if width == 0 || height == 0 || !factors.iter().all(is_valid) {
            return Err(damaged());
        }
        // The factors of a single component have no meaning, and decoders treat them differently.
        if components == 1 {
            factors = [(1, 1); 4];
        }
        Ok(Self {
            width: width.into(),
            height: height.into(),
            progressive,
            color,
            factors,
            ids,
            components,
            first_scan: 0,
            interleaved: components_in_scan == components,
            metadata: app_segments.metadata,
            profile: app_segments.profile,
        })
    }

    /// Number of components: 1, 3 or 4.
    pub(crate) fn components(&self) -> u64 {
        self.components.into()
    }

    /// Number of samples that a decoder holds for all components at a scale of `eighths` / 8. Each component is padded
    /// to whole blocks of whole interleaved units.
    pub(crate) fn padded_samples(&self, eighths: u64) -> u64 {
        let (h_max, v_max) = self.max_factors();
        let across = u64::from(self.width).div_ceil(8 * h_max);
        let down = u64::from(self.height).div_ceil(8 * v_max);
        let blocks: u64 = self.factors().iter().map(|&(h, v)| u64::from(h) * u64::from(v)).sum();
        across * down * blocks * eighths * eighths
    }

    /// Number of blocks of all components.
    pub(crate) fn blocks(&self) -> u64 {
        self.padded_samples(8) / BLOCK
    }

    /// Number of blocks that a scan visits, by the payload of its header. Components that the frame lacks count
    /// nothing: they are an error.
    pub(crate) fn scan_blocks(&self, payload: &[u8]) -> u64 {
        let Some((&count, rest)) = payload.split_first() else { return 0 };
        let selectors = rest.as_chunks::<2>().0.iter().take(usize::from(count));
        let ids = &self.ids[..usize::from(self.components)];
        let component = |&[id, _]: &[u8; 2]| ids.iter().position(|listed| *listed == id);
        let components = selectors.filter_map(component).map(|index| self.factors[index]);
        let (h_max, v_max) = self.max_factors();
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        if count == 1 {
            // A scan of one component leaves out the padding of interleaved units (T.81 A.2.2).
            let side = |side: u64, factor: u8, max: u64| (side * u64::from(factor)).div_ceil(max * 8);
            return components.map(|(h, v)| side(width, h, h_max) * side(height, v, v_max)).sum();
        }
        let units = width.div_ceil(8 * h_max) * height.div_ceil(8 * v_max);
        components.map(|(h, v)| units * u64::from(h) * u64::from(v)).sum()
    }

    /// Work in blocks: a visit to each block by each scan that covers it, and one that turns it into pixels. It walks
    /// the markers, and stops at more scans than are decoded.
    pub(crate) fn work(&self, bytes: &[u8]) -> u64 {
        let mut segments = Segments { bytes, at: self.first_scan };
        let (mut scans, mut work) = (0, self.blocks());
        while let Ok(Some(segment)) = segments.next() {
            match segment.marker {
                EOI => break,
                SOS => {
                    work += self.scan_blocks(segment.payload);
                    scans += 1;
                    segments.skip_scan();
                }
                _ => {}
            }
            if scans > MAX_SCANS {
                break;
            }
        }
        work
    }

    /// The largest horizontal and vertical sampling factor.
    fn max_factors(&self) -> (u64, u64) {
        let max = |pick: fn(&(u8, u8)) -> u8| self.factors().iter().map(pick).max().unwrap_or(1).into();
        (max(|f| f.0), max(|f| f.1))
    }

    pub(crate) fn factors(&self) -> &[(u8, u8)] {
        &self.factors[..usize::from(self.components)]
    }
}

/// What the application segments (`APPn`) state.
#[derive(Debug, Default)]
struct AppSegments {
    jfif: bool,
    adobe: Option<u8>,
    metadata: Metadata,
    profile: u64,
}

impl AppSegments {
    fn add(&mut self, marker: u8, payload: &[u8]) {
        match marker {
            0xE0 => self.jfif |= payload.starts_with(b"JFIF\0"),
            0xE1 => {
                if payload.starts_with(b"Exif\0\0") {
                    self.metadata.add_exif(payload);
                } else if let Some(packet) = payload.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
                    self.metadata.add_xmp(packet);
                }
            }
            0xE2 if payload.starts_with(b"ICC_PROFILE\0") => self.profile += payload.len() as u64,
            APP14 if payload.starts_with(b"Adobe") => self.adobe = payload.get(11).copied(),
            _ => {}
        }
    }

    /// Derives the colour encoding in the order of libjpeg, except that identifiers that spell RGB come first.
    fn color_encoding(&self, components: &[[u8; 3]]) -> Result<ColorEncoding, Error> {
        match components {
            [_] => Ok(ColorEncoding::Grey),
            [[b'R', ..], [b'G', ..], [b'B', ..]] => Ok(ColorEncoding::Rgb),
            [_, _, _] if !self.jfif && self.adobe == Some(0) => Ok(ColorEncoding::Rgb),
            [_, _, _] => Ok(ColorEncoding::YCbCr),
            [_, _, _, _] if self.adobe == Some(2) => Ok(ColorEncoding::Ycck),
            [_, _, _, _] => Ok(ColorEncoding::Cmyk),
            _ => Err(Error::damaged("an invalid number of components")),
        }
    }
}
