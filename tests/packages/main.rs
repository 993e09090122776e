//! How the service is installed and run: each package holds what it says, what is installed from it works, also behind other
//! servers, and so do the settings that people begin with. `make packages` tests all of it.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test, and its report")]

mod chart;
mod container;
mod debian;
mod fronts;
mod load;
mod machine;
mod release;
mod service_manager;
mod source;
mod starter_settings;
#[path = "../support/mod.rs"]
mod support;
mod systemd;

use support::{archives, servers};
