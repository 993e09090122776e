//! The card: a picture above a row of swatches, or the crop alone, as PNG, JPEG or WebP.
//!
//! The engine calls it. `layout` says where the parts are, which is part of the service's contract, `canvas` draws them,
//! and `encode` makes the file. On one machine the same pixels always give the same bytes. An error is a bug, since no
//! input can cause one.

mod canvas;
mod encode;
mod layout;

pub(crate) use canvas::{compose, ground};
pub(crate) use encode::memory as encoding_memory;
pub use layout::Layout;
