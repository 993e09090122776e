//! What is packaged: each package holds what it says, and what is installed from it works.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod chart;
#[path = "../support/mod.rs"]
mod support;

use support::servers;
