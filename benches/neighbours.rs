//! Measures how much a job with two unreadable inputs, which the service retries, slows down another job of 200 pictures
//! (`make load-neighbours`). Rounds with and without it alternate; the result is the ratio of the medians of one run.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a benchmark: it may stop, and prints its output"
)]

#[path = "../tests/support/mod.rs"]
mod harness;

use std::time::Instant;

use harness::deployment::{Deployment, Kind};
use harness::http;
use harness::permissions::ChangedMode;
use harness::pictures::{noise_png, small_pngs};
use harness::service::Service;

fn main() {
    // `cargo test` runs benchmarks too, with few rounds.
    let short = !std::env::args().any(|argument| argument == "--bench");
    let (pictures, rounds) = if short { (20, 1) } else { (200, 5) };
    let deployment = Deployment::new(Kind::Embedded).with(&[
        // The defaults: the first wait and the attempts last longer than a round.
        ("HUEMILL__JOBS__RETRY_BASE_MS", "2000"),
        ("HUEMILL__JOBS__MAX_ATTEMPTS", "5"),
        ("HUEMILL__JOBS__LEASE_SECONDS", "30"),
    ]);
    let service = deployment.start();
    let many: Vec<_> = (0..pictures).map(|seed| noise_png(600, seed)).collect();
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        alone.push(seconds(&service, &many));
        let unreadable = submit_unreadable(&deployment, &service);
        beside.push(seconds(&service, &many));
        println!(
            "{pictures} pictures alone {:6.2} s   beside two unreadable ones {:6.2} s",
            alone[round], beside[round]
        );
        http::delete_job(&service, &unreadable);
    }
    println!("beside unreadable ones to alone, medians: {:.2}", median(beside) / median(alone));
}

/// The seconds that a job of these pictures takes from its 202 to its end.
fn seconds(service: &Service, pictures: &[Vec<u8>]) -> f64 {
    let job = http::submit(service, pictures);
    let started = Instant::now();
    http::assert_job_ends(service, &job, pictures.len(), 0);
    started.elapsed().as_secs_f64()
}

/// Submits a job of two pictures whose inputs the service cannot read, and returns its id.
fn submit_unreadable(deployment: &Deployment, service: &Service) -> String {
    let pictures = small_pngs(2, 1);
    let (job, modes) = http::submit_and_before_work(deployment, service, &pictures, |inputs| {
        inputs
            .iter()
            .filter_map(|key| ChangedMode::unreadable(&deployment.blob_file(key)))
            .collect::<Vec<_>>()
    });
    // The files stay unreadable; the service removes them with their job.
    std::mem::forget(modes);
    job
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
