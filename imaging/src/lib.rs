//! Pixels: probe and decode under limits, palette, crop, card, encode.
//!
//! Pure: bytes in, bytes out. No I/O, no clock, no async, no threads of its own. What it needs of the world
//! (the time a stage took, whether to go on) it asks of a [`Watch`]. It never panics on purpose; whoever calls
//! it contains a panic all the same, since the bytes come from strangers.

pub mod card;
pub mod crop;
mod decode;
mod encode;
mod engine;
mod error;
mod format;
mod ifd;
mod limits;
mod options;
mod orientation;
mod outcome;
mod palette;
mod probe;
mod profile;
mod raster;
mod scale;
pub mod swatch;
mod watch;

pub use crop::best as best_crop;
pub use decode::{Decoder, NoPool};
pub use engine::Engine;
pub use error::Error;
pub use format::{Format, Sniffed, sniff};
pub use limits::Limits;
pub use options::{Aspect, CardFormat, Options};
pub use orientation::{Area, Orientation};
pub use outcome::{Card, Crop, Outcome, Source, Stage, Swatch, Timings};
pub use palette::extract as extract_palette;
pub use probe::{Probe, probe};
pub use raster::Raster;
pub use watch::{Unwatched, Watch};
