//! `huemill submit`, `jobs`, `deliveries`, `processes`, `queue`, `keys`, `secret`, `backup` and `restore` as their users run them,
//! with a running service.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod backup;
mod deliveries;
mod jobs;
mod keys;
mod operations;
mod settings;
mod submit;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod workspace;

use support::archives;
