//! What operators read.

mod event;
pub use event::{Event, RequestFacts};
