//! Webhooks beside a dead receiver: `make load-webhooks`. A thousand jobs' ends for a host that never answers, ten
//! for one that does: how long do the ten take from a job's end until it is told?

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a benchmark: it may stop, and prints its output"
)]

#[path = "../tests/support/receiver.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod receiver;
#[path = "../tests/support/service.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod service;

use std::time::Duration;

use receiver::{Receiver, Reply};
use reqwest::blocking::Client;
use reqwest::blocking::multipart::{Form, Part};
use service::Service;

fn main() {
    // `cargo test` runs benchmarks too, in their short form.
    let (dead_jobs, live_jobs) =
        if std::env::args().any(|argument| argument == "--bench") { (1_000, 10) } else { (20, 3) };
    let (dead, live) = (Receiver::start(|_, _| Reply::Silence), Receiver::start(|_, _| Reply::status(204)));
    let data = tempfile::tempdir().unwrap();
    let environment = [
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32".to_owned()),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", format!("{},{}", dead.port(), live.port())),
    ]
    .map(|(key, value)| (key.to_owned(), value));
    let service = Service::start(data.path(), &environment);
    let client = Client::builder().no_proxy().build().unwrap();
    for n in 0..dead_jobs + live_jobs {
        // Those for the live one come last, behind all others.
        let callback = if n < dead_jobs { dead.url("/") } else { live.url("/") };
        let form = Form::new()
            .part("images", Part::bytes(picture()).file_name("a.png"))
            .text("callback_url", callback);
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
        "from a job's end until the live host was told: median {} ms, p95 {p95} ms",
        ages[ages.len() / 2]
    );
    println!("the dead host had {dead_jobs} jobs and was connected {} times", dead.connections());
}

fn picture() -> Vec<u8> {
    let image = image::RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 10, y as u8 * 15, 90]));
    let mut bytes = Vec::new();
    image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}
