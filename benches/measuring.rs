//! Measures what instrumentation costs (`make load-measuring`): the processor time of a request's metrics and log line,
//! compared to the processor time that the service takes for the whole request in the same run.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a benchmark: it may stop, and prints its output"
)]

#[path = "support/client.rs"]
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod client;
#[path = "support/instrumentation.rs"]
mod instrumentation;
#[allow(dead_code, reason = "the pipeline's benchmark uses the rest")]
#[path = "../imaging/benches/support/pictures.rs"]
mod pictures;
#[path = "support/seed.rs"]
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod seed;
#[path = "support/server.rs"]
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod server;

use std::process::{Command, Stdio};
use std::time::Duration;

use server::Server;

/// The argument with which this program runs itself: a process with a separate standard output for the log lines.
const SUBPROCESS: &str = "--instrumentation";
const CLIENTS: usize = 4;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test` runs benchmarks too, with few rounds.
    let short = !arguments.iter().any(|argument| argument == "--bench");
    if let Some(place) = arguments.iter().position(|argument| argument == SUBPROCESS) {
        return eprintln!(
            "{}",
            instrumentation::micros(&arguments[place + 1], arguments[place + 2].parse().unwrap())
        );
    }
    let (rounds, round) = if short { (1, Duration::from_millis(300)) } else { (5, Duration::from_secs(4)) };
    let data = tempfile::tempdir().unwrap();
    seed::fill(data.path(), 0);
    let server = Server::start_on(data.path(), &[]);
    let poll = format!("/jobs/{}", seed::in_progress(data.path()));
    let tag = client::header(server.address, &client::get(&poll, None), "etag");
    let picture = pictures::jpeg(1920, 1080, 7);
    for (name, request, status) in [
        (instrumentation::PICTURE, client::post("/process", "image/jpeg", &picture), 200),
        (instrumentation::POLL, client::get(&poll, Some(&tag)), 304),
    ] {
        let mut shares = Vec::new();
        for _ in 0..rounds {
            let (before, whole) = (server.cpu_seconds(), round.as_secs_f64());
            let done = client::rate(server.address, &request, CLIENTS, round, status) * whole;
            let spent = (server.cpu_seconds() - before) * 1e6 / done;
            let measuring = in_subprocess(name, if short { 10_000 } else { 300_000 });
            println!(
                "{name}: instrumentation {measuring:.2} µs of {spent:.1} µs: {:.3} %",
                measuring / spent * 100.0
            );
            shares.push(measuring / spent * 100.0);
        }
        shares.sort_by(f64::total_cmp);
        println!("{name}, median: {:.3} %", shares[shares.len() / 2]);
    }
}

/// Measures the instrumentation in a separate process.
fn in_subprocess(what: &str, times: usize) -> f64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([SUBPROCESS, what, &times.to_string()])
        .stdout(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stderr).unwrap().trim().parse().unwrap()
}
