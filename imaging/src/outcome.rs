//! What one picture gives: plain data for whoever answers, stores or prints it.

use std::time::Duration;

use crate::CardFormat;

/// Everything that was made of one picture.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What the picture was.
    pub source: Source,
    /// Exactly as many colours as were asked for, most frequent first.
    pub palette: Vec<Swatch>,
    /// The best crop of the asked aspect.
    pub crop: Crop,
    /// The social card.
    pub card: Card,
    /// How long each stage took.
    pub timings: Timings,
}

/// What the picture was, upright: width and height are after EXIF orientation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Lower-case name of the format: `jpeg`, `png`, `webp`, `gif`, `bmp`, `tiff`.
    pub format: &'static str,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The EXIF orientation that was found, 1 to 8 (1 where there is none).
    pub orientation: u8,
}

/// One colour of a palette.
#[derive(Debug, Clone, PartialEq)]
pub struct Swatch {
    /// sRGB, 0 to 255 each.
    pub rgb: [u8; 3],
    /// Oklch: lightness 0 to 1, chroma from 0, hue in degrees from 0 to 360.
    pub oklch: [f32; 3],
    /// The part of the pixels considered that this colour stands for, 0 to 1; a palette's shares sum to 1.
    /// Near-white pixels are not considered where the others have colours enough.
    pub share: f64,
    /// The nearest CSS named colour.
    pub name: &'static str,
    /// Whether black text reads better on it than white (WCAG 2 contrast).
    pub dark_text: bool,
    /// Whether it was added as a shade because the picture has fewer colours; its share is 0 then.
    pub derived: bool,
}

/// A rectangle in the upright picture's pixels, inside of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crop {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Pixels across, 1 at least.
    pub width: u32,
    /// Pixels down, 1 at least.
    pub height: u32,
    /// smartcrop's total score; comparable between crops of one picture only.
    pub score: f64,
}

/// The card, encoded.
#[derive(Debug, Clone)]
pub struct Card {
    /// The encoded bytes.
    pub bytes: Vec<u8>,
    /// What they are.
    pub format: CardFormat,
}

/// The stages of a picture's way, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Bytes to pixels, colour management included.
    Decode,
    /// Pixels to colours.
    Palette,
    /// Pixels to the best rectangle.
    Crop,
    /// Rectangle and colours to the card's pixels.
    Card,
    /// The card's pixels to bytes.
    Encode,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 5] = [Self::Decode, Self::Palette, Self::Crop, Self::Card, Self::Encode];

    /// Lower-case name, as metrics and logs spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Palette => "palette",
            Self::Crop => "crop",
            Self::Card => "card",
            Self::Encode => "encode",
        }
    }
}

/// How long each stage took, by the clock of the [`Watch`](crate::Watch) that was handed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings([Duration; Stage::ALL.len()]);

impl Timings {
    /// The time that one stage took.
    #[must_use]
    pub fn get(&self, stage: Stage) -> Duration {
        self.0[stage as usize]
    }

    /// Each stage with its time, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Duration)> + '_ {
        Stage::ALL.into_iter().map(|stage| (stage, self.get(stage)))
    }

    /// The time of all stages.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.0.iter().sum()
    }

    pub(crate) fn add(&mut self, stage: Stage, time: Duration) {
        self.0[stage as usize] += time;
    }
}
