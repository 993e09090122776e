//! `huemill process` and `huemill watch` as a user runs them: what they print, which files they write, and how they fail.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod exports;
mod inputs;
mod results;
mod sheets;
mod terminal;
mod watch;
mod workspace;
