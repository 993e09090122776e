//! The summary of one picture as JSON: the members that HTTP answers, the command line and job results share. It
//! borrows from an [`Outcome`]. The card is not part of it, since the caller decides whether to send it inline, as
//! a link or as a file.

use huemill_imaging::{Crop, Outcome, Source, Swatch};
use serde::Serialize;

/// The members `palette`, `colors`, `crop` and `source`.
#[derive(Debug, Serialize)]
pub struct PictureSummary {
    palette: Vec<[u8; 3]>,
    colors: Vec<Color>,
    crop: CropMember,
    source: SourceMember,
}

#[derive(Debug, Serialize)]
struct Color {
    hex: String,
    rgb: [u8; 3],
    oklch: Oklch,
    share: f64,
    name: &'static str,
    text: &'static str,
    derived: bool,
}

#[derive(Debug, Serialize)]
struct Oklch {
    l: f64,
    c: f64,
    h: f64,
}

#[derive(Debug, Serialize)]
struct CropMember {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    score: f64,
}

#[derive(Debug, Serialize)]
struct SourceMember {
    format: &'static str,
    width: u32,
    height: u32,
    orientation: u8,
}

impl From<&Outcome> for PictureSummary {
    fn from(outcome: &Outcome) -> Self {
        Self {
            palette: outcome.palette.iter().map(|swatch| swatch.rgb).collect(),
            colors: outcome.palette.iter().map(Color::from).collect(),
            crop: CropMember::from(&outcome.crop),
            source: SourceMember::from(&outcome.source),
        }
    }
}

impl From<&Swatch> for Color {
    fn from(swatch: &Swatch) -> Self {
        let [r, g, b] = swatch.rgb;
        let [l, c, h] = swatch.oklch;
        Self {
            hex: format!("#{r:02x}{g:02x}{b:02x}"),
            rgb: swatch.rgb,
            oklch: Oklch { l: rounded(l), c: rounded(c), h: rounded(h) },
            share: swatch.share,
            name: swatch.name,
            text: if swatch.dark_text { "#000000" } else { "#ffffff" },
            derived: swatch.derived,
        }
    }
}

impl From<&Crop> for CropMember {
    fn from(crop: &Crop) -> Self {
        Self { x: crop.x, y: crop.y, width: crop.width, height: crop.height, score: crop.score }
    }
}

impl From<&Source> for SourceMember {
    fn from(source: &Source) -> Self {
        Self {
            format: source.format,
            width: source.width,
            height: source.height,
            orientation: source.orientation,
        }
    }
}

/// Four decimals: finer than the eye can see, and short on the wire.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1e4).round() / 1e4
}
