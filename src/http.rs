//! The HTTP interface of the service: routes, request parsing, responses and middleware. Handlers reach the actors
//! through the parts of the application state ([`State`]); nothing below this module knows HTTP.

mod accept;
mod access;
mod body_stream;
pub(crate) mod client;
mod connection;
mod content_negotiation;
mod context;
mod etag;
pub(crate) mod jobs;
mod keys;
mod list_query;
mod middleware;
pub(crate) mod openapi;
mod operations;
mod option_names;
mod page;
mod picture_json;
pub(crate) mod problem;
mod process;
mod process_zip;
mod processes;
mod queue;
mod range;
mod request_id;
mod request_stats;
mod resource;
pub(crate) mod route;
pub(crate) mod route_codes;
mod server;
#[cfg(test)]
#[path = "../fuzz/short_run.rs"]
#[allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "the fuzz targets share this file"
)]
mod short_run;
mod signature;
mod state;
mod surface;
mod tls;
mod upload;
mod webhooks;

pub(crate) use server::{Listeners, Listening, Stop, listen};
pub(crate) use state::State;
pub(crate) use tls::{Tls, TlsError};
