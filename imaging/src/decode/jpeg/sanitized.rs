//! Reduces a JPEG to what its pixels need: the tables, the frame header and the scans.
//!
//! Decoders keep data that they do not need (profiles, metadata), and fill the rest of the picture with grey when the
//! image ends early. This file therefore leaves out the other segments, and puts bits of one behind the scans. They
//! begin no Huffman code, so a decoder that reads on fails at once. Only then follows the end of image. A picture that
//! is incomplete, or that has too many scans or tables, is an error.

use super::reader::{JpegReader, Scan};
use crate::{
    Error,
    probe::jpeg::{DHT, DQT, DRI, EOI, Header, MAX_SCANS, SOI, SOS, Segment, Segments},
    work::Meter,
};

/// Maximum size of the tables before the first scan, in bytes. Real files have a few kilobytes.
const MAX_TABLES: usize = 64 << 10;
/// Maximum size of all segments between scans, in bytes. They may contain further tables.
const MAX_BETWEEN: usize = 256 << 10;

/// Stuffed ones, more than any decoder reads ahead, then a sequence that is an error within a scan and ignored outside
/// of one, then the end of image.
const TRAILER: &[u8] =
    b"\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\xFF\0\xFF\xD9";

/// The parts of a JPEG that contain its pixels.
pub(super) struct SanitizedJpeg<'a> {
    head: Vec<u8>,
    scans: &'a [u8],
    /// Where each scan begins in `scans`, and its work.
    list: Vec<Scan>,
}

impl<'a> SanitizedJpeg<'a> {
    /// Walks the whole file once. Rejects too many scans, and a picture that its scans do not complete: the missing
    /// parts would be grey or blurred.
    pub(super) fn new(bytes: &'a [u8], header: &Header) -> Result<Self, Error> {
        let mut segments = Segments::new(bytes);
        let mut head = vec![0xFF, SOI];
        let (mut list, mut first, mut between, mut end) = (Vec::new(), None, 0, bytes.len());
        let mut coverage = ScanCoverage::default();
        while let Some(segment) = segments.next()? {
            match segment.marker {
                EOI => {
                    end = segment.start;
                    break;
                }
                SOS => {
                    let start = segment.start - *first.get_or_insert(segment.start);
                    coverage.add_scan(segment.payload, header.progressive);
                    segments.skip_scan();
                    let length = segments.position() - segment.start;
                    list.push(Scan { start, length, blocks: header.scan_blocks(segment.payload) });
                    end = segments.position();
                }
                marker if first.is_some() => {
                    // The decoder does not see segments behind the last scan.
                    between += segment.payload.len();
                    if matches!(marker, 0xC0..=0xC3 | 0xC5..=0xCF) {
                        return Err(Error::damaged("a frame header after a scan"));
                    }
                }
                marker => Self::keep_if_needed(&mut head, marker, segment, bytes, &mut coverage),
            }
            if list.len() > MAX_SCANS || between > MAX_BETWEEN || head.len() > MAX_TABLES {
                return Err(Error::damaged("too many scans or tables"));
            }
        }
        let first = first.ok_or_else(|| Error::damaged("no scan"))?;
        if !coverage.is_complete() {
            return Err(Error::damaged("too few scans to complete the picture"));
        }
        Ok(Self { head, scans: &bytes[first..end.max(first)], list })
    }

    /// Copies the segments that a decoder needs.
    fn keep_if_needed(
        head: &mut Vec<u8>,
        marker: u8,
        segment: Segment<'_>,
        bytes: &[u8],
        coverage: &mut ScanCoverage,
    ) {
        let is_frame = matches!(marker, 0xC0..=0xC2);
        if is_frame {
            coverage.add_frame(segment.payload);
        }
        if (is_frame || matches!(marker, DQT | DHT | DRI)) && head.len() <= MAX_TABLES {
            head.extend_from_slice(&bytes[segment.start..segment.end]);
        }
    }

    /// Creates a reader for a decoder.
    pub(super) fn reader<'s>(&'s self, meter: &'s Meter<'s>) -> JpegReader<'s> {
        JpegReader::new([&self.head, self.scans, TRAILER], &self.list, meter)
    }
}

/// Records which coefficients of each component the scans deliver.
#[derive(Default)]
struct ScanCoverage {
    /// Identifier and bit set of delivered coefficients of each component.
    components: [Option<(u8, u64)>; 4],
}

impl ScanCoverage {
    fn add_frame(&mut self, payload: &[u8]) {
        let listed = payload.get(6..).unwrap_or_default().as_chunks::<3>().0;
        for (slot, [id, ..]) in self.components.iter_mut().zip(listed) {
            *slot = Some((*id, 0));
        }
    }

    /// T.81 B.2.3: component selectors, then the spectral band and the bits of the approximation.
    fn add_scan(&mut self, payload: &[u8], progressive: bool) {
        let Some((&count, rest)) = payload.split_first() else { return };
        let count = usize::from(count);
        let Some((selectors, &[start, stop, bits])) =
            rest.split_at_checked(2 * count).and_then(|(s, band)| Some((s, band.first_chunk::<3>()?)))
        else {
            return;
        };
        let sent = match (progressive, bits & 15) {
            (false, _) => u64::MAX,
            (true, 0) => (start..=stop.min(63)).fold(0, |sent, index| sent | 1_u64 << index),
            (true, _) => 0,
        };
        for [id, _] in selectors.as_chunks::<2>().0 {
            for (listed, coefficients) in self.components.iter_mut().flatten() {
                if listed == id {
                    *coefficients |= sent;
                }
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.components.iter().flatten().all(|(_, sent)| *sent == u64::MAX)
    }
}
