//! Reduces a JPEG to what its pixels need: the tables, the frame header and the scans.
//!
//! Decoders keep data that they do not need (profiles, metadata), and fill the rest of the picture with grey when the
//! image ends early. This file therefore leaves out the other segments, and puts bits of one behind the scans. They
//! begin no Huffman code, so a decoder that reads on fails at once. Only then follows the end of image. A picture that
//! is incomplete, or that has too many scans or tables, is an error.

use super::reader::{JpegReader, Scan};
use crate::{
    Error,
    probe::jpeg::{
        Header,
        scans::MAX_SCANS,
        segments::{DHT, DQT, DRI, SOI, Segments},
    },
    work::Meter,
};

/// Maximum size of the tables before the first scan, in bytes. Real files have a few kilobytes.
const MAX_TABLES: usize = 64 << 10;
/// Maximum size of all segments between scans, in bytes. They may contain further tables.
const MAX_BETWEEN: usize = 256 << 10;

/// Offset of the factors of the first component in a frame header with its marker.
const ONLY_FACTORS: usize = 11;

/// The application segment of a frame of Motion JPEG, which has the standard Huffman tables (T.81 annex K.3) unless it
/// has its own. Both decoders know them.
const STANDARD_CODES: &[u8] = b"\xFF\xE0\0\x08AVI1\0\0";

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
    /// Walks the file once, up to the end of the picture. Rejects too many scans, and a picture that its scans do not
    /// complete: the missing parts would be grey or blurred.
    pub(super) fn new(bytes: &'a [u8], header: &Header, use_zune: bool) -> Result<Self, Error> {
        let (head, mut interval) = Self::head(bytes, header)?;
        let (mut list, mut between, mut restarts) = (Vec::new(), 0, 0);
        let (mut first, mut end) = (None, bytes.len());
        let mut scans = header.scans(bytes);
        while let Some(scan) = scans.next()? {
            let start = scan.start - *first.get_or_insert(scan.start);
            list.push(Scan { start, length: scan.end - scan.start, blocks: header.scan_blocks(&scan) });
            between += scan.between;
            interval = scan.restart_interval.unwrap_or(interval);
            restarts = header.restarts(&scan, interval);
            end = scan.end;
            if list.len() > MAX_SCANS || between > MAX_BETWEEN {
                return Err(Error::damaged("too many scans or tables"));
            }
        }
        let first = first.ok_or_else(|| Error::damaged("no scan"))?;
        if !scans.is_complete() {
            return Err(Error::damaged("too few scans to complete the picture"));
        }
        let scans = &bytes[first..end];
        let last = list.last().map_or(0, |scan| scan.start);
        Ok(Self { head, scans: &scans[..last + end_of_codes(&scans[last..], restarts, use_zune)], list })
    }

    /// Copies the segments before the first scan that a decoder needs. Returns them with the restart interval.
    fn head(bytes: &[u8], header: &Header) -> Result<(Vec<u8>, u16), Error> {
        let mut head = vec![0xFF, SOI];
        let (mut segments, mut has_codes, mut interval) = (Segments::new(bytes), false, 0);
        while let Some(segment) = segments.next()?.filter(|segment| segment.start < header.first_scan()) {
            has_codes |= segment.marker == DHT;
            interval = segment.restart_interval().unwrap_or(interval);
            let start = head.len();
            if matches!(segment.marker, 0xC0..=0xC2 | DQT | DHT | DRI) {
                head.extend_from_slice(&bytes[segment.start..segment.end]);
            }
            if matches!(segment.marker, 0xC0..=0xC2) && header.components() == 1 {
                // The factors of a single component have no meaning, and decoders treat them differently.
                if let Some(factors) = head.get_mut(start + ONLY_FACTORS) {
                    *factors = 0x11;
                }
            }
            if head.len() > MAX_TABLES {
                return Err(Error::damaged("too many scans or tables"));
            }
        }
        if !has_codes && !header.progressive {
            head.splice(2..2, STANDARD_CODES.iter().copied());
        }
        Ok((head, interval))
    }

    /// Creates a reader for a decoder.
    pub(super) fn reader<'s>(&'s self, meter: &'s Meter<'s>) -> JpegReader<'s> {
        JpegReader::new([&self.head, self.scans, TRAILER], &self.list, meter)
    }
}

/// Where the last scan ends at the latest. Without an end of image, whatever follows the picture looks like a part of
/// this scan. It ends before a restart marker beyond the last that belongs to it. Fill bytes that lead to no marker are
/// none; jpeg-decoder, which reads ahead, would take them for damage.
fn end_of_codes(scan: &[u8], restarts: u64, use_zune: bool) -> usize {
    let is_restart = |at: &usize| matches!(scan.get(at + 1), Some(0xD0..=0xD7));
    let end = memchr::memchr_iter(0xFF, scan).filter(is_restart).nth(restarts as usize);
    let scan = &scan[..end.unwrap_or(scan.len())];
    let fill = if use_zune { None } else { memchr::memmem::find(scan, b"\xFF\xFF\0") };
    let scan = &scan[..fill.unwrap_or(scan.len())];
    scan.len() - scan.iter().rev().take_while(|byte| **byte == 0xFF).count()
}
