//! What operators read: metrics and log lines. The README lists every one of them.

mod event;
mod registry;

pub use event::{Event, RequestFacts};
pub use registry::{CONTENT_TYPE, Known, Registry};
