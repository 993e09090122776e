//! Measures the service under its typical and its peak load, ten minutes each, with a real Prometheus and the rules of
//! this repository (`make load-baselines`). Prints the runbook's baselines: the answers that clients got, each
//! objective, the alerts that fired, and the resources that the service used.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a benchmark: it may stop, and prints its output"
)]

#[path = "../tests/support/mod.rs"]
mod harness;
#[allow(dead_code, reason = "the pipeline's benchmark uses the rest")]
#[path = "../imaging/benches/support/pictures.rs"]
mod pictures;
#[path = "support/prometheus.rs"]
mod prometheus;
#[path = "support/traffic.rs"]
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use harness::receiver::{Receiver, Reply};
use harness::servers::{self, Tool};
use harness::service::Service;
use harness::variables;
use prometheus::Prometheus;
use traffic::{Load, Payloads, TrafficReport};

const TYPICAL: Load = Load { requests_per_minute: 500, jobs_per_hour: 50, pictures: (1, 20) };
const PEAK: Load = Load { requests_per_minute: 1_100, jobs_per_hour: 120, pictures: (50, 60) };
const USERS: &str = r#"job="huemill", endpoint!~"/health|/ready|/metrics|unmatched""#;

fn main() {
    if servers::skips(&[Tool::Prometheus], "baselines") {
        return;
    }
    // `cargo test` runs benchmarks too, with little load.
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

/// Measures one load on a new service.
fn measure(load: Load, time: Duration, interval: &str) {
    let receiver = Receiver::start(|_, _| Reply::status(204));
    let picture = pictures::jpeg(1280, 853, 3);
    let pictures =
        Receiver::start(move |_, _| Reply::Whole(200, "content-type: image/jpeg\r\n", picture.clone()));
    let payloads = Arc::new(Payloads::new(pictures.url("/a.jpg"), receiver.url("/ends")));
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &settings(&[receiver.port(), pictures.port()]));
    let prometheus = Prometheus::start(service.address, interval);
    let report = traffic::run(service.address, load, &payloads, time);
    // The rules have seen all requests once they have seen the last job's webhook.
    let webhooks = "sum(instance_slo:events:sum{slo=\"webhook_latency\"})";
    prometheus.wait_for(|prometheus| prometheus.value(webhooks) == Some(report.jobs as f64));
    print_clients(&report, receiver.requests().len());
    print_objectives(&prometheus);
    print_usage(&prometheus, &service, time);
}

/// The default limits, which the harness changes for tests, and access to the servers on loopback.
fn settings(ports: &[u16]) -> Vec<(String, String)> {
    let limits =
        [("HUEMILL__HEALTH__MEMORY_USED_RATIO", "0.8"), ("HUEMILL__HEALTH__DISK_FREE_BYTES", "1000000000")];
    [variables(&limits), harness::loopback_settings(ports)].concat()
}

/// Prints what clients got.
fn print_clients(report: &TrafficReport, webhooks: usize) {
    println!(
        "  clients: {} requests, {} of them answered unexpectedly; {} jobs, {webhooks} webhooks",
        report.times.len(),
        report.unexpected,
        report.jobs,
    );
    let at = |part: f64| report.times[((report.times.len() - 1) as f64 * part) as usize].as_millis();
    println!(
        "  from the scheduled time to the end of the answer: median {} ms, p95 {} ms, p99 {} ms, slowest {} ms",
        at(0.5),
        report.p95().as_millis(),
        at(0.99),
        at(1.0)
    );
}

/// Prints the events of each objective, all and bad, and the alerts that fired.
fn print_objectives(prometheus: &Prometheus) {
    for slo in prometheus.labels("sum by (slo) (instance_slo:events:sum)", "slo") {
        let sum = |name: &str| prometheus.value(&format!("sum({name}{{slo=\"{slo}\"}})")).unwrap_or_default();
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
        println!("  p95 by Prometheus, {what}: {:.3}", prometheus.value(&p95).unwrap_or(f64::NAN));
    }
    let hits = "sum(status_poll_304_total) / (sum(status_poll_304_total) + sum(status_polls_total{result=\"unchanged\"}))";
    println!("  unchanged polls answered 304: {:.2}", prometheus.value(hits).unwrap_or(f64::NAN));
    let fired = prometheus
        .labels("max_over_time(ALERTS{alertstate=\"firing\", alertname!=\"Watchdog\"}[15m])", "alertname");
    println!("  alerts that fired: {}", if fired.is_empty() { "none".to_owned() } else { fired.join(", ") });
}

/// Prints what the service used.
fn print_usage(prometheus: &Prometheus, service: &Service, time: Duration) {
    let max_mb = |name: &str| {
        prometheus.value(&format!("max_over_time({name}{{job=\"huemill\"}}[15m])")).unwrap_or(f64::NAN) / 1e6
    };
    let cpu = prometheus.value("process_cpu_seconds_total{job=\"huemill\"}").unwrap_or(f64::NAN)
        / time.as_secs_f64();
    println!(
        "  memory: maximum of all scrapes {:.0} MB, the kernel's peak {:.0} MB",
        max_mb("process_resident_memory_bytes"),
        peak_mb(service.id())
    );
    println!("  CPU: {:.1} % of one core", cpu * 100.0);
    println!(
        "  temporary files: maximum {:.1} MB; uploads and answers in memory: maximum {:.1} MB; blobs of jobs: {:.0} MB",
        max_mb("spool_disk_bytes"),
        max_mb("spool_memory_bytes"),
        max_mb("blob_store_bytes"),
    );
    let hour = 3600.0 / time.as_secs_f64() / 1e6;
    let bytes = |name: &str| prometheus.value(&format!("sum({name})")).unwrap_or(f64::NAN) * hour;
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
