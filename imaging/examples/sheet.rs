//! Draws what the engine makes of pictures on one sheet, to be looked at: crop (white), subject (yellow) and faces (red) on
//! the picture, its palette, and every kind of card.
//!
//! Run as `cargo run --release -p huemill-imaging --example sheet -- sheet.png photo.jpg …`.

use std::error::Error;

use huemill_imaging::{CardKind, Engine, Limits, Options, Outcome, Rect, Unmonitored, probe};
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

/// Height of a row of the sheet, which shows one picture, and of the palette in it.
const ROW: u32 = 260;
const PALETTE: u32 = 40;
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
    let whole = process(engine, bytes, CardKind::Crop)?;
    let mut left = GAP;
    place(sheet, &mut left, top, &overview(bytes, &whole)?, ROW - PALETTE - 2 * GAP);
    draw_palette(sheet, &whole, GAP, left - GAP, top + ROW - PALETTE - GAP);
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

/// The upright picture with what was found on it.
fn overview(bytes: &[u8], outcome: &Outcome) -> Result<RgbImage, Box<dyn Error>> {
    let stored = image::load_from_memory(bytes)?.to_rgb8();
    let mut picture = match outcome.source.orientation {
        3 => imageops::rotate180(&stored),
        6 => imageops::rotate90(&stored),
        8 => imageops::rotate270(&stored),
        _ => stored,
    };
    let crop = outcome.crop;
    outline(&mut picture, Rect { x: crop.x, y: crop.y, width: crop.width, height: crop.height }, [255; 3]);
    outline(&mut picture, outcome.subject, [255, 220, 0]);
    outcome.faces.iter().for_each(|face| outline(&mut picture, *face, [255, 40, 40]));
    Ok(picture)
}

/// Draws the edges of a rectangle, a hundredth of the picture wide.
fn outline(picture: &mut RgbImage, rect: Rect, color: [u8; 3]) {
    let wide = (picture.width().max(picture.height()) / 100).max(1);
    let (right, bottom) = (rect.x + rect.width, rect.y + rect.height);
    for y in rect.y..bottom.min(picture.height()) {
        for x in rect.x..right.min(picture.width()) {
            let is_edge = x < rect.x + wide || x + wide >= right || y < rect.y + wide || y + wide >= bottom;
            if is_edge {
                picture.put_pixel(x, y, Rgb(color));
            }
        }
    }
}

/// Draws a picture at a height, beside what is on the row already.
fn place(sheet: &mut RgbImage, left: &mut u32, top: u32, picture: &RgbImage, height: u32) {
    let width = (picture.width() * height / picture.height()).clamp(1, WIDTH / 4);
    let small = imageops::resize(picture, width, height, FilterType::Triangle);
    imageops::replace(sheet, &small, i64::from(*left), i64::from(top + GAP));
    *left += width + GAP;
}

fn draw_palette(sheet: &mut RgbImage, outcome: &Outcome, left: u32, right: u32, top: u32) {
    let count = outcome.palette.len() as u32;
    for (index, swatch) in outcome.palette.iter().enumerate() {
        let edge = |index: u32| left + (right - left) * index / count;
        for y in top..top + PALETTE {
            for x in edge(index as u32)..edge(index as u32 + 1) {
                sheet.put_pixel(x, y, Rgb(swatch.rgb));
            }
        }
    }
}
