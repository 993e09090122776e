//! Resampling: a rectangle of a raster, scaled to a size.
//!
//! Asked by the engine alone. Every resize of the crate goes through here, so that vector instructions and
//! buffers are chosen in one place. A region that leaves the raster is moved inside; nothing else can fail.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::{Error, Raster};

/// A rectangle in a raster's pixels. Its edges may fall inside of a pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Region {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Region {
    /// The largest rectangle of the shape `width:height` around the centre of this one.
    pub(crate) fn cover(self, width: u32, height: u32) -> Self {
        let (width, height) = (f64::from(width), f64::from(height));
        let scale = (self.width / width).min(self.height / height);
        let (width, height) = (width * scale, height * scale);
        Self {
            left: self.left + (self.width - width) / 2.0,
            top: self.top + (self.height - height) / 2.0,
            width,
            height,
        }
    }

    /// This rectangle, moved and shrunk by the least that brings it into a raster of this size.
    fn inside(self, raster: &Raster) -> Self {
        let (across, down) = (f64::from(raster.width()), f64::from(raster.height()));
        let width = self.width.clamp(f64::MIN_POSITIVE, across);
        let height = self.height.clamp(f64::MIN_POSITIVE, down);
        Self {
            left: self.left.clamp(0.0, across - width),
            top: self.top.clamp(0.0, down - height),
            width,
            height,
        }
    }
}

/// Resamples rasters. One a thread; holds no more than the resizer's description of the processor between calls.
#[derive(Default)]
pub(crate) struct Scaler {
    resizer: Resizer,
}

/// Rows of the source that a draft averages into one row of the result, at least, before it leaves any out.
const DRAFT_ROWS: u32 = 3;

impl Scaler {
    /// What a scaling of `across` columns to `height` rows holds beside source and result.
    pub(crate) fn memory(across: u32, height: u32) -> u64 {
        // The columns are scaled first, into a picture as wide as the source and as high as the result.
        (u64::from(across) + 1) * u64::from(height) * 3
    }

    /// `region` of `source` at `width` × `height`, by Catmull-Rom: about 50 dB from Lanczos when it reduces, at
    /// three quarters of its time, and clean when it enlarges.
    pub(crate) fn fine(
        &mut self,
        source: &Raster,
        region: Region,
        (width, height): (u32, u32),
    ) -> Result<Raster, Error> {
        let view = View { data: source.data(), width: source.width(), height: source.height() };
        self.resample(view, region.inside(source), (width, height), FilterType::CatmullRom)
    }

    /// The whole of `source` at `width` × `height`, by averaging. For an analysis, not for an eye: where many
    /// rows fall into one, rows are left out.
    pub(crate) fn draft(&mut self, source: &Raster, (width, height): (u32, u32)) -> Result<Raster, Error> {
        // `every` rows seen as one long row, of which only the first stretch is read: rows are skipped for free.
        let every = (source.height() / height.saturating_mul(DRAFT_ROWS)).max(1);
        let rows = source.height() / every;
        let row = source.width() as usize * 3;
        let view = View {
            data: &source.data()[..row * (rows * every) as usize],
            width: source.width() * every,
            height: rows,
        };
        let region =
            Region { left: 0.0, top: 0.0, width: f64::from(source.width()), height: f64::from(rows) };
        self.resample(view, region, (width, height), FilterType::Box)
    }

    fn resample(
        &mut self,
        source: View<'_>,
        region: Region,
        (width, height): (u32, u32),
        filter: FilterType,
    ) -> Result<Raster, Error> {
        let mut data = vec![0; width as usize * height as usize * 3];
        let from = TypedImageRef::<U8x3>::from_buffer(source.width, source.height, source.data)
            .map_err(Error::damaged)?;
        let mut to = TypedImage::<U8x3>::from_buffer(width, height, &mut data).map_err(Error::damaged)?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(
            region.left,
            region.top,
            region.width,
            region.height,
        );
        // The typed call compiles the resizer for this pixel type alone; `resize` would bring in all thirteen.
        let resized = self.resizer.resize_typed(&from, &mut to, &options);
        self.resizer.reset_internal_buffers();
        resized.map_err(Error::damaged)?;
        Raster::new(width, height, data).ok_or_else(|| Error::damaged("a side of the result is 0"))
    }
}

/// Pixels as the resizer sees them.
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

    fn whole(raster: &Raster) -> Region {
        Region { left: 0.0, top: 0.0, width: f64::from(raster.width()), height: f64::from(raster.height()) }
    }

    #[test]
    fn a_fine_scaling_to_the_same_size_is_the_same_picture() {
        let source = raster(13, 7, |x, y| [x as u8, y as u8, (x * y) as u8]);
        assert_eq!(Scaler::default().fine(&source, whole(&source), (13, 7)).unwrap(), source);
    }

    #[test]
    fn a_region_shows_what_lies_in_it_alone() {
        let source = raster(100, 50, |x, _| if x < 50 { [255, 0, 0] } else { [0, 0, 255] });
        let right = Region { left: 60.0, top: 10.0, width: 40.0, height: 20.0 };
        let result = Scaler::default().fine(&source, right, (80, 40)).unwrap();
        assert!(result.pixels().iter().all(|pixel| *pixel == [0, 0, 255]));
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
    fn a_draft_may_enlarge() {
        let source = raster(1, 1, |_, _| [9, 8, 7]);
        let draft = Scaler::default().draft(&source, (256, 256)).unwrap();
        assert!(draft.pixels().iter().all(|pixel| *pixel == [9, 8, 7]));
    }

    #[test]
    fn nothing_is_held_between_calls() {
        let source = raster(400, 300, |x, y| [x as u8, y as u8, 0]);
        let mut scaler = Scaler::default();
        scaler.fine(&source, whole(&source), (90, 40)).unwrap();
        assert_eq!(scaler.resizer.size_of_internal_buffers(), 0);
    }

    proptest! {
        #[test]
        fn a_cover_lies_inside_and_has_the_shape(
            left in 0.0..100.0f64, top in 0.0..100.0f64,
            width in 1.0..9000.0f64, height in 1.0..9000.0f64,
            across in 1u32..2000, down in 1u32..2000,
        ) {
            let outer = Region { left, top, width, height };
            let inner = outer.cover(across, down);
            let slack = 1e-6;
            prop_assert!(inner.left >= left - slack && inner.top >= top - slack);
            prop_assert!(inner.left + inner.width <= left + width + slack);
            prop_assert!(inner.top + inner.height <= top + height + slack);
            prop_assert!((inner.width * f64::from(down) - inner.height * f64::from(across)).abs() < 1e-3);
            prop_assert!((inner.width - width).abs() < slack || (inner.height - height).abs() < slack);
        }

        #[test]
        fn any_region_gives_a_picture(
            left in -50.0..150.0f64, top in -50.0..150.0f64,
            width in 0.001..300.0f64, height in 0.001..300.0f64,
        ) {
            let source = raster(31, 17, |x, y| [x as u8, y as u8, 3]);
            let region = Region { left, top, width, height };
            let result = Scaler::default().fine(&source, region, (20, 10)).unwrap();
            prop_assert_eq!((result.width(), result.height()), (20, 10));
        }
    }
}
