//! Traces as a collector and operators see them: the spans of a request, its job and its webhook go out over OTLP, and
//! only where an operator has asked for it; a dead collector delays nothing.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod export;
mod spans;
#[path = "../support/mod.rs"]
mod support;
mod test_service;

use support::servers;
