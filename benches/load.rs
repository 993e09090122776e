//! Measures the service under load, compared to the engine alone, in one run (`make load`).
//!
//! How many 2-megapixel pictures per second does the service process, compared to the engine alone on all cores? How
//! much memory does it use when idle, and at its peak with 24-megapixel pictures and any number of clients? Rounds of
//! both sides alternate, so that a noisy machine affects both. Absolute numbers depend on the machine, ratios on the
//! code.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a benchmark that cannot go on may stop")]

#[allow(dead_code, reason = "the pipeline's benchmark uses the rest")]
#[path = "../imaging/benches/support/pictures.rs"]
mod pictures;
mod support;

use std::sync::Arc;
use std::time::Duration;

use support::{client, engine, server::Server};

const ROUNDS: usize = 5;
const CONCURRENCY: usize = 4;

#[allow(clippy::print_stdout, reason = "a benchmark's output is its purpose")]
fn main() {
    // `cargo test` runs benchmarks too, with few rounds.
    let short = !std::env::args().any(|argument| argument == "--bench");
    let (rounds, round) =
        if short { (1, Duration::from_millis(300)) } else { (ROUNDS, Duration::from_secs(4)) };
    let photo: Arc<[u8]> = pictures::jpeg(1920, 1080, 7).into();

    let server = Server::start();
    println!("memory when idle: {:.1} MB", server.resident_mb());
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let alone = engine::per_second(&photo, round);
        let http = client::per_second(server.address, &photo, CONCURRENCY, round);
        println!(
            "2 MP JPEG: engine alone {alone:6.1}/s   HTTP at concurrency {CONCURRENCY} {http:6.1}/s   ratio {:.3}",
            http / alone
        );
        ratios.push(http / alone);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio: {:.3}", ratios[ratios.len() / 2]);
    println!("memory after load: {:.1} MB", server.resident_mb());

    let large: Arc<[u8]> = if short { photo } else { pictures::jpeg(6000, 4000, 7).into() };
    for clients in [4, 16, 64, 256] {
        let server = Server::start();
        let done = client::per_second(server.address, &large, clients, round) * round.as_secs_f64();
        println!(
            "24 MP JPEG ({:.1} MB), {clients:3} clients: {done:4.0} answers, peak {:6.1} MB, after it {:5.1} MB",
            large.len() as f64 / 1e6,
            server.peak_mb(),
            server.resident_mb()
        );
    }
}
