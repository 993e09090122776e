//! Pictures beside a job whose inputs are refused: `make load-neighbours`. How long do 200 pictures take alone, and how
//! long beside a job with two inputs that cannot be read and are tried again and again? Rounds of both alternate; what
//! counts is the ratio of one run's medians.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    dead_code,
    unreachable_pub,
    reason = "a benchmark: it may stop, prints its output, and uses a part of what the tests have"
)]

#[path = "../tests/support/bucket_proxy.rs"]
mod bucket_proxy;
#[path = "../tests/support/database.rs"]
mod database;
#[path = "../tests/support/deployment.rs"]
mod deployment;
#[path = "../tests/faults/jobs.rs"]
mod jobs;
#[path = "../tests/support/permissions.rs"]
mod permissions;
#[path = "../store/tests/support/postgres.rs"]
mod postgres;
#[path = "../tests/support/proxy.rs"]
mod proxy;
#[path = "../tests/support/receiver.rs"]
mod receiver;
#[path = "../store/tests/support/s3.rs"]
mod s3;
#[path = "../tests/support/service.rs"]
mod service;
#[path = "../tests/support/wall_clock.rs"]
mod wall_clock;

use std::time::{Duration, Instant};

use deployment::{Deployment, Kind};
use permissions::Mode;
use service::Service;

fn main() {
    // `cargo test` runs benchmarks too, in their short form.
    let short = !std::env::args().any(|argument| argument == "--bench");
    let (pictures, rounds) = if short { (20, 1) } else { (200, 5) };
    let deployment = Deployment::new(Kind::Embedded).with(&[
        // As they come: the first wait, and the attempts, last longer than a round.
        ("HUEMILL__JOBS__RETRY_BASE_MS", "2000"),
        ("HUEMILL__JOBS__MAX_ATTEMPTS", "5"),
        ("HUEMILL__JOBS__LEASE_SECONDS", "30"),
    ]);
    let service = deployment.start();
    let many: Vec<_> = (0..pictures).map(|seed| jobs::noise(600, seed)).collect();
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        alone.push(seconds(&service, &many));
        let refused = refused(&deployment, &service);
        beside.push(seconds(&service, &many));
        println!(
            "{pictures} pictures alone {:6.2} s   beside two refused ones {:6.2} s",
            alone[round], beside[round]
        );
        jobs::delete(&service, &refused);
    }
    println!("beside refused ones to alone, medians: {:.2}", median(beside) / median(alone));
}

/// How long a job of these pictures takes, from its 202 to its end.
fn seconds(service: &Service, pictures: &[Vec<u8>]) -> f64 {
    let job = jobs::submit(service, pictures);
    let started = Instant::now();
    jobs::ends(service, &job, pictures.len(), 0);
    started.elapsed().as_secs_f64()
}

/// A job of two pictures that cannot be read.
fn refused(deployment: &Deployment, service: &Service) -> String {
    let pictures = jobs::small(2, 1);
    let (job, modes) = jobs::submit_and_before_work(deployment, service, &pictures, |inputs| {
        inputs.iter().filter_map(|key| Mode::unreadable(&deployment.blob_file(key))).collect::<Vec<_>>()
    });
    // They stay so; the service removes them with their job.
    std::mem::forget(modes);
    job
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Waits for a condition with a deadline.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + service::PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
