//! What people install: the systemd unit, the Debian package, the files of a release and the settings that they begin
//! with.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

#[path = "../support/mod.rs"]
mod support;

mod debian;
mod machine;
mod release;
mod starter_settings;
mod systemd;

use support::servers;
