//! What Huemill is shipped in: it can be built, it passes the linters of its kind, and it runs. `make packages` has it
//! built and run for real.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod container;
#[path = "../support/mod.rs"]
mod support;

use support::servers;
