//! How the service is installed and run: each package holds what it says, and what is installed from it works, also behind
//! other servers. `make packages` tests all of it.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test, and its report")]

mod chart;
mod fronts;
#[path = "../support/mod.rs"]
mod support;

use support::{archives, servers};
