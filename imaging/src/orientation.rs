//! Turns pixels and rectangles upright by the EXIF orientation (EXIF 2.32, tag 274). The engine uses it for the
//! picture's small copies. It is pure arithmetic and cannot fail.

use crate::Raster;

/// How the stored picture must be turned to stand upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Orientation {
    /// 1: no change.
    #[default]
    Upright,
    /// 2: mirror left to right.
    MirrorHorizontal,
    /// 3: rotate by 180°.
    Rotate180,
    /// 4: mirror top to bottom.
    MirrorVertical,
    /// 5: mirror along the main diagonal.
    Transpose,
    /// 6: rotate by 90° clockwise.
    Rotate90,
    /// 7: mirror along the other diagonal.
    Transverse,
    /// 8: rotate by 270° clockwise.
    Rotate270,
}

/// A rectangle of whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// Number of rows that are transposed together.
const BAND: usize = 32;

impl Orientation {
    /// All eight, in the order of their EXIF values.
    pub const ALL: [Self; 8] = [
        Self::Upright,
        Self::MirrorHorizontal,
        Self::Rotate180,
        Self::MirrorVertical,
        Self::Transpose,
        Self::Rotate90,
        Self::Transverse,
        Self::Rotate270,
    ];

    /// Returns the orientation of an EXIF value. Values other than 1 to 8 count as 1.
    #[must_use]
    pub fn from_exif(value: u64) -> Self {
        let index = usize::try_from(value).ok().and_then(|value| value.checked_sub(1));
        index.and_then(|index| Self::ALL.get(index).copied()).unwrap_or_default()
    }

    /// The EXIF value, 1 to 8.
    #[must_use]
    pub fn exif(self) -> u8 {
        self as u8 + 1
    }

    /// The orientation that undoes this one.
    #[must_use]
    pub fn inverse(self) -> Self {
        match self {
            Self::Rotate90 => Self::Rotate270,
            Self::Rotate270 => Self::Rotate90,
            own_inverse => own_inverse,
        }
    }

    /// Whether width and height change places.
    #[must_use]
    pub fn transposes(self) -> bool {
        matches!(self, Self::Transpose | Self::Rotate90 | Self::Transverse | Self::Rotate270)
    }

    /// Returns the upright width and height of a picture that is stored as `width` × `height`.
    #[must_use]
    pub fn upright_size(self, width: u32, height: u32) -> (u32, u32) {
        if self.transposes() { (height, width) } else { (width, height) }
    }

    /// Whether the stored picture is read from its right edge, and whether from its bottom edge.
    pub(crate) fn flips(self) -> (bool, bool) {
        let right =
            matches!(self, Self::MirrorHorizontal | Self::Rotate180 | Self::Transverse | Self::Rotate270);
        let bottom =
            matches!(self, Self::Rotate180 | Self::MirrorVertical | Self::Rotate90 | Self::Transverse);
        (right, bottom)
    }

    /// Maps a rectangle of the upright picture to the stored picture of `width` × `height`. The rectangle must lie
    /// inside the upright picture.
    #[must_use]
    pub fn to_stored(self, rect: Rect, width: u32, height: u32) -> Rect {
        let Rect { x, y, width: across, height: down } = rect;
        let turned = if self.transposes() { Rect { x: y, y: x, width: down, height: across } } else { rect };
        let (right, bottom) = self.flips();
        Rect {
            x: if right { width - turned.x - turned.width } else { turned.x },
            y: if bottom { height - turned.y - turned.height } else { turned.y },
            ..turned
        }
    }

    /// Turns the raster upright: in place where width and height stay the same, else through a second raster.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the number of pixels stays the same")]
    pub fn apply(self, raster: Raster) -> Raster {
        let (width, height) = (raster.width(), raster.height());
        let mut data = raster.into_data();
        let pixels = data.as_chunks_mut::<3>().0;
        match self {
            Self::Upright => {}
            Self::Rotate180 => pixels.reverse(),
            Self::MirrorHorizontal => pixels.chunks_exact_mut(width as usize).for_each(<[_]>::reverse),
            Self::MirrorVertical => mirror_vertically(pixels, width as usize),
            _ => data = self.transposed(pixels, width as usize, height as usize),
        }
        let (width, height) = self.upright_size(width, height);
        Raster::new(width, height, data).expect("as many pixels as before")
    }

    /// Transposes in bands of rows, so that neighbouring columns find the cache lines still loaded.
    fn transposed(self, pixels: &[[u8; 3]], width: usize, height: usize) -> Vec<u8> {
        let (right, bottom) = self.flips();
        let mut upright = vec![[0; 3]; pixels.len()];
        for (band, rows) in pixels.chunks(BAND * width).enumerate() {
            let deep = rows.len() / width;
            let start = if bottom { height - band * BAND - deep } else { band * BAND };
            for x in 0..width {
                let across = if right { width - 1 - x } else { x };
                let to = upright[across * height + start..][..deep].iter_mut();
                let from = rows[x..].iter().step_by(width);
                if bottom {
                    to.rev().zip(from).for_each(|(to, from)| *to = *from);
                } else {
                    to.zip(from).for_each(|(to, from)| *to = *from);
                }
            }
        }
        upright.into_flattened()
    }
}

fn mirror_vertically(pixels: &mut [[u8; 3]], width: usize) {
    let rows = pixels.len() / width;
    for row in 0..rows / 2 {
        let (above, below) = pixels.split_at_mut((rows - 1 - row) * width);
        above[row * width..][..width].swap_with_slice(&mut below[..width]);
    }
}
