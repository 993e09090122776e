//! The header of a JPEG (ITU-T T.81 annex B): every marker segment up to the first scan. Walked by the probe,
//! and by the decoder, which builds its stream from the same segments.

use crate::{Error, Orientation, ifd::Directory};

pub(crate) const SOI: u8 = 0xD8;
pub(crate) const EOI: u8 = 0xD9;
pub(crate) const SOS: u8 = 0xDA;
pub(crate) const DQT: u8 = 0xDB;
pub(crate) const DHT: u8 = 0xC4;
pub(crate) const DRI: u8 = 0xDD;
pub(crate) const APP14: u8 = 0xEE;

/// What the samples of a JPEG mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Samples {
    Grey,
    YCbCr,
    Rgb,
    /// Stored inverted, as Adobe does and everybody after it: 0 is full ink.
    Cmyk,
    /// The same, its first three as YCbCr.
    Ycck,
}

/// What a frame header says, and what the segments around it add.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) progressive: bool,
    pub(crate) samples: Samples,
    /// Horizontal and vertical sampling factors, one pair a component.
    factors: [(u8, u8); 4],
    components: u8,
    /// Whether the first scan holds all components.
    pub(crate) interleaved: bool,
    pub(crate) orientation: Orientation,
    /// Bytes of the colour profile's segments.
    pub(crate) profile: u64,
}

/// One marker with its payload. `start` is where its 0xFF lies, `end` where the next one may begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) marker: u8,
    pub(crate) payload: &'a [u8],
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The segments of a JPEG, one after the other; behind a scan's header [`Segments::skip_scan`] must be called.
#[derive(Debug, Clone)]
pub(crate) struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    /// Begins behind the start of image.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 2 }
    }

    /// Passes over entropy-coded bytes: stuffed zeros, restarts and fill bytes belong to them.
    pub(crate) fn skip_scan(&mut self) {
        while let Some(found) = find(self.bytes, self.at) {
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

    /// Where the walk stands.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The next segment, or `None` at the end of the bytes. Junk before a marker is passed over, as all
    /// decoders do.
    pub(crate) fn next(&mut self) -> Result<Option<Segment<'a>>, Error> {
        loop {
            let Some(start) = find(self.bytes, self.at) else { return Ok(None) };
            let Some(&marker) = self.bytes.get(start + 1) else { return Ok(None) };
            self.at = start + 1;
            match marker {
                0xFF => {}
                0 | 1 | 0xD0..=0xD7 => self.at += 1,
                SOI => return Err(Error::damaged("a picture within the picture's header")),
                EOI => {
                    self.at += 1;
                    return Ok(Some(Segment { marker, payload: &[], start, end: self.at }));
                }
                _ => {
                    let cut = || Error::damaged("a marker segment is cut off");
                    let body = self.bytes.get(start + 2..).unwrap_or_default();
                    let length = usize::from(u16::from_be_bytes(*body.first_chunk().ok_or_else(cut)?));
                    let payload = body.get(2..length).ok_or_else(cut)?;
                    self.at = start + 2 + length;
                    return Ok(Some(Segment { marker, payload, start, end: self.at }));
                }
            }
        }
    }
}

/// Where the next 0xFF lies.
fn find(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(0xFF, bytes.get(from..)?).map(|at| from + at)
}

impl Header {
    /// Reads the segments up to the first scan.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let mut segments = Segments::new(bytes);
        let mut frame = None;
        let mut marks = Marks::default();
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
                    let in_scan = segment.payload.first().copied().unwrap_or(0);
                    return Self::new(progressive, payload, in_scan, &marks);
                }
                EOI => break,
                marker => marks.note(marker, segment.payload),
            }
        }
        Err(Error::damaged("no scan"))
    }

    fn new(progressive: bool, payload: &[u8], in_scan: u8, marks: &Marks) -> Result<Self, Error> {
        let damaged = || Error::damaged("a bad frame header");
        let &[precision, h1, h2, w1, w2, components] = payload.first_chunk().ok_or_else(damaged)?;
        if precision != 8 {
            return Err(Error::Unsupported("12-bit JPEG"));
        }
        let listed = payload[6..].as_chunks::<3>().0;
        let samples = marks.samples(listed.get(..usize::from(components)).ok_or_else(damaged)?)?;
        let mut factors = [(1, 1); 4];
        for (factor, [_, sampling, _]) in factors.iter_mut().zip(listed) {
            *factor = (sampling >> 4, sampling & 15);
        }
        let sound = |&(across, down): &(u8, u8)| (1..=4).contains(&across) && (1..=4).contains(&down);
        let (width, height) = (u16::from_be_bytes([w1, w2]), u16::from_be_bytes([h1, h2]));
        if width == 0 || height == 0 || !factors.iter().all(sound) {
            return Err(damaged());
        }
        // The factors of a single component say nothing, and decoders disagree about them.
        if components == 1 {
            factors = [(1, 1); 4];
        }
        Ok(Self {
            width: width.into(),
            height: height.into(),
            progressive,
            samples,
            factors,
            components,
            interleaved: in_scan == components,
            orientation: marks.orientation.unwrap_or_default(),
            profile: marks.profile,
        })
    }

    /// How many components there are: 1, 3 or 4.
    pub(crate) fn components(&self) -> u64 {
        self.components.into()
    }

    /// Samples of all components at an eighth of `eighths`, each component padded to whole blocks of whole
    /// interleaved units, as decoders hold them.
    pub(crate) fn padded_samples(&self, eighths: u64) -> u64 {
        let most = |pick: fn(&(u8, u8)) -> u8| self.factors().iter().map(pick).max().unwrap_or(1).into();
        let (h_max, v_max): (u64, u64) = (most(|f| f.0), most(|f| f.1));
        let across = u64::from(self.width).div_ceil(8 * h_max);
        let down = u64::from(self.height).div_ceil(8 * v_max);
        let blocks: u64 = self.factors().iter().map(|&(h, v)| u64::from(h) * u64::from(v)).sum();
        across * down * blocks * eighths * eighths
    }

    pub(crate) fn factors(&self) -> &[(u8, u8)] {
        &self.factors[..usize::from(self.components)]
    }
}

/// What the application segments told.
#[derive(Debug, Default)]
struct Marks {
    jfif: bool,
    adobe: Option<u8>,
    orientation: Option<Orientation>,
    profile: u64,
}

impl Marks {
    fn note(&mut self, marker: u8, payload: &[u8]) {
        match marker {
            0xE0 => self.jfif |= payload.starts_with(b"JFIF\0"),
            0xE1 if self.orientation.is_none() => {
                self.orientation = payload.strip_prefix(b"Exif\0\0").map(orientation);
            }
            0xE2 if payload.starts_with(b"ICC_PROFILE\0") => self.profile += payload.len() as u64,
            APP14 if payload.starts_with(b"Adobe") => self.adobe = payload.get(11).copied(),
            _ => {}
        }
    }

    /// What the components mean; the order of the questions is libjpeg's, but identifiers that spell RGB are
    /// believed first.
    fn samples(&self, components: &[[u8; 3]]) -> Result<Samples, Error> {
        match components {
            [_] => Ok(Samples::Grey),
            [[b'R', ..], [b'G', ..], [b'B', ..]] => Ok(Samples::Rgb),
            [_, _, _] if !self.jfif && self.adobe == Some(0) => Ok(Samples::Rgb),
            [_, _, _] => Ok(Samples::YCbCr),
            [_, _, _, _] if self.adobe == Some(2) => Ok(Samples::Ycck),
            [_, _, _, _] => Ok(Samples::Cmyk),
            _ => Err(Error::damaged("a number of components that no colour has")),
        }
    }
}

/// The orientation that an EXIF block gives.
pub(crate) fn orientation(exif: &[u8]) -> Orientation {
    let value = Directory::first(exif).and_then(|directory| directory.number(274));
    value.map(Orientation::from_exif).unwrap_or_default()
}
