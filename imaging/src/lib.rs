//! Turns the bytes of a picture into a colour palette, a crop and a social card.
//!
//! The crate is pure: bytes in, bytes out. It does no I/O, reads no clock, and has no async code and no threads of
//! its own. The caller supplies a [`Monitor`], which tells the time and whether the work was canceled. The code never
//! panics on purpose. Callers should contain panics all the same, because the input is untrusted.

pub mod average;
mod card;
mod color_space;
mod color_summary;
mod contact_sheet;
pub mod contrast;
mod decode;
mod engine;
mod error;
mod export;
mod faces;
mod format;
mod ifd;
mod layout;
mod metadata;
#[cfg(test)]
#[path = "../tests/support/monk.rs"]
mod monk;
pub mod names;
mod oklch;
mod option_fields;
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
mod subject;
mod subpixel_rect;
pub mod swatch;
mod transparency;
mod work;

pub use card::Layout;
pub use color_summary::ColorSummary;
pub use contact_sheet::{ContactSheet, Tile};
pub use decode::{Decoder, ThreadPoolError};
pub use engine::{Engine, EngineError, SHORT_SIDE};
pub use error::Error;
pub use export::{Export, ExportError};
pub use faces::{Face, FaceFinder, FaceModelError, Top};
pub use format::{Format, Sniffed, sniff};
pub use layout::classic_crop;
pub use option_fields::{
    FormatName, NAMES as OPTION_NAMES, OptionError, OptionFields, allowed as option_values,
};
pub use options::{
    Aspect, CardFormat, CardKind, CardKindError, CropMethod, Focus, FocusError, Options, PaletteMethod,
    Theme, ThemeError,
};
pub use orientation::{Orientation, Rect};
pub use outcome::{Card, Crop, Monitor, Outcome, Source, Stage, Timings, Unmonitored};
pub use palette::extract as extract_palette;
pub use probe::{Limits, Probe, probe};
pub use raster::Raster;
pub use roles::Roles;
pub use scheme::{Scheme, SchemeColors};
pub use swatch::Swatch;
