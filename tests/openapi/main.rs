//! The OpenAPI document from outside: it is the committed one, Spectral finds nothing in it, generators make clients of it
//! that work, and the service answers nothing that it does not describe.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod cases;
mod clients;
mod document;
#[path = "../support/mod.rs"]
mod support;

use support::servers;
