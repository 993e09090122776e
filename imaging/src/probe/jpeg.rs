//! Reads the header of a JPEG (ITU-T T.81 annex B): all marker segments up to the first scan, and the headers of the
//! scans. The probe asks for it. Variants that no decoder supports are refused by their names; another invalid header is
//! damaged.

pub(crate) mod scans;
pub(crate) mod segments;

use crate::{Error, metadata::Metadata, work::BLOCK};
use scans::{MAX_SCANS, Scan, Scans};
use segments::{APP14, EOI, SOS, Segments};

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
    /// The components that have a scan of their own, as a set of bits.
    alone: u8,
    /// Whether quantisation tables come between the scans.
    pub(crate) requantised: bool,
    /// Work in blocks: a visit to each block by each scan that covers it, and one that turns it into pixels.
    pub(crate) work: u64,
    pub(crate) metadata: Metadata,
    /// Size of the colour profile's segments in bytes.
    pub(crate) profile: u64,
}

impl Header {
    /// Reads the segments up to the first scan.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let mut segments = Segments::new(bytes);
        let mut frame = None;
        let mut app_segments = AppSegments::default();
        while let Some(segment) = segments.next()? {
            if let Some(name) = unsupported(segment.marker) {
                return Err(Error::Unsupported(name));
            }
            match segment.marker {
                0xC0..=0xC2 if frame.is_some() => return Err(Error::damaged("two frame headers")),
                0xC0..=0xC2 => frame = Some((segment.marker == 0xC2, segment.payload)),
                SOS => {
                    let (progressive, payload) =
                        frame.ok_or_else(|| Error::damaged("a scan before the frame header"))?;
                    let mut header = Self::new(progressive, payload, &app_segments)?;
                    header.first_scan = segment.start;
                    header.read_scans(bytes);
                    return Ok(header);
                }
                EOI => break,
                marker => app_segments.add(marker, segment.payload),
            }
        }
        Err(Error::damaged("no scan"))
    }

    fn new(progressive: bool, payload: &[u8], app_segments: &AppSegments) -> Result<Self, Error> {
        let damaged = || Error::damaged("an invalid frame header");
        let &[precision, h1, h2, w1, w2, components] = payload.first_chunk().ok_or_else(damaged)?;
        match precision {
            8 => {}
            12 => return Err(Error::Unsupported("12-bit JPEG")),
            _ => return Err(damaged()),
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
        if height == 0 && width > 0 {
            // The number of lines follows the first scan (T.81 B.2.5). No decoder of today reads it, libjpeg included.
            return Err(Error::Unsupported("JPEG without a height in its header"));
        }
        if width == 0 || !factors.iter().all(is_valid) {
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
            interleaved: false,
            alone: 0,
            requantised: false,
            work: 0,
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

    /// Offset of the first scan.
    pub(crate) fn first_scan(&self) -> usize {
        self.first_scan
    }

    /// Reads the headers of the scans, as far as they can be read and are decoded.
    fn read_scans(&mut self, bytes: &[u8]) {
        let mut scans = self.scans(bytes);
        self.work = self.blocks();
        for index in 0..=MAX_SCANS {
            let Ok(Some(scan)) = scans.next() else { break };
            self.work += self.scan_blocks(&scan);
            self.requantised |= scan.is_requantised;
            self.interleaved |= index == 0 && scan.components() == self.components;
            if scan.components() == 1 {
                self.alone |= self.indices(&scan).fold(0, |set, index| set | 1 << index);
            }
        }
    }

    /// The scans of the picture.
    pub(crate) fn scans<'a>(&self, bytes: &'a [u8]) -> Scans<'a> {
        Scans::new(bytes, self.first_scan, self.progressive, &self.ids[..usize::from(self.components)])
    }

    /// The components that a scan contains. Those that the frame lacks are left out: they are an error.
    fn indices(&self, scan: &Scan<'_>) -> impl Iterator<Item = usize> {
        let ids = &self.ids[..usize::from(self.components)];
        scan.ids().filter_map(|id| ids.iter().position(|listed| *listed == id))
    }

    /// Number of blocks that a scan visits.
    pub(crate) fn scan_blocks(&self, scan: &Scan<'_>) -> u64 {
        let alone = scan.components() == 1;
        let blocks = |index| if alone { self.blocks_alone(index) } else { self.padded_blocks(index) };
        self.indices(scan).map(blocks).map(|(across, down)| across * down).sum()
    }

    /// Number of restart markers in a scan with this interval (T.81 B.2.1).
    pub(crate) fn restarts(&self, scan: &Scan<'_>, interval: u16) -> u64 {
        let alone = self.indices(scan).next().filter(|_| scan.components() == 1);
        let (across, down) = alone.map_or_else(|| self.units(), |index| self.blocks_alone(index));
        if interval == 0 { 0 } else { (across * down).div_ceil(interval.into()) - 1 }
    }

    /// Interleaved units across and down.
    fn units(&self) -> (u64, u64) {
        let (h_max, v_max) = self.max_factors();
        (u64::from(self.width).div_ceil(8 * h_max), u64::from(self.height).div_ceil(8 * v_max))
    }

    /// Blocks across and down of a component in a scan of several: whole interleaved units.
    pub(crate) fn padded_blocks(&self, index: usize) -> (u64, u64) {
        let ((across, down), (h, v)) = (self.units(), self.factors[index]);
        (across * u64::from(h), down * u64::from(v))
    }

    /// Blocks across and down of a component in a scan of its own, which leaves out that padding (T.81 A.2.2).
    pub(crate) fn blocks_alone(&self, index: usize) -> (u64, u64) {
        let ((h_max, v_max), (h, v)) = (self.max_factors(), self.factors[index]);
        let blocks =
            |side: u32, factor: u8, max: u64| (u64::from(side) * u64::from(factor)).div_ceil(8 * max);
        (blocks(self.width, h, h_max), blocks(self.height, v, v_max))
    }

    /// The components that have a scan of their own.
    pub(crate) fn components_alone(&self) -> impl Iterator<Item = usize> {
        (0..usize::from(self.components)).filter(|index| self.alone & 1 << index != 0)
    }

    /// The largest horizontal and vertical sampling factor.
    pub(crate) fn max_factors(&self) -> (u64, u64) {
        let max = |pick: fn(&(u8, u8)) -> u8| self.factors().iter().map(pick).max().unwrap_or(1).into();
        (max(|f| f.0), max(|f| f.1))
    }

    pub(crate) fn factors(&self) -> &[(u8, u8)] {
        &self.factors[..usize::from(self.components)]
    }
}

/// The name of the variant that a marker before the first scan announces, if no decoder supports it.
fn unsupported(marker: u8) -> Option<&'static str> {
    match marker {
        0xC3 => Some("lossless JPEG"),
        0xC5..=0xC7 | 0xCD..=0xCF | 0xDE | 0xDF => Some("hierarchical JPEG"),
        0xC9..=0xCC => Some("arithmetic-coded JPEG"),
        0xF7 | 0xF8 => Some("JPEG-LS"),
        _ => None,
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
            [] => Err(Error::damaged("no components")),
            [_, _] => Err(Error::Unsupported("JPEG of two components")),
            _ => Err(Error::Unsupported("JPEG of more than four components")),
        }
    }
}
