//! Draws a card: the picture and the row of swatches on a plain ground. The engine calls it through `card`. It fails only
//! where the picture does not have the size of the layout, which is a bug.

use crate::{Error, Layout, Raster, Swatch, Theme};

const WHITE: [u8; 3] = [255; 3];

/// Nearly black. Black itself makes the edges of pictures flicker on screens that turn black pixels off.
const DARK: [u8; 3] = [18; 3];

/// A picture with a mean lightness below this is dark (Oklab; 0 is black, 1 is white). It is the grey in the middle.
const DARK_PICTURE: f64 = 0.5;

/// Draws the card. `picture` must have the size of the layout's picture.
pub(crate) fn compose(
    layout: &Layout,
    ground: [u8; 3],
    picture: Raster,
    palette: &[Swatch],
) -> Result<Raster, Error> {
    let place = layout.picture;
    if (picture.width(), picture.height()) != (place.width, place.height) {
        return Err(Error::damaged("the card's picture has the wrong size"));
    }
    if layout.size == (place.width, place.height) {
        return Ok(picture);
    }
    let mut canvas = vec![ground; layout.pixels() as usize];
    let mut rows = canvas.chunks_exact_mut(layout.size.0 as usize).skip(place.y as usize);
    let picture_rows = picture.pixels().chunks_exact(place.width as usize);
    // The rows of the picture come first: `zip` would take a row of the canvas before it finds that there are no more.
    for (pixels, row) in picture_rows.zip(rows.by_ref()) {
        row[place.x as usize..][..pixels.len()].copy_from_slice(pixels);
    }
    let swatches = swatch_row(layout, ground, palette);
    let below = layout.swatches.y - place.y - place.height;
    for row in rows.skip(below as usize).take(layout.swatches.height as usize) {
        row.copy_from_slice(&swatches);
    }
    Raster::new(layout.size.0, layout.size.1, canvas.into_flattened())
        .ok_or_else(|| Error::damaged("the canvas has the wrong size"))
}

/// Draws one row of pixels across the swatches.
fn swatch_row(layout: &Layout, ground: [u8; 3], palette: &[Swatch]) -> Vec<[u8; 3]> {
    let mut row = vec![ground; layout.size.0 as usize];
    for (span, swatch) in layout.spans(palette.len() as u32).zip(palette) {
        row[span.start as usize..span.end as usize].fill(swatch.rgb);
    }
    row
}

/// The colour of the ground. [`Theme::Auto`] decides by the lightness of the palette, each colour weighted by its share.
pub(crate) fn ground(theme: Theme, palette: &[Swatch]) -> [u8; 3] {
    let dark = match theme {
        Theme::Light => false,
        Theme::Dark => true,
        Theme::Auto => mean_lightness(palette) < DARK_PICTURE,
    };
    if dark { DARK } else { WHITE }
}

fn mean_lightness(palette: &[Swatch]) -> f64 {
    let shares: f64 = palette.iter().map(|swatch| swatch.share).sum();
    let sum: f64 = palette.iter().map(|swatch| f64::from(swatch.oklch[0]) * swatch.share).sum();
    // A palette without shares says nothing about the picture.
    if shares > 0.0 { sum / shares } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CardKind, Options, swatch};

    fn palette(colors: &[([u8; 3], f64)]) -> Vec<Swatch> {
        colors.iter().map(|(rgb, share)| swatch::describe(*rgb, *share, false)).collect()
    }

    #[test]
    fn a_card_without_colours_has_a_row_of_ground() {
        let layout = Layout::of(&Options::default()).unwrap();
        let black = vec![0; (layout.picture.width * layout.picture.height * 3) as usize];
        let picture = Raster::new(layout.picture.width, layout.picture.height, black).unwrap();
        let canvas = compose(&layout, WHITE, picture, &[]).unwrap();
        let below = (layout.picture.y + layout.picture.height) * layout.size.0;
        assert!(canvas.pixels()[below as usize..].iter().all(|pixel| *pixel == WHITE));
    }

    #[test]
    fn a_picture_of_another_size_is_an_error() {
        let layout = Layout::of(&Options::default().with_card_kind(CardKind::Square)).unwrap();
        assert!(compose(&layout, WHITE, Raster::new(1, 1, vec![0; 3]).unwrap(), &[]).is_err());
    }

    #[test]
    fn auto_follows_the_lightness_of_most_of_the_picture() {
        let night = palette(&[([10, 10, 30], 0.9), ([255, 255, 255], 0.1)]);
        let day = palette(&[([250, 250, 240], 0.7), ([0, 0, 0], 0.3)]);
        assert_eq!((ground(Theme::Auto, &night), ground(Theme::Auto, &day)), (DARK, WHITE));
        assert_eq!((ground(Theme::Light, &night), ground(Theme::Dark, &day)), (WHITE, DARK));
        assert_eq!(ground(Theme::Auto, &[]), WHITE);
    }
}
