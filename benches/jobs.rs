//! Measures the job system under load, in ratios of one run (`make load-jobs`).
//!
//! How many durable jobs per second does the service accept, compared to bare commits of its store? How many polls of a
//! job in progress does it answer, with 304 and with 200, compared to /health, with 100,000 jobs in the store? What does
//! it do and use while it is idle? Rounds of both sides alternate.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a benchmark: it may stop, and prints its output"
)]

#[path = "support/client.rs"]
#[allow(dead_code, reason = "the other benchmark uses the rest")]
mod client;
#[path = "support/seed.rs"]
mod seed;
#[path = "support/server.rs"]
#[allow(dead_code, reason = "the other benchmark uses the rest")]
mod server;

use std::time::{Duration, Instant};

use server::Server;

const ROUNDS: usize = 5;
const CLIENTS: usize = 16;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    // `cargo test` runs benchmarks too, with few rounds.
    let short = !std::env::args().any(|argument| argument == "--bench");
    let (jobs, round, idle) = if short {
        (200, Duration::from_millis(200), Duration::from_millis(300))
    } else {
        (100_000, Duration::from_secs(3), Duration::from_secs(60))
    };
    measure_accepted_jobs(round, if short { 1 } else { ROUNDS });
    measure_polls(jobs, round, if short { 1 } else { ROUNDS });
    measure_idling(idle);
}

/// Compares the rate of accepted jobs with that of bare commits of the same store.
fn measure_accepted_jobs(round: Duration, rounds: usize) {
    let data = tempfile::tempdir().unwrap();
    let bare = tempfile::tempdir().unwrap();
    // The pictures wait, so that workers take no processor time from the measurement.
    let server = Server::start_on(data.path(), &[("HUEMILL__JOBS__PICTURE_SECONDS", "60")]);
    let body = seed::tiny_picture();
    let request = client::post("/jobs", "multipart/form-data; boundary=b", &seed::form(&body));
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let commits = seed::commits_per_second(bare.path(), round);
        let accepted = client::rate(server.address, &request, CLIENTS, round, 202);
        println!(
            "accepted jobs {accepted:7.0}/s   bare commits one by one {commits:7.0}/s   ratio {:.2}",
            accepted / commits
        );
        ratios.push(accepted / commits);
    }
    println!("accepted jobs to bare commits, median: {:.2}", median(ratios));
}

/// Compares the rate of polls with that of /health.
fn measure_polls(jobs: usize, round: Duration, rounds: usize) {
    let data = tempfile::tempdir().unwrap();
    let started = Instant::now();
    seed::fill(data.path(), jobs);
    println!("{jobs} jobs created in {:.0} s", started.elapsed().as_secs_f64());
    let server = Server::start_on(data.path(), &[]);
    let id = seed::in_progress(data.path());
    let path = format!("/jobs/{id}");
    let tag = client::header(server.address, &client::get(&path, None), "etag");
    let (health, plain, conditional) =
        (client::get("/health", None), client::get(&path, None), client::get(&path, Some(&tag)));
    let (mut not_modified, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let base = client::rate(server.address, &health, CLIENTS, round, 200);
        let same = client::rate(server.address, &conditional, CLIENTS, round, 304);
        let full = client::rate(server.address, &plain, CLIENTS, round, 200);
        println!(
            "/health {base:7.0}/s   304 {same:7.0}/s ({:.2})   200 {full:7.0}/s ({:.2})",
            same / base,
            full / base
        );
        not_modified.push(same / base);
        whole.push(full / base);
    }
    println!("304 to /health, median: {:.2}; 200: {:.2}", median(not_modified), median(whole));
}

/// Measures the queries and the processor time of an idle service.
fn measure_idling(time: Duration) {
    let server = Server::start();
    let queue = |server: &Server| -> f64 {
        ["claim", "settle", "reap", "heartbeat"]
            .iter()
            .map(|operation| {
                let series = format!("store_operation_duration_seconds_count{{operation=\"{operation}\"}}");
                client::metric(server.address, &series)
            })
            .sum()
    };
    // The first query of the queue belongs to the start.
    std::thread::sleep(Duration::from_secs(2).min(time));
    let (asked, used) = (queue(&server), server.cpu_seconds());
    std::thread::sleep(time);
    println!(
        "idle for {:.0} s: {} queue queries, {:.2} % of a core",
        time.as_secs_f64(),
        queue(&server) - asked,
        (server.cpu_seconds() - used) / time.as_secs_f64() * 100.0
    );
}
