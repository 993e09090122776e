//! Decodes the first frame of a GIF, on its canvas and over white. It decodes line by line, so a frame that is larger
//! than its canvas takes no extra memory.

use super::reader::MeteredReader;
use crate::work::{BLOCK, Meter};
use crate::{Error, probe::gif::Header, raster::zeroed};

/// Maximum size of the metadata before the first frame, in bytes.
const MAX_METADATA: u64 = 1 << 20;

/// Decodes the canvas to RGB.
pub(super) fn decode(bytes: &[u8], header: &Header, meter: &Meter<'_>) -> Result<Vec<u8>, Error> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    options.set_memory_limit(gif::MemoryLimit::Bytes(MAX_METADATA.try_into().map_err(Error::damaged)?));
    let mut decoder = options.read_info(MeteredReader::new(bytes, meter)).map_err(Error::damaged)?;
    let frame = decoder.next_frame_info().map_err(Error::damaged)?;
    let mut frame = frame.ok_or_else(|| Error::damaged("no frame"))?.clone();
    if (u32::from(frame.width), u32::from(frame.height)) != header.frame {
        return Err(Error::damaged("the decoded frame has another size than its header announces"));
    }
    let palette = frame.palette.take().or_else(|| decoder.global_palette().map(<[u8]>::to_vec));
    let palette = palette.unwrap_or_default();
    let colours = palette.as_chunks::<3>().0;
    let (width, height) = (header.width as usize, header.height as usize);
    let mut data = zeroed(3 * width as u64 * height as u64)?;
    data.fill(255);
    meter.spend(header.excess(bytes))?;
    let mut line = vec![0; usize::from(frame.width)];
    for row in stored_rows(usize::from(frame.height), frame.interlaced) {
        let row_work = u64::from(frame.width).div_ceil(BLOCK);
        meter.spend(row_work)?;
        // A pixel takes as long as four samples of other formats.
        meter.pace(3 * row_work);
        let filled = decoder.fill_buffer(&mut line).map_err(Error::damaged)?;
        if !filled {
            return Err(Error::damaged("the frame is truncated"));
        }
        let place = usize::from(frame.left)..width;
        let out = data.chunks_exact_mut(3 * width).nth(usize::from(frame.top) + row);
        let Some(out) = out.and_then(|out| out.as_chunks_mut::<3>().0.get_mut(place)) else { continue };
        for (pixel, &index) in out.iter_mut().zip(&line) {
            // An index without a colour counts as transparent.
            if let Some(colour) = colours.get(usize::from(index)).filter(|_| frame.transparent != Some(index))
            {
                *pixel = *colour;
            }
        }
    }
    Ok(data)
}

/// Row numbers in the order in which a frame stores its rows (`GIF89a`, appendix E).
fn stored_rows(height: usize, interlaced: bool) -> impl Iterator<Item = usize> {
    let passes: &[(usize, usize)] = if interlaced { &[(0, 8), (4, 8), (2, 4), (1, 2)] } else { &[(0, 1)] };
    passes.iter().flat_map(move |&(first, step)| (first..height).step_by(step))
}

/// See [`Probe::memory`](crate::Probe::memory).
pub(super) fn memory(header: &Header) -> u64 {
    3 * u64::from(header.width) * u64::from(header.height) + u64::from(header.frame.0) + 2 * MAX_METADATA
}
