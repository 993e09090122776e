//! The service under its typical and its peak load, ten minutes each, watched by a real Prometheus with the rules of
//! this repository: `make load-baselines`. Prints the runbook's baselines: what clients saw, each objective, alerts
//! that rang, and what the service used.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a benchmark: it may stop, and prints its output"
)]

#[path = "../store/tests/support/archives.rs"]
mod archives;
#[allow(dead_code, reason = "the pipeline's benchmark uses the rest")]
#[path = "../imaging/benches/support/pictures.rs"]
mod pictures;
#[path = "../tests/support/receiver.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod receiver;
#[path = "../tests/support/service.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod service;
#[path = "support/traffic.rs"]
mod traffic;
#[path = "support/watch.rs"]
mod watch;

use std::sync::Arc;
use std::time::Duration;

use receiver::{Receiver, Reply};
use service::Service;
use traffic::{Load, Seen, Stock};
use watch::Watch;

const TYPICAL: Load = Load { requests_per_minute: 500, jobs_per_hour: 50, pictures: (1, 20) };
const PEAK: Load = Load { requests_per_minute: 1_100, jobs_per_hour: 120, pictures: (50, 60) };
const USERS: &str = r#"job="huemill", endpoint!~"/health|/ready|/metrics|unmatched""#;

fn main() {
    // `cargo test` runs benchmarks too, in their short form.
    let short = !std::env::args().any(|argument| argument == "--bench");
    let (time, interval) =
        if short { (Duration::from_secs(6), "1s") } else { (Duration::from_secs(600), "15s") };
    for (name, load) in [("typical", TYPICAL), ("peak", PEAK)] {
        println!(
            "{name}: {} requests a minute, {} jobs an hour of {} to {} pictures, for {} s",
            load.requests_per_minute,
            load.jobs_per_hour,
            load.pictures.0,
            load.pictures.1,
            time.as_secs()
        );
        measure(load, time, interval);
    }
}

/// One load on a service of its own.
fn measure(load: Load, time: Duration, interval: &str) {
    let told = Receiver::start(|_, _| Reply::status(204));
    let picture = pictures::jpeg(1280, 853, 3);
    let pictures =
        Receiver::start(move |_, _| Reply::Whole(200, "content-type: image/jpeg\r\n", picture.clone()));
    let stock = Arc::new(Stock::new(pictures.url("/a.jpg"), told.url("/ends")));
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &settings(&[told.port(), pictures.port()]));
    let watch = Watch::start(service.address, interval);
    let seen = traffic::run(service.address, load, &stock, time);
    // The rules have seen all of it once they have seen the last job's webhook.
    let told_of = "sum(instance_slo:events:sum{slo=\"webhook_latency\"})";
    watch.wait_for(|watch| watch.value(told_of) == Some(seen.jobs as f64));
    clients(&seen, told.requests().len());
    objectives(&watch);
    usage(&watch, &service, time);
}

/// The defaults, which the tests' service departs from, and a way to the receivers on loopback.
fn settings(ports: &[u16]) -> Vec<(String, String)> {
    let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
    let settings = [
        ("HUEMILL__HEALTH__MEMORY_USED_RATIO", "0.8"),
        ("HUEMILL__HEALTH__DISK_FREE_BYTES", "1000000000"),
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &ports.join(",")),
    ];
    settings.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn clients(seen: &Seen, told: usize) {
    println!(
        "  clients: {} requests, {} of them answered otherwise than expected; {} jobs, {told} webhooks",
        seen.times.len(),
        seen.surprises,
        seen.jobs,
    );
    let at = |part: f64| seen.times[((seen.times.len() - 1) as f64 * part) as usize].as_millis();
    println!(
        "  from appointed time to the answer's end: median {} ms, p95 {} ms, p99 {} ms, slowest {} ms",
        at(0.5),
        seen.p95().as_millis(),
        at(0.99),
        at(1.0)
    );
}

/// Each objective's events, all and bad, since the start; and what rang.
fn objectives(watch: &Watch) {
    for slo in watch.labels("sum by (slo) (instance_slo:events:sum)", "slo") {
        let sum = |name: &str| watch.value(&format!("sum({name}{{slo=\"{slo}\"}})")).unwrap_or_default();
        println!(
            "  objective {slo}: {} of {} events were bad",
            sum("instance_slo:bad:sum"),
            sum("instance_slo:events:sum")
        );
    }
    for (what, family, selector) in [
        ("time to answer, ms", "request_duration_ms", USERS),
        ("job's wait, s", "jobs_queue_latency_seconds", ""),
        ("job's processing, s", "jobs_processing_duration_seconds", ""),
        ("webhook, s", "webhook_delivery_latency_seconds", ""),
    ] {
        let p95 = format!("histogram_quantile(0.95, sum by (le) ({family}_bucket{{{selector}}}))");
        println!("  p95 by Prometheus, {what}: {:.3}", watch.value(&p95).unwrap_or(f64::NAN));
    }
    let hits = "sum(status_poll_304_total) / (sum(status_poll_304_total) + sum(status_polls_total{result=\"unchanged\"}))";
    println!("  polls without news answered 304: {:.2}", watch.value(hits).unwrap_or(f64::NAN));
    let rang = watch
        .labels("max_over_time(ALERTS{alertstate=\"firing\", alertname!=\"Watchdog\"}[15m])", "alertname");
    println!("  alerts that rang: {}", if rang.is_empty() { "none".to_owned() } else { rang.join(", ") });
}

/// What the service used.
fn usage(watch: &Watch, service: &Service, time: Duration) {
    let most = |name: &str| {
        watch.value(&format!("max_over_time({name}{{job=\"huemill\"}}[15m])")).unwrap_or(f64::NAN) / 1e6
    };
    let cpu =
        watch.value("process_cpu_seconds_total{job=\"huemill\"}").unwrap_or(f64::NAN) / time.as_secs_f64();
    println!(
        "  memory: most by scrapes {:.0} MB, the kernel's high-water mark {:.0} MB",
        most("process_resident_memory_bytes"),
        peak_mb(service.id())
    );
    println!("  CPU: {:.1} % of one core", cpu * 100.0);
    println!(
        "  temporary files: most {:.1} MB; uploads and answers in memory: most {:.1} MB; blobs of jobs: {:.0} MB",
        most("spool_disk_bytes"),
        most("spool_memory_bytes"),
        most("blob_store_bytes"),
    );
    let hour = 3600.0 / time.as_secs_f64() / 1e6;
    let bytes = |name: &str| watch.value(&format!("sum({name})")).unwrap_or(f64::NAN) * hour;
    println!(
        "  network an hour: {:.0} MB in, {:.0} MB out",
        bytes("http_request_bytes_total"),
        bytes("http_response_bytes_total")
    );
}

fn peak_mb(id: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1024.0 / 1e6
}
