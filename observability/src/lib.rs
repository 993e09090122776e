#![doc = include_str!("../README.md")]

mod event;
pub mod events;
pub mod line;
pub mod outlet;
mod panic;
mod registry;
pub mod trace;

pub use event::{AUTH_REASONS, Aspect, DOWNLOADS, Event, EventLoop, Poll, RequestFacts, WEBHOOK_REASONS};
pub use panic::{install_panic_hook, panic_text};
pub use registry::{CONTENT_TYPE, Known, Registry};

/// For [`log!`], so that its callers need not name the crate.
#[doc(hidden)]
pub use tracing;
