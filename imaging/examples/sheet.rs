//! Draws what the engine makes of pictures on one sheet, to be looked at: the tile of a contact sheet (crop, subject, faces,
//! palette and roles) and every kind of card.
//!
//! Run as `cargo run --release -p huemill-imaging --example sheet -- sheet.png photo.jpg …`.

use std::error::Error;

use huemill_imaging::{CardKind, Engine, Limits, Options, Outcome, Tile, Unmonitored, probe};
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

/// Height of a row of the sheet, which shows one picture.
const ROW: u32 = 260;
/// Width of the sheet.
const WIDTH: u32 = 2200;
const GAP: u32 = 6;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let sheet_path = arguments.next().ok_or("give the path of the sheet, and then pictures")?;
    let files: Vec<String> = arguments.collect();
    let mut sheet = RgbImage::from_pixel(WIDTH, ROW * files.len() as u32, Rgb([32; 3]));
    let mut engine = Engine::new()?;
    for (row, file) in files.iter().enumerate() {
        draw_row(&mut sheet, row as u32 * ROW, &std::fs::read(file)?, &mut engine)?;
    }
    sheet.save(sheet_path)?;
    Ok(())
}

fn draw_row(sheet: &mut RgbImage, top: u32, bytes: &[u8], engine: &mut Engine) -> Result<(), Box<dyn Error>> {
    let mut left = GAP;
    place(sheet, &mut left, top, &overview(engine, bytes)?, ROW - 2 * GAP);
    for kind in CardKind::ALL {
        let outcome = process(engine, bytes, kind)?;
        if let Some(card) = outcome.card {
            let card = image::load_from_memory(&card.bytes)?.to_rgb8();
            place(sheet, &mut left, top, &card, ROW - 2 * GAP);
        }
    }
    Ok(())
}

fn process(engine: &mut Engine, bytes: &[u8], kind: CardKind) -> Result<Outcome, Box<dyn Error>> {
    let options = Options::default().with_card_kind(kind);
    Ok(engine.process(bytes, &probe(bytes, &Limits::default())?, &options, &Unmonitored)?)
}

/// The picture with its crop, subject, faces, palette and roles.
fn overview(engine: &mut Engine, bytes: &[u8]) -> Result<RgbImage, Box<dyn Error>> {
    let options = Options::default().with_card_kind(CardKind::None);
    let mut copy = None;
    let probe = probe(bytes, &Limits::default())?;
    let outcome =
        engine.process_with_copy(bytes, &probe, &options, &Unmonitored, |small| copy = Some(small))?;
    let tile = Tile::draw(&copy.ok_or("the engine made no copy")?, &outcome)?;
    let (width, height) = (tile.raster().width(), tile.raster().height());
    RgbImage::from_raw(width, height, tile.raster().data().to_vec()).ok_or_else(|| "a tile has a size".into())
}

/// Draws a picture at a height, beside what is on the row already.
fn place(sheet: &mut RgbImage, left: &mut u32, top: u32, picture: &RgbImage, height: u32) {
    let width = (picture.width() * height / picture.height()).clamp(1, WIDTH / 4);
    let small = imageops::resize(picture, width, height, FilterType::Triangle);
    imageops::replace(sheet, &small, i64::from(*left), i64::from(top + GAP));
    *left += width + GAP;
}
