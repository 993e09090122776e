//! Measures how long the webhooks of a live receiver take beside a thousand webhooks for a receiver that never answers
//! (`make load-webhooks`).

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a benchmark: it may stop, and prints its output"
)]

#[path = "../tests/support/mod.rs"]
mod harness;

use std::time::Duration;

use harness::http::{client, images_form};
use harness::loopback_settings;
use harness::pictures::small_png;
use harness::receiver::{Receiver, Reply};
use harness::service::Service;

fn main() {
    // `cargo test` runs benchmarks too, with few rounds.
    let (dead_jobs, live_jobs) =
        if std::env::args().any(|argument| argument == "--bench") { (1_000, 10) } else { (20, 3) };
    let (dead, live) = (Receiver::start(|_, _| Reply::Silence), Receiver::start(|_, _| Reply::status(204)));
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &loopback_settings(&[dead.port(), live.port()]));
    let client = client();
    for n in 0..dead_jobs + live_jobs {
        // The jobs for the live receiver come last.
        let callback = if n < dead_jobs { dead.url("/") } else { live.url("/") };
        let form = images_form(&[small_png()]).text("callback_url", callback);
        assert_eq!(client.post(service.url("/jobs")).multipart(form).send().unwrap().status(), 202);
    }
    while service.logged("webhook_delivered").len() < live_jobs {
        std::thread::sleep(Duration::from_millis(20));
    }
    let delivered = service.logged("webhook_delivered");
    let mut ages: Vec<u64> = delivered.iter().map(|line| line["age_ms"].as_u64().unwrap()).collect();
    ages.sort_unstable();
    let p95 = ages[(ages.len() * 95).div_ceil(100) - 1];
    println!(
        "from the end of a job to the delivery at the live receiver: median {} ms, p95 {p95} ms",
        ages[ages.len() / 2]
    );
    println!("the dead receiver had {dead_jobs} jobs and {} connections", dead.connections());
}
