//! Turns the bytes of a picture into a colour palette, a crop and a social card.
//!
//! The crate is pure: bytes in, bytes out. It does no I/O, reads no clock, and has no async code and no threads of
//! its own. The caller supplies a [`Monitor`], which tells the time and whether the work was canceled. The code never
//! panics on purpose. Callers should contain panics all the same, because the input is untrusted.

pub mod average;
pub mod card;
mod color_summary;
pub mod contrast;
pub mod crop;
mod decode;
mod engine;
mod export;
mod format;
mod ifd;
pub mod names;
mod oklch;
mod options;
mod orientation;
mod outcome;
mod palette;
pub mod placeholder;
mod probe;
mod profile;
mod raster;
mod roles;
mod scale;
mod scheme;
pub mod swatch;
mod work;

pub use color_summary::ColorSummary;
pub use crop::best as best_crop;
pub use decode::{Decoder, ThreadPoolError};
pub use engine::Engine;
pub use export::{Export, ExportError};
pub use format::{Format, Sniffed, sniff};
pub use options::{Aspect, CardFormat, Options, PaletteMethod};
pub use orientation::{Orientation, Rect};
pub use outcome::{Card, Crop, Error, Monitor, Outcome, Source, Stage, Swatch, Timings, Unmonitored};
pub use palette::extract as extract_palette;
pub use probe::{Limits, Probe, probe};
pub use raster::Raster;
pub use roles::Roles;
pub use scheme::{Scheme, Theme};
