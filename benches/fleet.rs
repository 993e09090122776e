//! Measures how much store time a picture costs, and the share of sweeps and statistics in it: twenty processes on one
//! PostgreSQL with a million ended and ten thousand live jobs, compared to one process with a thousand jobs
//! (`make load-fleet`). Both get pictures at the same slow rate, so that two cores suffice and the time is the store's.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a benchmark: it may stop, and prints its output"
)]

#[path = "../tests/support/mod.rs"]
mod harness;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use harness::http;
use harness::pictures::small_pngs;
use harness::servers::postgres::Cluster;
use harness::servers::{self, Tool};
use harness::service::Service;
use harness::{variables, wait_until};

/// The store operations that belong neither to a picture nor to a client's request.
const SWEEPS: [&str; 9] =
    ["figures", "recount", "stalled", "hold_duty", "expire", "removable", "removed", "collect", "living"];

/// The size of one of the two measurements.
struct Fleet {
    processes: usize,
    ended: u32,
    live: u32,
    seconds: u64,
}

fn main() {
    if servers::skips(&[Tool::PostgreSql], "fleet") {
        return;
    }
    // `cargo test` runs benchmarks too, with few rounds.
    let short = !std::env::args().any(|argument| argument == "--bench");
    let (one, twenty) = if short {
        (
            Fleet { processes: 1, ended: 100, live: 10, seconds: 2 },
            Fleet { processes: 2, ended: 200, live: 20, seconds: 2 },
        )
    } else {
        (
            Fleet { processes: 1, ended: 1_000, live: 0, seconds: 300 },
            Fleet { processes: 20, ended: 1_000_000, live: 10_000, seconds: 300 },
        )
    };
    let (alone, together) = (run(&one), run(&twenty));
    println!("store time per picture, {} processes to one: {:.2}", twenty.processes, together / alone);
}

/// Measures one fleet and returns the milliseconds of store time per picture.
fn run(fleet: &Fleet) -> f64 {
    let cluster = Cluster::start();
    let (database, blobs) = (cluster.database(), tempfile::tempdir().unwrap());
    let environment = variables(&[
        ("DATABASE_URL", &*database),
        ("BLOB_URL", &format!("file://{}", blobs.path().display())),
        ("OPERATOR_TOKEN", "the operator of this benchmark"),
    ]);
    let folders: Vec<_> = (0..fleet.processes).map(|_| tempfile::tempdir().unwrap()).collect();
    let first = Service::start(folders[0].path(), &environment);
    fill(&cluster, &database, fleet);
    let mut services = vec![first];
    services.extend(folders[1..].iter().map(|folder| Service::start(folder.path(), &environment)));
    wait_until("all processes are ready", || services.iter().all(http::is_ready));
    let before: Vec<_> = services.iter().map(times).collect();
    let (pictures, refused, unready) = load(&services, Duration::from_secs(fleet.seconds));
    let spent = spent(&services, &before);
    let all: f64 = spent.values().sum();
    let sweeps: f64 = SWEEPS.iter().filter_map(|name| spent.get(*name)).sum();
    let per_picture = all * 1000.0 / pictures as f64;
    println!(
        "{} processes, {} ended and {} live jobs: {pictures} pictures in {} s, {per_picture:.2} ms of store time \
         each, {:.1} % of it sweeps and statistics; {refused} requests refused, {unready} times not ready",
        fleet.processes,
        fleet.ended,
        fleet.live,
        fleet.seconds,
        sweeps / all * 100.0
    );
    let mut most: Vec<_> = spent.iter().collect();
    most.sort_by(|a, b| b.1.total_cmp(a.1));
    for (name, seconds) in most.iter().take(8) {
        println!("    {name:12} {:7.3} ms per picture", **seconds * 1000.0 / pictures as f64);
    }
    per_picture
}

/// Submits four jobs of five pictures per second, in turn at each process, and waits for their end. Returns the numbers
/// of pictures, of refused requests and of answers that a process was not ready.
fn load(services: &[Service], time: Duration) -> (usize, usize, usize) {
    let (started, mut sent, mut refused, mut unready) = (Instant::now(), Vec::new(), 0, 0);
    let client = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
    for number in 0.. {
        if started.elapsed() >= time {
            break;
        }
        let service = &services[number % services.len()];
        match client
            .post(service.url("/jobs"))
            .multipart(http::images_form(&small_pngs(5, number as u32)))
            .send()
        {
            Ok(answer) if answer.status() == 202 => {
                let body: serde_json::Value = answer.json().unwrap();
                sent.push((number % services.len(), body["job_id"].as_str().unwrap().to_owned()));
            }
            _ => refused += 1,
        }
        unready += usize::from(!http::is_ready(service));
        let due = started + Duration::from_millis(250) * (number as u32 + 1);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    for (place, job) in &sent {
        http::assert_job_ends(&services[*place], job, 5, 0);
    }
    (sent.len() * 5, refused, unready)
}

/// The seconds that each store operation has taken so far in a process.
fn times(service: &Service) -> BTreeMap<String, f64> {
    let text = reqwest::blocking::get(service.url("/metrics")).unwrap().text().unwrap();
    let sums = text.lines().filter_map(|line| {
        let rest = line.strip_prefix("store_operation_duration_seconds_sum{operation=\"")?;
        let (name, value) = rest.split_once("\"} ")?;
        Some((name.to_owned(), value.parse().ok()?))
    });
    sums.collect()
}

/// The seconds that each store operation has taken in all processes since `before`.
fn spent(services: &[Service], before: &[BTreeMap<String, f64>]) -> BTreeMap<String, f64> {
    let mut spent = BTreeMap::new();
    for (service, before) in services.iter().zip(before) {
        for (name, seconds) in times(service) {
            *spent.entry(name.clone()).or_insert(0.0) += seconds - before.get(&name).unwrap_or(&0.0);
        }
    }
    spent
}

/// Inserts jobs that have ended, and live ones whose picture is deferred, so that the processes work only on the load.
fn fill(cluster: &Cluster, database: &str, fleet: &Fleet) {
    for (from, to, state, items) in [
        (0, fleet.ended, "completed", "done"),
        (fleet.ended, fleet.ended + fleet.live, "processing", "queued"),
    ] {
        let numbers = format!(
            "SELECT i, 'job_' || lpad(to_hex(i), 44, '0') AS id FROM generate_series({from}, {to} - 1) AS i"
        );
        cluster.ask(database, &format!(
            "INSERT INTO jobs (id, kind, state, priority, options, request_id, base_url, created_at, expires_at, \
             version, eta_s, total, succeeded, failed, queued, ready, turn, removal, progressed_at) \
             SELECT id, 'image_batch', '{state}', 1, '{{}}', 'c298c805', 'http://h', 0, 9000000000000, 1, 1, 1, 0, 0, 0, 0, \
             i, 0, 9000000000000 FROM ({numbers}) AS n"
        ));
        cluster.ask(database, &format!(
            "INSERT INTO items (job_id, number, name, source, state, attempt, suspect, crashes, not_before) \
             SELECT id, 0, 'a.png', '{{}}', '{items}', 1, 0, 0, CASE WHEN '{items}' = 'queued' THEN 9000000000000 + i ELSE 0 \
             END FROM ({numbers}) AS n"
        ));
    }
    cluster.ask(database, "VACUUM ANALYZE");
    cluster.ask(database, "CHECKPOINT");
}
