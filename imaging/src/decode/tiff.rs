//! Decodes the picture of a TIFF to RGB and opacity, strip by strip or tile by tile (the code calls both chunks), and row
//! by row. A chunk is decompressed only as far as the page reaches. The probe has refused what is not decoded.

mod data;
mod fax;
mod jpeg;
mod lzw;
mod pack_bits;
mod pixels;
mod predictor;
mod ycbcr;
mod zstandard;

use std::io::{Cursor, ErrorKind, Read};

use super::canvas::Canvas;
use crate::{
    Error,
    probe::tiff::{CHUNK_WORK, ChunkList, Colour, Compression, Header, Predictor},
    profile,
    work::Meter,
};
use data::{ChunkData, DataMeter};
use pixels::PixelConverter;
use predictor::RowFormat;

/// Decodes the page to RGB.
pub(super) fn decode(bytes: &[u8], header: &Header, meter: &Meter<'_>) -> Result<Canvas, Error> {
    let is_jpeg = header.compression == Compression::Jpeg;
    let mut converter = PixelConverter::new(bytes, header, is_jpeg)?;
    let layout = header.layout;
    let mut canvas = Canvas::new(layout.width, layout.height)?;
    let data_meter = DataMeter::new(meter, header.max_data(bytes.len() as u64));
    let page = Page {
        bytes,
        header,
        chunks: header.chunks(bytes)?,
        jpeg_tables: header.jpeg_tables(bytes).unwrap_or_default(),
        data_meter: &data_meter,
        meter,
    };
    let mut opacity = Vec::new();
    for chunk in 0..layout.chunks() {
        let (left, top) =
            (chunk % layout.columns() * layout.chunk_width, chunk / layout.columns() * layout.chunk_height);
        let width = layout.chunk_width.min(layout.width - left) as usize;
        let height = layout.chunk_height.min(layout.height - top);
        let mut rows = ChunkRows::open(&page, chunk, height)?;
        for row in top..top + height {
            meter.spend(header.row_work())?;
            let samples = rows.next()?;
            let out = &mut canvas.row(row as usize, left as usize)[..width];
            opacity.clear();
            converter.convert(samples, out, &mut opacity);
            canvas.cover(row as usize, left as usize, 1, &opacity)?;
        }
    }
    Ok(canvas)
}

/// What the chunks of a page have in common.
struct Page<'a> {
    bytes: &'a [u8],
    header: &'a Header,
    chunks: ChunkList<'a>,
    jpeg_tables: &'a [u8],
    data_meter: &'a DataMeter<'a>,
    meter: &'a Meter<'a>,
}

/// Reads the rows of a chunk.
struct ChunkRows<'a> {
    /// One reader for all samples, or one for each plane that is used.
    readers: Vec<Box<dyn Read + 'a>>,
    rows: Vec<Vec<u8>>,
    /// The format of a row that is stored as differences.
    differences: Option<RowFormat>,
}

impl<'a> ChunkRows<'a> {
    /// Opens a chunk, of which `height` rows lie within the page.
    fn open(page: &Page<'a>, chunk: u32, height: u32) -> Result<Self, Error> {
        let header = page.header;
        let planes: Vec<u32> = if header.layout.planar {
            let colours = 0..header.samples.colour.samples();
            let alpha = header.samples.alpha.map(|alpha| alpha.index);
            colours.chain(alpha).map(|plane| plane as u32).collect()
        } else {
            vec![0]
        };
        let readers = planes
            .iter()
            .map(|plane| {
                page.meter.spend(CHUNK_WORK)?;
                page.open(u64::from(*plane) * u64::from(header.layout.chunks()) + u64::from(chunk), height)
            })
            .collect::<Result<_, _>>()?;
        let rows = vec![vec![0; header.chunk_row_bytes()]; planes.len()];
        let differences = (header.predictor == Predictor::Horizontal).then_some(RowFormat {
            step: if header.layout.planar { 1 } else { header.samples.count },
            wide: header.samples.depth > 8,
            big_endian: header.big_endian,
        });
        Ok(Self { readers, rows, differences })
    }

    /// Reads the next row of each plane.
    fn next(&mut self) -> Result<&[Vec<u8>], Error> {
        for (reader, row) in self.readers.iter_mut().zip(&mut self.rows) {
            reader.read_exact(row).map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => Error::damaged("a strip or tile is truncated"),
                _ => Error::of_decoder(error),
            })?;
            if let Some(format) = self.differences {
                predictor::undo(row, format);
            }
        }
        Ok(&self.rows)
    }
}

impl<'a> Page<'a> {
    /// Opens the data of a chunk, by its number among those of all planes.
    fn open(&self, chunk: u64, height: u32) -> Result<Box<dyn Read + 'a>, Error> {
        let header = self.header;
        let span = u32::try_from(chunk).ok().and_then(|chunk| self.chunks.span(chunk));
        let (start, end) = span.ok_or_else(|| Error::damaged("a strip or tile is missing"))?;
        // Plain samples end where they end. Some writers state a wrong size.
        let end = if header.compression == Compression::None { self.bytes.len() } else { end };
        let bytes = self.bytes.get(start..end.min(self.bytes.len()));
        let bytes = bytes.ok_or_else(|| Error::damaged("a strip or tile behind the end of the file"))?;
        let data = ChunkData::new(bytes, header.reversed_bits, self.data_meter);
        let width = header.layout.chunk_width;
        let reader: Box<dyn Read + 'a> = match header.compression {
            Compression::None => Box::new(data),
            Compression::PackBits => Box::new(pack_bits::PackBits::new(data)),
            Compression::Lzw => Box::new(lzw::Lzw::new(data, self.meter).map_err(Error::of_decoder)?),
            Compression::Deflate => Box::new(flate2::bufread::ZlibDecoder::new(data)),
            Compression::Zstandard => zstandard::open(data, chunk_bytes(header), self.meter)?,
            Compression::Fax(coding) => {
                Box::new(fax::FaxRows::new(data, coding, width).map_err(Error::of_decoder)?)
            }
            Compression::Jpeg => Box::new(Cursor::new(self.decode_jpeg(bytes, height)?)),
        };
        Ok(match header.samples.colour {
            Colour::YCbCr { across, down } if header.compression != Compression::Jpeg => {
                let unit = (usize::from(across), usize::from(down));
                Box::new(ycbcr::SharedChroma::new(reader, width as usize, unit))
            }
            _ => reader,
        })
    }

    fn decode_jpeg(&self, data: &[u8], height: u32) -> Result<Vec<u8>, Error> {
        let header = self.header;
        let samples = if header.layout.planar { 1 } else { header.samples.count };
        let size = jpeg::Size { width: header.layout.chunk_width, height, samples };
        jpeg::decode(self.jpeg_tables, data, &size, header, self.meter, self.data_meter)
    }
}

/// Size of a chunk, or of a plane of it, in bytes.
fn chunk_bytes(header: &Header) -> u64 {
    header.chunk_row_bytes() as u64 * u64::from(header.layout.chunk_height)
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn memory(header: &Header) -> u64 {
    let raster = 3 * u64::from(header.layout.width) * u64::from(header.layout.height);
    // A few rows.
    let rows = 16 * u64::from(header.layout.chunk_width) * (header.samples.count as u64 + 4);
    let readers = if header.layout.planar { header.used_samples() as u64 } else { 1 };
    let decompressor = match header.compression {
        Compression::None | Compression::PackBits | Compression::Fax(_) => 4 << 10,
        Compression::Lzw | Compression::Deflate => 64 << 10,
        Compression::Zstandard => zstandard::memory(chunk_bytes(header)),
        Compression::Jpeg => jpeg::memory(header),
    };
    raster.saturating_add(rows).saturating_add(readers * decompressor)
        + profile::tagged_memory(header.profile, header.metadata.adobe_rgb)
}
