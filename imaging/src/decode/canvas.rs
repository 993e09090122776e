//! The pixels of a picture while it is decoded, and their opacity from the first that is not opaque. The decoders of all
//! formats with transparency write here. Only the allocation of a buffer can fail.

use crate::raster::zeroed;
use crate::{Error, Raster};

const OPAQUE: u8 = 255;

/// A picture that is being decoded.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    data: Vec<u8>,
    opacity: Option<Vec<u8>>,
}

impl Canvas {
    /// A black, opaque picture.
    pub(super) fn new(width: u32, height: u32) -> Result<Self, Error> {
        let data = zeroed(3 * u64::from(width) * u64::from(height))?;
        Ok(Self::of(width, height, data))
    }

    /// A picture of decoded pixels, opaque so far.
    pub(super) fn of(width: u32, height: u32, data: Vec<u8>) -> Self {
        Self { width: width as usize, height: height as usize, data, opacity: None }
    }

    /// One row of pixels, from a column on. Empty outside of the picture.
    pub(super) fn row(&mut self, row: usize, column: usize) -> &mut [[u8; 3]] {
        let rows = self.data.as_chunks_mut::<3>().0;
        rows.get_mut(row * self.width + column.min(self.width)..(row + 1) * self.width).unwrap_or_default()
    }

    /// Notes the opacity of pixels in a row: every `step`th from a column on.
    pub(super) fn cover(
        &mut self,
        row: usize,
        column: usize,
        step: usize,
        opacity: &[u8],
    ) -> Result<(), Error> {
        if self.opacity.is_none() && opacity.iter().all(|value| *value == OPAQUE) {
            return Ok(());
        }
        let plane = match &mut self.opacity {
            Some(plane) => plane,
            none => {
                let mut plane = zeroed(self.width as u64 * self.height as u64)?;
                plane.fill(OPAQUE);
                none.insert(plane)
            }
        };
        let places = plane.get_mut(row * self.width + column..(row + 1) * self.width).unwrap_or_default();
        places.iter_mut().step_by(step).zip(opacity).for_each(|(place, &value)| *place = value);
        Ok(())
    }

    /// Converts the colours of all pixels in place.
    pub(super) fn map(self, convert: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, Error>) -> Result<Self, Error> {
        Ok(Self { data: convert(self.data)?, ..self })
    }

    /// Forgets an opacity that is 0 throughout: the writers of some formats leave the channel empty.
    pub(super) fn without_empty_opacity(mut self) -> Self {
        self.opacity = self.opacity.filter(|opacity| opacity.iter().any(|value| *value > 0));
        self
    }

    /// Forgets an opacity that is full throughout: a frame may cover all of a canvas that was transparent.
    pub(super) fn without_full_opacity(mut self) -> Self {
        self.opacity = self.opacity.filter(|opacity| opacity.iter().any(|value| *value < OPAQUE));
        self
    }

    /// Whether every pixel is fully transparent.
    pub(super) fn is_blank(&self) -> bool {
        self.opacity.as_ref().is_some_and(|opacity| opacity.iter().all(|value| *value == 0))
    }

    pub(super) fn into_raster(self) -> Option<Raster> {
        let raster = Raster::new(self.width as u32, self.height as u32, self.data)?;
        match self.opacity {
            Some(opacity) => raster.with_opacity(opacity),
            None => Some(raster),
        }
    }
}

/// Moves the colours of pixels of `N` samples, the last of which is opacity, to the front of the slice, and appends the
/// opacities to `opacity`. Returns the length of the colours.
pub(super) fn split<const N: usize>(samples: &mut [u8], opacity: &mut Vec<u8>) -> usize {
    let pixels = samples.len() / N;
    opacity.extend(samples.iter().skip(N - 1).step_by(N));
    for pixel in 0..pixels {
        samples.copy_within(pixel * N..pixel * N + N - 1, pixel * (N - 1));
    }
    pixels * (N - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opacity_is_kept_from_the_first_pixel_that_is_not_opaque() {
        let mut canvas = Canvas::new(3, 2).unwrap();
        canvas.cover(0, 0, 1, &[255; 3]).unwrap();
        assert!(canvas.opacity.is_none());
        canvas.cover(1, 1, 1, &[9, 255]).unwrap();
        canvas.cover(0, 0, 2, &[1, 2]).unwrap();
        assert_eq!(canvas.into_raster().unwrap().opacity().unwrap(), [1, 255, 2, 255, 9, 255]);
    }

    #[test]
    fn colours_and_opacity_are_split() {
        let (mut samples, mut opacity) = ([1, 2, 3, 4, 5, 6, 7, 8], Vec::new());
        assert_eq!(split::<4>(&mut samples, &mut opacity), 6);
        assert_eq!((&samples[..6], &opacity[..]), (&[1, 2, 3, 5, 6, 7][..], &[4, 8][..]));
        assert_eq!(split::<2>(&mut samples, &mut opacity), 4);
        assert_eq!(samples[..4], [1, 3, 6, 7]);
    }

    #[test]
    fn rows_end_with_the_picture() {
        let mut canvas = Canvas::new(3, 2).unwrap();
        assert_eq!(canvas.row(1, 1).len(), 2);
        assert!(canvas.row(1, 5).is_empty() && canvas.row(2, 0).is_empty());
    }
}
