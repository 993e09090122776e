//! Walks the scans of a JPEG until they complete the picture (ITU-T T.81 B.2.3 and G.1.1.1). What follows decides
//! nothing: other pictures, trailers, a missing end of image. Only further scans of a progressive picture count, because
//! a decoder reads them. The probe adds up the work of the scans with it, and the decoder builds its input. A scan may be
//! empty or damaged, but a frame header before the picture is complete is an error.

use super::segments::{DQT, EOI, SOS, Segment, Segments};
use crate::Error;

/// Maximum number of scans. Encoders write fewer; a "scan bomb" has thousands.
pub(crate) const MAX_SCANS: usize = 100;

/// All coefficients of a block.
const ALL: u64 = u64::MAX;

/// One scan, with the offsets of its marker and of the end of its entropy-coded data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scan<'a> {
    /// The payload of its header.
    pub(crate) header: &'a [u8],
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Size of the payloads of all segments between the previous scan and this one.
    pub(crate) between: usize,
    /// Whether quantisation tables are among these.
    pub(crate) is_requantised: bool,
    /// The restart interval, if it is among these.
    pub(crate) restart_interval: Option<u16>,
}

impl Scan<'_> {
    /// Number of components that it contains.
    pub(crate) fn components(&self) -> u8 {
        self.header.first().copied().unwrap_or(0)
    }

    /// Identifiers of its components.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u8> {
        let selectors = self.header.get(1..).unwrap_or_default().as_chunks::<2>().0;
        selectors.iter().take(self.components().into()).map(|[id, _]| *id)
    }

    /// The coefficients of each block whose last bits it delivers, as a set of bits.
    fn completed(&self, progressive: bool) -> u64 {
        let band = self.header.get(1 + 2 * usize::from(self.components())..).and_then(<[u8]>::first_chunk);
        match band {
            Some(_) if !progressive => ALL,
            Some(&[start, stop, approximation]) if approximation.trailing_zeros() >= 4 => {
                (start..=stop.min(63)).fold(0, |set, index| set | 1_u64 << index)
            }
            _ => 0,
        }
    }
}

/// Iterates over the scans, up to the one that completes the picture.
#[derive(Debug, Clone)]
pub(crate) struct Scans<'a> {
    segments: Segments<'a>,
    progressive: bool,
    /// The identifier of each component, and which of its coefficients are complete.
    components: [(u8, u64); 4],
}

impl<'a> Scans<'a> {
    /// Starts at the first scan. `ids` are the identifiers of the frame's components, at most four.
    pub(crate) fn new(bytes: &'a [u8], first_scan: usize, progressive: bool, ids: &[u8]) -> Self {
        let mut components = [(0, ALL); 4];
        for (component, id) in components.iter_mut().zip(ids) {
            *component = (*id, 0);
        }
        Self { segments: Segments::at(bytes, first_scan), progressive, components }
    }

    /// Returns the next scan, or `None` when the picture is complete or the file ends.
    pub(crate) fn next(&mut self) -> Result<Option<Scan<'a>>, Error> {
        if !self.is_complete() {
            return self.find();
        }
        let ids = self.components.map(|(id, _)| id);
        let further = if self.progressive { self.find().unwrap_or_default() } else { None };
        Ok(further.filter(|scan| scan.ids().all(|id| ids.contains(&id))))
    }

    fn find(&mut self) -> Result<Option<Scan<'a>>, Error> {
        let (mut between, mut is_requantised, mut restart_interval) = (0, false, None);
        while let Some(segment) = self.segments.next()? {
            match segment.marker {
                EOI => break,
                SOS => {
                    let scan = self.add(segment);
                    return Ok(Some(Scan { between, is_requantised, restart_interval, ..scan }));
                }
                0xC0..=0xC3 | 0xC5..=0xCF => return Err(Error::damaged("a frame header after a scan")),
                marker => {
                    between += segment.payload.len();
                    is_requantised |= marker == DQT;
                    restart_interval = segment.restart_interval().or(restart_interval);
                }
            }
        }
        Ok(None)
    }

    /// Whether the scans so far deliver all coefficients of all components.
    pub(crate) fn is_complete(&self) -> bool {
        self.components.iter().all(|(_, complete)| *complete == ALL)
    }

    fn add(&mut self, segment: Segment<'a>) -> Scan<'a> {
        self.segments.skip_scan();
        let (start, end) = (segment.start, self.segments.position());
        let header = segment.payload;
        let scan = Scan { header, start, end, between: 0, is_requantised: false, restart_interval: None };
        let completed = scan.completed(self.progressive);
        for id in scan.ids() {
            for (_, complete) in self.components.iter_mut().filter(|(listed, _)| *listed == id) {
                *complete |= completed;
            }
        }
        scan
    }
}
