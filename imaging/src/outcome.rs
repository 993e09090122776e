//! What callers of the pipeline see: the result of processing one picture, and the [`Monitor`] through which the pipeline
//! sees its caller. Results are plain data that other crates store, print or send as a response.

use std::time::Duration;

use crate::{CardFormat, ColorSummary, Rect, Swatch};

/// Everything that the engine makes from one picture.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Facts about the picture itself.
    pub source: Source,
    /// Exactly the requested number of colours, most frequent first.
    pub palette: Vec<Swatch>,
    /// The picture's colours by their use, and as a whole.
    pub summary: ColorSummary,
    /// The best crop of the requested aspect ratio.
    pub crop: Crop,
    /// The part that holds the subject of the picture.
    pub subject: Rect,
    /// The faces that were found, the surest first.
    pub faces: Vec<Rect>,
    /// The card, unless [`CardKind::None`](crate::CardKind::None) was requested.
    pub card: Option<Card>,
    /// The part of the upright picture that the card shows, rounded to whole pixels.
    pub card_crop: Option<Rect>,
    /// Duration of each stage.
    pub timings: Timings,
}

/// Facts about the source picture. Width and height are upright, with EXIF orientation applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Lower-case name of the format: `jpeg`, `png`, `webp`, `gif`, `bmp`, `tiff`.
    pub format: &'static str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The EXIF orientation, 1 to 8 (1 if there is none).
    pub orientation: u8,
}

/// A rectangle inside the upright picture, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crop {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
    /// How good the place is. Only comparable between crops of the same picture by the same method.
    pub score: f64,
}

impl Crop {
    /// The rectangle alone.
    #[must_use]
    pub fn rect(&self) -> Rect {
        Rect { x: self.x, y: self.y, width: self.width, height: self.height }
    }
}

/// The encoded card.
#[derive(Debug, Clone)]
pub struct Card {
    /// The encoded bytes.
    pub bytes: Vec<u8>,
    /// The encoding.
    pub format: CardFormat,
}

/// The stages of the pipeline, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Decodes bytes to pixels, colour management included.
    Decode,
    /// Extracts the palette.
    Palette,
    /// Finds the subject: the small copy, faces, and what differs from the border.
    Subject,
    /// Places the crop and the card's picture.
    Layout,
    /// Draws the card.
    Card,
    /// Encodes the card.
    Encode,
}

impl Stage {
    /// All stages, in order.
    pub const ALL: [Self; 6] =
        [Self::Decode, Self::Palette, Self::Subject, Self::Layout, Self::Card, Self::Encode];

    /// Lower-case name, as used in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Palette => "palette",
            Self::Subject => "subject",
            Self::Layout => "layout",
            Self::Card => "card",
            Self::Encode => "encode",
        }
    }
}

/// The duration of each stage, by the clock of the caller's [`Monitor`](crate::Monitor).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings([Duration; Stage::ALL.len()]);

impl Timings {
    /// Returns the duration of one stage.
    #[must_use]
    pub fn get(&self, stage: Stage) -> Duration {
        self.0[stage as usize]
    }

    /// Iterates over the stages with their durations, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Duration)> + '_ {
        Stage::ALL.into_iter().map(|stage| (stage, self.get(stage)))
    }

    /// Returns the duration of all stages together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.0.iter().sum()
    }

    pub(crate) fn add(&mut self, stage: Stage, time: Duration) {
        self.0[stage as usize] += time;
    }
}

/// Supplied by the caller. The pipeline calls it between stages and every few milliseconds while it decodes.
pub trait Monitor {
    /// Time since any fixed moment: wall clock, CPU time or a test clock. Only differences are used.
    fn now(&self) -> Duration;

    /// Whether the work should stop.
    fn canceled(&self) -> bool;

    /// Receives the work that was counted while a picture was decoded, in blocks of 64 samples. Called once per
    /// decoding, whether it succeeded or not.
    fn decoded(&self, _work: u64) {}
}

/// A monitor for callers that neither measure nor cancel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unmonitored;

impl Monitor for Unmonitored {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn canceled(&self) -> bool {
        false
    }
}
