//! What the service reports about itself: metric events, log events and traces. The actors and the HTTP edge report; it
//! never fails them.
#![doc = include_str!("../README.md")]

mod event;
pub mod events;
pub mod json_log;
pub mod log_writer;
pub mod pretty_log;
mod registry;
pub mod trace;

pub use event::{
    AUTH_REASONS, AspectClass, DOWNLOADS, Event, EventLoop, POLICIES, PollResult, RequestFacts,
    WEBHOOK_REASONS,
};
pub use log_writer::{CaughtPanic, catch_panic, install_panic_hook, panic_text};
pub use registry::{CONTENT_TYPE, LabelValues, Registry, RouteLabels};

/// Re-exported for [`log!`], so that its callers need not depend on the crate.
#[doc(hidden)]
pub use tracing;
