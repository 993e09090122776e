//! Pictures that are transparent in places: the pixels of theirs that are seen, and the colour that is put behind them.
//! The engine asks once, after decoding. It cannot fail.

use crate::Raster;
use crate::contrast::contrast;
use crate::subpixel_rect::SubpixelRect;

/// Opacity from which a pixel is seen as it is. Below, it is an edge or a shadow, and its colour is that of the ground.
const SEEN: u8 = 128;

/// Opacity from which anything of a pixel can be seen, as of the edge of a shadow.
const VISIBLE: u8 = 16;

/// Maximum number of pixels that are taken for the palette.
const MAX_SEEN: usize = 1 << 18;

/// What lies behind most pictures.
const WHITE: [u8; 3] = [255; 3];

/// What lies behind a picture that would not be seen on white: a white logo, for example.
const DARK: [u8; 3] = [38; 3];

/// Contrast to white (WCAG 2.2) below which a pixel is not seen on it.
const LEAST_CONTRAST: f64 = 1.35;

/// The share of such pixels from which the ground is dark.
const UNSEEN_SHARE: f64 = 0.8;

/// Maximum memory, in bytes, of the pixels that are taken from a picture with opacity.
pub(crate) const MEMORY: u64 = 3 * MAX_SEEN as u64;

/// A picture without transparency, and what of it is seen if it had some.
pub(crate) struct Opaque {
    pub(crate) raster: Raster,
    /// One row of the seen pixels, or a regular part of them. `None` if all pixels are.
    pub(crate) seen: Option<Raster>,
    /// The part of the picture outside which nothing can be seen, in fractions of its sides. `None` if that is all of it.
    pub(crate) visible: Option<SubpixelRect>,
}

/// Puts a ground behind a picture. Fully transparent pictures become the ground.
pub(crate) fn resolve(raster: Raster) -> Opaque {
    let (seen, visible) = (seen(&raster), visible(&raster));
    let ground = seen.as_ref().map_or(WHITE, ground);
    Opaque { raster: raster.over(ground), seen, visible }
}

fn seen(raster: &Raster) -> Option<Raster> {
    let opacity = raster.opacity()?;
    let count = opacity.iter().filter(|alpha| **alpha >= SEEN).count();
    let every = count.div_ceil(MAX_SEEN).max(1);
    let pixels = raster.pixels().iter().zip(opacity).filter(|(_, alpha)| **alpha >= SEEN).step_by(every);
    let mut data = Vec::with_capacity(3 * count.div_ceil(every));
    pixels.for_each(|(pixel, _)| data.extend_from_slice(pixel));
    Raster::new((data.len() / 3) as u32, 1, data)
}

/// The bounding box of the visible pixels, as fractions. `None` if the picture is opaque or there are none.
fn visible(raster: &Raster) -> Option<SubpixelRect> {
    let (width, height) = (raster.width() as usize, raster.height() as usize);
    let is_visible = |alpha: &u8| *alpha >= VISIBLE;
    let (mut left, mut right, mut top, mut bottom) = (width, 0, height, 0);
    for (y, row) in raster.opacity()?.chunks_exact(width).enumerate() {
        if let (Some(first), Some(last)) = (row.iter().position(is_visible), row.iter().rposition(is_visible))
        {
            (left, right) = (left.min(first), right.max(last + 1));
            (top, bottom) = (top.min(y), y + 1);
        }
    }
    let part = |pixels: usize, side: usize| pixels as f64 / side as f64;
    (right > 0).then(|| SubpixelRect {
        left: part(left, width),
        top: part(top, height),
        width: part(right - left, width),
        height: part(bottom - top, height),
    })
}

/// The colour on which the pixels are seen.
fn ground(seen: &Raster) -> [u8; 3] {
    let is_unseen = |pixel: &&[u8; 3]| contrast(WHITE, **pixel) < LEAST_CONTRAST;
    let unseen = seen.pixels().iter().filter(is_unseen).count();
    if unseen as f64 >= seen.pixels().len() as f64 * UNSEEN_SHARE { DARK } else { WHITE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(pixels: &[([u8; 3], u8)]) -> Raster {
        let data = pixels.iter().flat_map(|(rgb, _)| *rgb).collect();
        let opacity = pixels.iter().map(|(_, alpha)| *alpha).collect();
        Raster::new(pixels.len() as u32, 1, data).unwrap().with_opacity(opacity).unwrap()
    }

    #[test]
    fn an_opaque_picture_stays_as_it_is() {
        let raster = Raster::new(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let opaque = resolve(raster.clone());
        assert!(opaque.seen.is_none() && opaque.raster == raster);
    }

    #[test]
    fn a_white_logo_gets_a_dark_ground_and_others_a_white_one() {
        let clear = ([9, 200, 9], 0);
        let white = resolve(picture(&[([250; 3], 255), clear, clear]));
        assert_eq!(white.raster.pixels(), [[250; 3], DARK, DARK]);
        assert_eq!(white.seen.unwrap().pixels(), [[250; 3]]);
        for colour in [[200, 30, 30], [0; 3], [120; 3]] {
            let opaque = resolve(picture(&[(colour, 255), clear, (colour, 128)]));
            assert_eq!(opaque.raster.pixels()[..2], [colour, WHITE]);
            assert_eq!(opaque.seen.unwrap().pixels(), [colour; 2]);
        }
    }

    #[test]
    fn a_picture_without_a_seen_pixel_is_white() {
        let opaque = resolve(picture(&[([9, 200, 9], 0), ([1; 3], 0)]));
        assert!(opaque.seen.is_none());
        assert_eq!(opaque.raster.pixels(), [WHITE; 2]);
    }

    #[test]
    fn of_many_pixels_a_bounded_part_is_taken() {
        let pixels: Vec<_> = (0..3 * MAX_SEEN as u32).map(|n| ([n as u8; 3], 200)).collect();
        let count = resolve(picture(&pixels)).seen.unwrap().pixels().len();
        assert!(count <= MAX_SEEN && count > MAX_SEEN / 2, "{count}");
    }
}
