//! The HTTP interface of the service: a real process and real sockets, a file for each subject.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test, and its report")]

mod answers;
mod clients;
mod escaped_paths;
mod fetch_url;
mod hostile_framing;
mod hostile_http;
mod hostile_images;
mod hostile_pipelines;
mod hostile_zips;
mod job_requests;
mod jobs;
mod jobs_control;
mod jobs_hostile;
mod jobs_keys;
mod jobs_links;
mod jobs_results;
mod jobs_running;
mod jobs_signed;
mod jobs_urls;
mod key_requests;
mod keys;
mod keys_lifecycle;
mod lifecycle;
mod listeners;
mod logs;
mod operations;
mod option_names;
mod outbound;
mod outbound_transfer;
mod overload;
mod overload_jobs;
mod page;
mod preconditions;
mod process;
mod process_zip;
mod queue;
mod quotas;
mod series;
#[path = "../support/mod.rs"]
mod support;
mod test_server;
mod test_service;
mod tls;
mod tls_http2;
mod tls_service;
mod webhooks;
mod wire;

#[path = "../../imaging/tests/support/containers.rs"]
mod containers;
#[path = "../../imaging/tests/support/costly.rs"]
mod costly;
#[path = "../../imaging/tests/support/costly_chunks.rs"]
mod costly_chunks;
#[path = "../../imaging/tests/support/costly_frames.rs"]
mod costly_frames;
#[path = "../../imaging/tests/support/hostile.rs"]
mod hostile;
#[path = "../../imaging/tests/support/hostile_frames.rs"]
mod hostile_frames;
#[path = "../../imaging/tests/support/jpeg_variants.rs"]
mod jpeg_variants;
#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../../imaging/benches/support/pictures.rs"]
mod photos;
#[path = "../../imaging/tests/support/pictures.rs"]
mod pictures;
#[path = "../../imaging/tests/support/tiff_writer.rs"]
mod tiff_writer;

use support::{archives, servers};
