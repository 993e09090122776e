//! HTTP: routes, what comes in, what goes out. Knows the actors through [`Doors`]; nothing below knows HTTP.

mod access;
mod answer;
mod callers;
mod context;
mod cors;
mod doors;
mod etag;
#[cfg(feature = "faults")]
mod faults;
mod fetch_url;
mod finish;
pub(crate) mod jobs;
mod negotiate;
mod operations;
mod operator;
mod pace;
mod page;
mod pictures;
pub(crate) mod problem;
mod process;
mod process_zip;
mod processes;
mod pulse;
mod queue;
mod range;
mod request_id;
pub(crate) mod route;
mod server;
mod signature;
mod traced;
mod upload;
mod webhooks;

pub(crate) use doors::Doors;
pub(crate) use server::{Listening, listen};

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use huemill_actors::hex::hex;
use huemill_store::steady_clock::SteadyClock;

/// Seconds since 1970, by a clock that does not jump while the process lives: what is compared with the store's times.
pub(crate) fn steady_now() -> i64 {
    SteadyClock::of_process().seconds()
}

/// Seconds since 1970, by the machine's clock: what is compared with times that clients send.
pub(crate) fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs() as i64)
}
