//! `huemill submit`, `jobs`, `deliveries`, `secret`, `backup` and `restore`, as their users run them, against a running service.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

#[path = "../../store/tests/support/archives.rs"]
mod archives;
mod backup;
mod deliveries;
mod desk;
mod jobs;
mod operations;
#[path = "../support/service.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod service;
mod submit;
