//! How the service is installed and run: packages, and what is in front of it. `make packages` tests all of it.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test, and its report")]

mod fronts;
#[path = "../support/mod.rs"]
mod support;

use support::{archives, servers};
