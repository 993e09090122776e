//! Decodes the JPEG data of a chunk (Adobe's technical note 2 on TIFF) with jpeg-decoder, which decodes every kind of
//! scan right that is not refused by its name. The sizes in the data are checked before anything is allocated for them. Data that does not complete its
//! scans is an error.

use jpeg_decoder::ColorTransform;

use super::data::DataMeter;
use crate::{
    Error,
    decode::jpeg::strategy,
    decode::reader::MeteredReader,
    probe::jpeg,
    probe::jpeg::scans::MAX_SCANS,
    probe::jpeg::segments::{DHT, DQT, DRI, EOI, SOI, SOS, Segment, Segments},
    probe::tiff::{Colour, Header, JPEG_WORK},
    work::Meter,
};

/// Maximum size of the tables in bytes, those that all chunks share and those of the chunk.
const MAX_TABLES: usize = 64 << 10;

/// Ones, which begin no code of a scan, so that a decoder that reads on fails. Then the end of the image.
const TRAILER: &[u8] =
    b"\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\0\xFF\xFF\0\xFF\xD9";

/// The size that a chunk must have.
pub(super) struct Size {
    pub(super) width: u32,
    /// Rows within the page.
    pub(super) height: u32,
    pub(super) samples: usize,
}

/// Decodes a chunk to rows of samples.
pub(super) fn decode(
    tables: &[u8],
    data: &[u8],
    size: &Size,
    header: &Header,
    meter: &Meter<'_>,
    data_meter: &DataMeter<'_>,
) -> Result<Vec<u8>, Error> {
    meter.spend(JPEG_WORK)?;
    let jpeg = assemble(tables, data, data_meter)?;
    let frame = jpeg::Header::read(&jpeg)?;
    let chunk_height = header.layout.chunk_height.max(size.height);
    if frame.width != size.width || !(size.height..=chunk_height).contains(&frame.height) {
        return Err(Error::damaged("JPEG data of another size than its strip or tile"));
    }
    if frame.components() != size.samples as u64 {
        return Err(Error::damaged("JPEG data with another number of samples than its page"));
    }
    strategy::check(&frame)?;
    meter.spend(frame.work)?;
    let mut decoder = jpeg_decoder::Decoder::new(MeteredReader::new(&jpeg, meter));
    decoder.set_color_transform(match (size.samples, header.samples.colour) {
        (1, _) => ColorTransform::Grayscale,
        (3, Colour::YCbCr { .. }) => ColorTransform::YCbCr,
        (3, _) => ColorTransform::RGB,
        _ => ColorTransform::CMYK,
    });
    let mut samples = decoder.decode().map_err(Error::of_decoder)?;
    if size.samples == 4 {
        // The decoder expects four samples to be stored inverted, as in files of their own. In a TIFF they are not.
        for sample in &mut samples {
            *sample = !*sample;
        }
    }
    Ok(samples)
}

/// Puts the shared tables in front of those of the chunk, its frame and its scans. Leaves out everything else. Counts what
/// it reads, also where it leaves that out: chunks may share their data, and it may be segments without an end.
fn assemble(tables: &[u8], data: &[u8], data_meter: &DataMeter<'_>) -> Result<Vec<u8>, Error> {
    let mut jpeg = vec![0xFF, SOI];
    if tables.len() > MAX_TABLES {
        return Err(Error::damaged("tables that are too large"));
    }
    data_meter.spend(tables.len())?;
    let mut shared = Segments::new(tables);
    while let Some(segment) = shared.next()?.filter(|segment| segment.marker != EOI) {
        keep_table(&mut jpeg, &segment);
    }
    if !data.starts_with(&[0xFF, SOI]) {
        return Err(Error::damaged("no JPEG data"));
    }
    let (mut segments, mut scans, mut tables_size, mut counted) = (Segments::new(data), 0, 0, 0);
    loop {
        let next = segments.next()?;
        let read = if next.is_some() { segments.position() } else { data.len() };
        data_meter.spend(read - counted)?;
        counted = read;
        let Some(segment) = next.filter(|segment| segment.marker != EOI) else { break };
        match segment.marker {
            SOS => {
                scans += 1;
                segments.skip_scan();
                jpeg.extend_from_slice(&data[segment.start..segments.position()]);
            }
            // Every kind of frame, so that the header can name what is not decoded.
            0xC0..=0xC3 | 0xC5..=0xCF if scans == 0 => {
                jpeg.extend_from_slice(&data[segment.start..segment.end]);
            }
            _ => keep_table(&mut jpeg, &segment),
        }
        tables_size += if segment.marker == SOS { 0 } else { segment.payload.len() };
        if tables_size > MAX_TABLES {
            return Err(Error::damaged("tables that are too large"));
        }
        if scans > MAX_SCANS {
            return Err(Error::damaged("too many scans"));
        }
    }
    jpeg.extend_from_slice(TRAILER);
    Ok(jpeg)
}

/// Copies a segment if it is one of tables.
fn keep_table(jpeg: &mut Vec<u8>, segment: &Segment<'_>) {
    if !matches!(segment.marker, DQT | DHT | DRI) {
        return;
    }
    jpeg.extend_from_slice(&[0xFF, segment.marker]);
    jpeg.extend_from_slice(&(segment.payload.len() as u16 + 2).to_be_bytes());
    jpeg.extend_from_slice(segment.payload);
}

/// Maximum memory to decode a chunk.
pub(super) fn memory(header: &Header) -> u64 {
    let padded = |side: u32| u64::from(side.min(65_535)).next_multiple_of(32);
    let samples = padded(header.layout.chunk_width)
        * padded(header.layout.chunk_height)
        * if header.layout.planar { 1 } else { header.samples.count as u64 };
    // The planes, their coefficients where there are several scans, the result; and the data with its tables.
    5 * samples + 2 * header.largest_data + 3 * MAX_TABLES as u64
}
