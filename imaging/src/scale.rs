//! Resizes a rectangle of a raster. The engine does all its resizing here, so that filters and buffers are chosen in
//! one place. A rectangle that leaves the raster is moved inside it; only a failed resizer call is an error.
//!
//! What people look at is reduced to half or less in linear light: an average of sRGB samples is too dark, so fine lines and
//! stars on a dark ground would fade. The linear samples take twice the memory. They are made for a band of rows at a time.

mod linear_light;

use std::ops::Range;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8x3, U16x3};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::subpixel_rect::SubpixelRect;
use crate::{Error, Raster};

/// Resizes rasters. Each thread has its own. Between calls it holds no buffers.
#[derive(Default)]
pub(crate) struct Scaler {
    resizer: Resizer,
}

/// Minimum number of source rows that a draft averages into one row of the result. It skips rows beyond that.
const MIN_DRAFT_ROWS: u32 = 3;

/// How often larger the source must be to be reduced in linear light. It costs several times as much, and what is reduced by
/// less shows hardly a difference.
const LEAST_REDUCTION: f64 = 2.0;

/// How far the filter that reduces reaches, in pixels of the reduced picture.
const REACH: f64 = 1.0;

/// Rows of the result in a band of linear samples. The rows that two bands share are converted twice.
const BAND_ROWS: u32 = 128;
/// The same for pictures so large that a band would be larger than [`BAND_BYTES`].
const MIN_BAND_ROWS: u32 = 16;
const BAND_BYTES: f64 = (8 << 20) as f64;

/// Bytes of a pixel in linear light.
const LINEAR_PIXEL: u64 = 6;

impl Scaler {
    /// Maximum memory in bytes for a resize to `width` × `height`, without source and result. `columns` and `rows` of the
    /// source take part, including the reach of the filter.
    pub(crate) fn memory((columns, rows): (u32, u32), (width, height): (u32, u32)) -> u64 {
        // For bytes, the vertical pass comes first: its result is as wide as the source and as high as the result.
        let bytes = (u64::from(columns) + 1) * u64::from(height) * 3;
        let scale = f64::from(rows) / f64::from(height);
        let band = band_rows(columns, scale).min(height);
        // For linear samples, the horizontal pass does.
        let linear = (u64::from(columns) + u64::from(width)) * source_rows(band, scale, rows)
            + u64::from(width) * u64::from(band);
        bytes.max(linear * LINEAR_PIXEL)
    }

    /// Resizes `rect` of `source` to `width` × `height`.
    ///
    /// It reduces to half or less in linear light, with Hamming: a filter that overshoots, such as Catmull-Rom, would draw
    /// dark seams around what is bright, and takes twice the time. For the same reason it resizes all else on the samples as
    /// they are, with Catmull-Rom.
    pub(crate) fn resize(
        &mut self,
        source: &Raster,
        rect: SubpixelRect,
        (width, height): (u32, u32),
    ) -> Result<Raster, Error> {
        let rect = rect.clamp_to((source.width(), source.height()));
        let is_reduced = |from: f64, to: u32| from >= LEAST_REDUCTION * f64::from(to);
        if is_reduced(rect.width, width) && is_reduced(rect.height, height) {
            return self.reduce(source, rect, (width, height));
        }
        let view = View { data: source.data(), width: source.width(), height: source.height() };
        self.resample(view, rect, (width, height), FilterType::CatmullRom)
    }

    /// Reduces in linear light, band by band.
    fn reduce(
        &mut self,
        source: &Raster,
        rect: SubpixelRect,
        (width, height): (u32, u32),
    ) -> Result<Raster, Error> {
        let (across, down) = (rect.width / f64::from(width), rect.height / f64::from(height));
        let columns = reached(rect.left, rect.width, across, source.width());
        let band_rows = band_rows(columns.len() as u32, down);
        let mut data = vec![[0; 3]; width as usize * height as usize];
        // Once for the largest band: while a vector grows, there are two.
        let rows = source_rows(band_rows.min(height), down, source.height()) as usize;
        let mut linear = Vec::with_capacity(columns.len() * rows);
        let mut reduced = vec![U16x3::default(); data.len().min((width * band_rows) as usize)];
        for (band, out) in data.chunks_mut((width * band_rows) as usize).enumerate() {
            let out_rows = out.len() as u32 / width;
            let part = SubpixelRect {
                top: rect.top + f64::from(band as u32 * band_rows) * down,
                height: f64::from(out_rows) * down,
                ..rect
            };
            let rows = reached(part.top, part.height, down, source.height());
            linear.clear();
            for row in source.pixels().chunks_exact(source.width() as usize).take(rows.end).skip(rows.start) {
                linear_light::extend(&mut linear, &row[columns.clone()]);
            }
            let size = (columns.len() as u32, rows.len() as u32);
            let part = part.relative_to(columns.start, rows.start).clamp_to(size);
            let from = TypedImageRef::new(size.0, size.1, &linear).map_err(Error::damaged)?;
            let to = TypedImage::from_pixels_slice(width, out_rows, &mut reduced[..out.len()])
                .map_err(Error::damaged)?;
            self.convolve(&from, part, to, FilterType::Hamming)?;
            linear_light::write(&reduced[..out.len()], out);
        }
        Raster::new(width, height, data.into_flattened())
            .ok_or_else(|| Error::damaged("the reduced picture has a side of 0"))
    }

    /// Resizes all of `source` to `width` × `height` by averaging. It skips rows of large sources, which is good enough
    /// for analysis but not for display.
    pub(crate) fn draft(&mut self, source: &Raster, (width, height): (u32, u32)) -> Result<Raster, Error> {
        // `every` rows count as one long row, of which only the start is read. Skipping rows is therefore free.
        let every = (source.height() / height.saturating_mul(MIN_DRAFT_ROWS)).max(1);
        let rows = source.height() / every;
        let row = source.width() as usize * 3;
        let view = View {
            data: &source.data()[..row * (rows * every) as usize],
            width: source.width() * every,
            height: rows,
        };
        let rect =
            SubpixelRect { left: 0.0, top: 0.0, width: f64::from(source.width()), height: f64::from(rows) };
        self.resample(view, rect, (width, height), FilterType::Box)
    }

    /// Resizes sRGB samples as they are.
    fn resample(
        &mut self,
        source: View<'_>,
        rect: SubpixelRect,
        (width, height): (u32, u32),
        filter: FilterType,
    ) -> Result<Raster, Error> {
        let mut data = vec![0; width as usize * height as usize * 3];
        let from = TypedImageRef::<U8x3>::from_buffer(source.width, source.height, source.data)
            .map_err(Error::damaged)?;
        let to = TypedImage::<U8x3>::from_buffer(width, height, &mut data).map_err(Error::damaged)?;
        self.convolve(&from, rect, to, filter)?;
        Raster::new(width, height, data).ok_or_else(|| Error::damaged("the resized picture has a side of 0"))
    }

    /// The typed call compiles the resizer for the pixel types in use; `resize` would bring in all thirteen.
    fn convolve<P: PixelTrait>(
        &mut self,
        from: &TypedImageRef<'_, P>,
        rect: SubpixelRect,
        mut to: TypedImage<'_, P>,
        filter: FilterType,
    ) -> Result<(), Error> {
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(
            rect.left,
            rect.top,
            rect.width,
            rect.height,
        );
        let resized = self.resizer.resize_typed(from, &mut to, &options);
        self.resizer.reset_internal_buffers();
        resized.map_err(Error::damaged)
    }
}

/// Rows of the result in one band.
fn band_rows(columns: u32, scale: f64) -> u32 {
    let row_bytes = f64::from(columns) * scale * LINEAR_PIXEL as f64;
    ((BAND_BYTES / row_bytes) as u32).clamp(MIN_BAND_ROWS, BAND_ROWS)
}

/// Maximum number of rows of the source, of which there are `rows`, from which a band of the result is made.
fn source_rows(band: u32, scale: f64, rows: u32) -> u64 {
    (((f64::from(band) + 2.0 * REACH) * scale) as u64 + 4).min(u64::from(rows))
}

/// The whole pixels from which the filter makes the part of a side that starts at `start`. One more than it reaches is
/// harmless.
fn reached(start: f64, length: f64, scale: f64, side: u32) -> Range<usize> {
    let first = (start - REACH * scale - 1.0).max(0.0) as usize;
    first..((start + length + REACH * scale + 1.0).ceil() as usize).min(side as usize)
}

/// The source pixels of one resize.
#[derive(Clone, Copy)]
struct View<'a> {
    data: &'a [u8],
    width: u32,
    height: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raster(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Raster {
        let data = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y));
        Raster::new(width, height, data.collect()).unwrap()
    }

    fn whole(raster: &Raster) -> SubpixelRect {
        SubpixelRect {
            left: 0.0,
            top: 0.0,
            width: f64::from(raster.width()),
            height: f64::from(raster.height()),
        }
    }

    #[test]
    fn resizing_to_the_same_size_keeps_the_picture() {
        let source = raster(13, 7, |x, y| [x as u8, y as u8, (x * y) as u8]);
        assert_eq!(Scaler::default().resize(&source, whole(&source), (13, 7)).unwrap(), source);
    }

    #[test]
    fn a_resized_rectangle_shows_no_pixels_from_outside() {
        let source = raster(100, 50, |x, _| if x < 50 { [255, 0, 0] } else { [0, 0, 255] });
        let right = SubpixelRect { left: 60.0, top: 10.0, width: 40.0, height: 20.0 };
        let result = Scaler::default().resize(&source, right, (80, 40)).unwrap();
        assert!(result.pixels().iter().all(|pixel| *pixel == [0, 0, 255]));
    }

    /// Black and white pixels reflect half of the light. An average of their samples would be 128.
    #[test]
    fn a_fine_checkerboard_keeps_its_light() {
        let source = raster(1000, 700, |x, y| [if (x + y).is_multiple_of(2) { 255 } else { 0 }; 3]);
        for size in [(200, 140), (333, 210), (90, 10)] {
            let result = Scaler::default().resize(&source, whole(&source), size).unwrap();
            let sum: u64 = result.data().iter().map(|sample| u64::from(*sample)).sum();
            let mean = sum as f64 / result.data().len() as f64;
            assert!((mean - 188.0).abs() < 1.0, "the mean at {size:?} is {mean}");
        }
    }

    #[test]
    fn a_star_keeps_its_light() {
        let source = raster(400, 400, |x, y| [if (x / 4, y / 4) == (50, 50) { 255 } else { 0 }; 3]);
        let result = Scaler::default().resize(&source, whole(&source), (50, 50)).unwrap();
        // A quarter of the light of a pixel is 137 in sRGB, and the filter spreads some of it. An average of samples is 64
        // at most.
        assert!(result.pixel(25, 25)[0] > 100, "{:?}", result.pixel(25, 25));
    }

    #[test]
    fn bands_leave_no_seams() {
        // Two bands at least, in a picture that is the same in each row.
        let source = raster(1200, 900, |x, _| [(x / 8) as u8, (x % 256) as u8, 90]);
        let rect = SubpixelRect { left: 10.3, top: 7.7, width: 1100.0, height: 850.0 };
        let result = Scaler::default().resize(&source, rect, (500, 386)).unwrap();
        const { assert!(386 > BAND_ROWS) };
        let mut rows = result.pixels().chunks_exact(500);
        let first = rows.next().unwrap();
        assert!(rows.all(|row| row == first));
        // And in one that is the same in each column: a ramp has no step between bands.
        let source = raster(700, 3000, |_, y| [(y / 12) as u8; 3]);
        let result = Scaler::default().resize(&source, whole(&source), (250, 1000)).unwrap();
        let column: Vec<_> = (0..1000).map(|y| result.pixel(7, y)[0]).collect();
        assert!(column.windows(2).all(|pair| pair[0] <= pair[1] && pair[1] - pair[0] <= 1), "{column:?}");
    }

    #[test]
    fn a_draft_of_a_ramp_is_a_ramp() {
        let source = raster(64, 2560, |_, y| [(y / 10) as u8; 3]);
        let draft = Scaler::default().draft(&source, (8, 256)).unwrap();
        for y in 0..256 {
            assert!(draft.pixel(3, y)[0].abs_diff(y as u8) <= 1, "row {y} is {:?}", draft.pixel(3, y));
        }
    }

    #[test]
    fn a_draft_can_enlarge() {
        let source = raster(1, 1, |_, _| [9, 8, 7]);
        let draft = Scaler::default().draft(&source, (256, 256)).unwrap();
        assert!(draft.pixels().iter().all(|pixel| *pixel == [9, 8, 7]));
    }

    #[test]
    fn no_buffers_are_kept_between_calls() {
        let source = raster(400, 300, |x, y| [x as u8, y as u8, 0]);
        let mut scaler = Scaler::default();
        scaler.resize(&source, whole(&source), (90, 40)).unwrap();
        assert_eq!(scaler.resizer.size_of_internal_buffers(), 0);
    }

    proptest! {
        #[test]
        fn any_rectangle_gives_a_picture(
            left in -50.0..150.0f64, top in -50.0..150.0f64,
            width in 0.001..300.0f64, height in 0.001..300.0f64,
        ) {
            let source = raster(31, 17, |x, y| [x as u8, y as u8, 3]);
            let rect = SubpixelRect { left, top, width, height };
            let result = Scaler::default().resize(&source, rect, (20, 10)).unwrap();
            prop_assert_eq!((result.width(), result.height()), (20, 10));
        }
    }
}
