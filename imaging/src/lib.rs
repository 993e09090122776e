//! Turns the bytes of a picture into a colour palette, a crop and a social card.
//!
//! The crate is pure: bytes in, bytes out. It does no I/O, reads no clock, and has no async code and no threads of
//! its own. The caller supplies a [`Monitor`], which tells the time and whether the work was canceled. The code never
//! panics on purpose. Callers should contain panics all the same, because the input is untrusted.

pub mod card;
pub mod crop;
mod decode;
mod engine;
mod faces;
mod format;
mod ifd;
mod options;
mod orientation;
mod outcome;
mod palette;
mod probe;
mod profile;
mod raster;
mod scale;
pub mod swatch;
mod work;

pub use crop::best as best_crop;
pub use decode::{Decoder, ThreadPoolError};
pub use engine::Engine;
pub use faces::{Face, FaceFinder, FaceModelError};
pub use format::{Format, Sniffed, sniff};
pub use options::{Aspect, CardFormat, Options, PaletteMethod};
pub use orientation::{Orientation, Rect};
pub use outcome::{Card, Crop, Error, Monitor, Outcome, Source, Stage, Swatch, Timings, Unmonitored};
pub use palette::extract as extract_palette;
pub use probe::{Limits, Probe, probe};
pub use raster::Raster;
