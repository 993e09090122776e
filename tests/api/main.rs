//! The service from outside: a real process, real sockets. One file a subject; a test's name says what holds.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test's own helpers, in a binary without a public")]

mod app;
mod cards;
mod fetch_url;
mod hostile_http;
mod hostile_images;
mod hostile_zips;
mod jobs;
mod jobs_app;
mod jobs_control;
mod jobs_hostile;
mod jobs_keys;
mod jobs_results;
mod jobs_signed;
mod jobs_urls;
mod lifecycle;
mod logs;
mod operations;
mod outbound;
mod outbound_transfer;
mod process;
mod process_zip;
mod queue;
mod site;
mod webhooks;
mod wire;

#[path = "../../store/tests/support/archives.rs"]
mod archives;
#[path = "../../imaging/tests/support/containers.rs"]
mod containers;
#[path = "../../imaging/tests/support/hostile.rs"]
mod hostile;
#[path = "../../imaging/tests/support/hostile_frames.rs"]
mod hostile_frames;
#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../../imaging/benches/support/pictures.rs"]
mod photos;
#[path = "../../imaging/tests/support/pictures.rs"]
mod pictures;
