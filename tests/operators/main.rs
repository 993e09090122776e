//! What operators are promised, checked on a real service: it never prints a secret, the id of one request leads to all
//! that was logged about it, the metrics are right, and probes are answered whatever hangs.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod canaries;
mod canary_service;
mod commands;
mod hostile;
mod hostile_urls;
mod log_lines;
mod metrics;
#[path = "../../observability/tests/support/mod.rs"]
mod ordered;
mod readiness;
mod redaction;
mod request_trail;
#[path = "../support/mod.rs"]
mod support;

use support::servers;
