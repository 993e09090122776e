//! The social card's pixels: a picture above a row of colours, on white.
//!
//! Asked by the engine alone; the encoder takes what it makes. The geometry is part of the service's
//! contract, so it is in the constants and nowhere else.

use crate::{Error, Raster, Swatch};

/// Pixels across of a card.
pub const WIDTH: u32 = 1096;
/// Pixels down of a card.
pub const HEIGHT: u32 = 736;
/// White around the card, and between its parts.
pub const GAP: u32 = 8;
/// Pixels across of the picture, and of the row of swatches.
pub const PICTURE_WIDTH: u32 = WIDTH - 2 * GAP;
/// Pixels down of the picture.
pub const PICTURE_HEIGHT: u32 = 534;
/// Pixels down of a swatch.
pub const SWATCH_HEIGHT: u32 = HEIGHT - 3 * GAP - PICTURE_HEIGHT;

const WHITE: u8 = 255;

/// The canvas with the picture (as large as the picture's place) and a swatch a colour.
pub(crate) fn compose(picture: &Raster, palette: &[Swatch]) -> Result<Raster, Error> {
    let mut canvas = vec![WHITE; bytes(WIDTH) * HEIGHT as usize];
    let mut rows = canvas.chunks_exact_mut(bytes(WIDTH)).skip(GAP as usize);
    let picture_rows = picture.data().chunks_exact(bytes(picture.width()));
    for (row, pixels) in rows.by_ref().zip(picture_rows).take(PICTURE_HEIGHT as usize) {
        row[bytes(GAP)..][..pixels.len()].copy_from_slice(pixels);
    }
    let swatches = swatch_row(palette);
    for row in rows.skip(GAP as usize).take(SWATCH_HEIGHT as usize) {
        row.copy_from_slice(&swatches);
    }
    Raster::new(WIDTH, HEIGHT, canvas).ok_or_else(|| Error::damaged("the canvas has another size"))
}

/// One row of the canvas through the swatches.
fn swatch_row(palette: &[Swatch]) -> Vec<u8> {
    let mut row = vec![WHITE; bytes(WIDTH)];
    for (span, swatch) in spans(palette.len() as u32).zip(palette) {
        let place = bytes(GAP + span.start)..bytes(GAP + span.end);
        row[place].as_chunks_mut::<3>().0.fill(swatch.rgb);
    }
    row
}

/// Left and right edge of each of `count` swatches, from the picture's left edge. They differ by a pixel at
/// most, and the last ends where the picture ends.
fn spans(count: u32) -> impl Iterator<Item = std::ops::Range<u32>> {
    let coloured = PICTURE_WIDTH.saturating_sub(GAP * count.saturating_sub(1));
    (0..count).map(move |index| {
        let edge = |index| coloured * index / count + GAP * index;
        edge(index)..edge(index + 1) - GAP
    })
}

const fn bytes(pixels: u32) -> usize {
    pixels as usize * 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    #[test]
    fn swatches_fill_the_width_for_every_count() {
        for count in Options::COLORS.map(u32::from).chain([1]) {
            let spans: Vec<_> = spans(count).collect();
            assert_eq!(spans.len(), count as usize);
            assert_eq!(spans[0].start, 0);
            assert_eq!(spans[spans.len() - 1].end, PICTURE_WIDTH);
            assert!(spans.windows(2).all(|pair| pair[0].end + GAP == pair[1].start), "{spans:?}");
            let widths = || spans.iter().map(|span| span.end - span.start);
            assert!(widths().max().unwrap() - widths().min().unwrap() <= 1, "{spans:?}");
        }
    }

    #[test]
    fn no_colours_leave_the_row_white() {
        let picture = Raster::new(PICTURE_WIDTH, PICTURE_HEIGHT, vec![0; 1080 * 534 * 3]).unwrap();
        let canvas = compose(&picture, &[]).unwrap();
        let below = (GAP + PICTURE_HEIGHT) as usize * bytes(WIDTH);
        assert!(canvas.data()[below..].iter().all(|byte| *byte == WHITE));
    }
}
