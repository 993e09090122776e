//! Draws contact sheets: many pictures side by side, each with its crop, subject, faces, palette and roles, to be looked at.
//!
//! The command line and the example `sheet` use it. A [`Tile`] shows one picture and is drawn where the picture is
//! processed; a [`ContactSheet`] collects tiles in rows. Tiles have numbers instead of names, because the crate has no
//! font. Memory is bounded by [`ContactSheet::CAPACITY`]. Only a failed resize is an error.

mod canvas;

use crate::scale::Scaler;
use crate::subpixel_rect::SubpixelRect;
use crate::{Error, Outcome, Raster, Rect};
use canvas::Canvas;

/// Size of a tile in pixels: the box of the picture, the palette below it, and the roles below that.
const WIDTH: u32 = 384;
const PICTURE_HEIGHT: u32 = 288;
const PALETTE_HEIGHT: u32 = 40;
const ROLES_HEIGHT: u32 = 20;
const GAP: u32 = 4;
const HEIGHT: u32 = PICTURE_HEIGHT + GAP + PALETTE_HEIGHT + GAP + ROLES_HEIGHT;

/// Space around each tile of a sheet.
const MARGIN: u32 = 16;

const CROP: [u8; 3] = [255; 3];
const SUBJECT: [u8; 3] = [255, 220, 0];
const FACE: [u8; 3] = [255, 40, 40];

/// How much small pictures are enlarged at most.
const MAX_SCALE: f64 = 4.0;

/// One picture of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile(Raster);

impl Tile {
    /// Draws what was found on a picture. `copy` is the upright copy from [`Engine::process_with_copy`].
    ///
    /// What the crop leaves out is dimmed, and its frame is white; the subject's is yellow, those of faces are red. The row
    /// below has a field for each role in the order of [`Roles::by_name`]; a role without a colour has none.
    ///
    /// [`Engine::process_with_copy`]: crate::Engine::process_with_copy
    /// [`Roles::by_name`]: crate::Roles::by_name
    pub fn draw(copy: &Raster, outcome: &Outcome) -> Result<Self, Error> {
        let mut canvas = Canvas::new(WIDTH, HEIGHT);
        let (width, height) = fit(copy.width(), copy.height());
        let whole = SubpixelRect::whole(copy.width(), copy.height());
        let picture = Scaler::default().resize(copy, whole, (width, height))?;
        let place = Rect { x: (WIDTH - width) / 2, y: (PICTURE_HEIGHT - height) / 2, width, height };
        canvas.place(&picture, place.x, place.y);
        let shown = |part: Rect| shown(part, (outcome.source.width, outcome.source.height), place);
        let crop = shown(outcome.crop.rect());
        canvas.dim_around(place, crop);
        canvas.outline(crop, CROP, 2);
        canvas.outline(shown(outcome.subject), SUBJECT, 1);
        outcome.faces.iter().for_each(|face| canvas.outline(shown(*face), FACE, 2));
        let palette = outcome.palette.iter().map(|swatch| Some(swatch.rgb)).collect::<Vec<_>>();
        let strip = Rect { x: 0, y: PICTURE_HEIGHT + GAP, width: WIDTH, height: PALETTE_HEIGHT };
        canvas.strip(strip, &palette, 0);
        let roles = outcome.summary.roles.by_name().map(|(_, swatch)| swatch.map(|swatch| swatch.rgb));
        let below = Rect { x: 0, y: HEIGHT - ROLES_HEIGHT, width: WIDTH, height: ROLES_HEIGHT };
        canvas.strip(below, &roles, GAP);
        canvas.into_raster().map(Self)
    }

    /// The pixels.
    #[must_use]
    pub fn raster(&self) -> &Raster {
        &self.0
    }
}

/// The largest size of a picture with these proportions in its box.
fn fit(width: u32, height: u32) -> (u32, u32) {
    let (across, down) = (f64::from(width), f64::from(height));
    let scale = (f64::from(WIDTH) / across).min(f64::from(PICTURE_HEIGHT) / down).min(MAX_SCALE);
    let side = |side: f64, most: u32| ((side * scale).round() as u32).clamp(1, most);
    (side(across, WIDTH), side(down, PICTURE_HEIGHT))
}

/// Where a part of a picture of `size` is in the tile, if the picture is at `place`.
fn shown(part: Rect, (width, height): (u32, u32), place: Rect) -> Rect {
    let scale = |at: u32, side: u32, to: u32| {
        (u64::from(at) * u64::from(to) / u64::from(side.max(1))).min(u64::from(to)) as u32
    };
    let (left, top) = (scale(part.x, width, place.width), scale(part.y, height, place.height));
    let right = scale(part.x.saturating_add(part.width), width, place.width);
    let bottom = scale(part.y.saturating_add(part.height), height, place.height);
    Rect { x: place.x + left, y: place.y + top, width: right - left, height: bottom - top }
}

/// A sheet of tiles with numbers, from left to right and from top to bottom.
#[derive(Debug, Clone)]
pub struct ContactSheet {
    tiles: Vec<Tile>,
    first: usize,
}

impl ContactSheet {
    /// Tiles of a row.
    pub const COLUMNS: usize = 5;

    /// Tiles of a sheet.
    pub const CAPACITY: usize = 30;

    /// Creates a sheet whose first tile has this number.
    #[must_use]
    pub fn new(first: usize) -> Self {
        Self { tiles: Vec::new(), first }
    }

    /// Adds a tile and returns its number. A full sheet ignores it.
    pub fn add(&mut self, tile: Tile) -> usize {
        if !self.is_full() {
            self.tiles.push(tile);
        }
        self.next_number() - 1
    }

    /// The number that the next tile gets.
    #[must_use]
    pub fn next_number(&self) -> usize {
        self.first + self.tiles.len()
    }

    /// Whether there is no room for another tile.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.tiles.len() >= Self::CAPACITY
    }

    /// Whether there are no tiles.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty()
    }

    /// Draws the sheet. It is as wide and as high as its tiles need. Without tiles, it is an empty tile.
    pub fn draw(&self) -> Result<Raster, Error> {
        let columns = self.tiles.len().clamp(1, Self::COLUMNS);
        let rows = self.tiles.len().div_ceil(columns).max(1);
        let side = |count: usize, side: u32| count as u32 * (side + MARGIN) + MARGIN;
        let mut canvas = Canvas::new(side(columns, WIDTH), side(rows, HEIGHT));
        for (at, tile) in self.tiles.iter().enumerate() {
            let (left, top) = (side(at % columns, WIDTH), side(at / columns, HEIGHT));
            canvas.place(&tile.0, left, top);
            canvas.number(left, top, self.first + at);
        }
        canvas.into_raster()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(color: [u8; 3]) -> Tile {
        let mut canvas = Canvas::new(WIDTH, HEIGHT);
        canvas.fill(Rect { x: 0, y: 0, width: WIDTH, height: HEIGHT }, color);
        Tile(canvas.into_raster().unwrap())
    }

    #[test]
    fn pictures_fit_into_their_box() {
        assert_eq!(fit(384, 256), (384, 256));
        assert_eq!(fit(256, 1024), (72, 288));
        assert_eq!(fit(1024, 1), (384, 1));
        assert_eq!(fit(10, 10), (40, 40));
    }

    #[test]
    fn parts_of_the_picture_are_shown_at_its_scale() {
        let place = Rect { x: 10, y: 20, width: 100, height: 50 };
        let part = Rect { x: 500, y: 0, width: 500, height: 500 };
        assert_eq!(shown(part, (1000, 500), place), Rect { x: 60, y: 20, width: 50, height: 50 });
    }

    #[test]
    fn tiles_stand_in_rows_and_a_full_sheet_takes_no_more() {
        let mut sheet = ContactSheet::new(31);
        let numbers: Vec<_> = (0..7).map(|at| sheet.add(tile([100 + at, 0, 0]))).collect();
        assert_eq!(numbers, (31..38).collect::<Vec<_>>());
        let drawn = sheet.draw().unwrap();
        assert_eq!((drawn.width(), drawn.height()), (5 * (WIDTH + 16) + 16, 2 * (HEIGHT + 16) + 16));
        assert_eq!(drawn.pixel(16 + 6 + WIDTH / 2, 16 + 16 + HEIGHT + HEIGHT / 2), [105, 0, 0]);
        assert_eq!(drawn.pixel(drawn.width() - 20, drawn.height() - 20), drawn.pixel(0, 0));
        for _ in 7..=ContactSheet::CAPACITY {
            sheet.add(tile([0; 3]));
        }
        assert!(sheet.is_full() && sheet.tiles.len() == ContactSheet::CAPACITY);
    }

    #[test]
    fn a_single_tile_needs_no_more_than_its_place() {
        let mut sheet = ContactSheet::new(1);
        sheet.add(tile([9; 3]));
        let drawn = sheet.draw().unwrap();
        assert_eq!((drawn.width(), drawn.height()), (WIDTH + 32, HEIGHT + 32));
    }
}
