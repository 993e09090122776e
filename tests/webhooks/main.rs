//! Webhooks from end to end: a real service, real receivers, and the published libraries that verify webhooks.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod isolation;
mod retries;
mod signatures;
#[path = "../support/mod.rs"]
mod support;
mod test_service;

use support::servers;
