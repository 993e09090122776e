//! No secret, signature, query string, body or header value appears in the log, in an error or in the metrics, whatever
//! clients send and whatever fails, at the most verbose log filter (row J6). Every log line stays whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::canaries::Canaries;
use super::canary_service::CanaryService;
use super::{hostile, hostile_urls, log_lines};
use crate::support::collector::Collector;
use crate::support::http::images_form;
use crate::support::pictures::small_png;
use crate::support::proxy::{Mode, Proxy};
use crate::support::receiver::{Receiver, Reply};
use crate::support::servers::postgres::Cluster;
use crate::support::servers::require;
use crate::support::wait_until;

/// Events that the run must cause, or it would prove nothing.
const EXPECTED: [&str; 16] = [
    "http_error",
    "http_request",
    "job_completed",
    "job_created",
    "log",
    "outbound_blocked",
    "picture_settled",
    "readiness_changed",
    "security_violation",
    "service_started",
    "shutdown_finished",
    "shutdown_started",
    "stages_timed",
    "webhook_dead_letter",
    "webhook_delivered",
    "webhook_failed",
];

#[track_caller]
fn assert_nothing_leaked(service: CanaryService) -> BTreeSet<String> {
    let canaries = service.canaries.clone();
    let (log, others) = service.stop();
    let names = log_lines::assert_in_order(&log);
    let mut leaks = canaries.found_in(&log);
    leaks.extend(canaries.found_in(&others));
    let shown: Vec<&String> = leaks.iter().take(40).collect();
    assert!(leaks.is_empty(), "{} leaks, such as {shown:#?}", leaks.len());
    names
}

#[test]
fn hostile_requests_leak_no_secret_and_break_no_log_line() {
    require!(Collector);
    let canaries = Arc::new(Canaries::default());
    let plant = |what: &str| canaries.plant(what);
    let (secret, previous) = (plant("the webhook secret"), plant("the secret before"));
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let protocol = if cfg!(feature = "grpc") { "grpc" } else { "http/protobuf" };
    let (traces, key) = (collector.environment(protocol), format!("x-key={}", plant("the collector's key")));
    let mut settings: Vec<_> = traces.iter().map(|(name, value)| (&**name, &**value)).collect();
    settings.extend([
        ("OTEL_EXPORTER_OTLP_HEADERS", &*key),
        ("WEBHOOK_SECRET_PREVIOUS", &previous),
        ("REQUIRE_SIGNATURE", "true"),
    ]);
    let service = CanaryService::start(&canaries, &secret, &settings);
    let logged = |event: &str| service.process.logged(event).len();
    wait_until("the service is ready", || service.get("/ready").status == 200);
    hostile::send_headers(&service);
    hostile::send_targets(&service);
    hostile::send_bodies(&service);
    hostile::send_raw(&service);
    hostile_urls::send_credentials(&service);
    hostile_urls::send_urls(&service);
    hostile_urls::follow_links(&service);
    wait_until("some webhooks are delivered and some are dead", || {
        logged("webhook_dead_letter") >= 7 && logged("webhook_delivered") >= 2
    });
    let dead = service.process.logged("webhook_dead_letter").swap_remove(0);
    let path = format!("/webhooks/deliveries/{}/redeliver", dead["delivery_id"].as_str().unwrap());
    let redelivery =
        service.signed(Method::POST, &path, "application/json", Vec::new()).bearer_auth(&service.operator);
    assert_eq!(service.send(redelivery).status, 202);
    wait_until("a webhook is redelivered", || logged("webhook_dead_letter") >= 8);
    let names = assert_nothing_leaked(service);
    for event in EXPECTED {
        assert!(names.contains(event), "no {event} among {names:?}");
    }
    // Traces leave the service too.
    collector.spans_with(|spans| spans.iter().any(|span| span.name == "webhook"));
    assert_eq!(canaries.found_in(&collector.lines()), BTreeSet::new());
}

/// Starts a service on a database behind a proxy and on a bucket that refuses everything, both with keys. No collector
/// accepts its traces.
fn start_on_failing_servers(canaries: &Arc<Canaries>, bucket: &Receiver) -> (CanaryService, Proxy) {
    let plant = |what: &str| canaries.plant(what);
    let url = Cluster::shared().database();
    let (server, name) = url.rsplit_once('/').unwrap();
    let (user, address) = server.rsplit_once('@').unwrap();
    let proxy = Proxy::start(address.parse().unwrap());
    // The server needs no password, but the service sends one.
    let database = format!("{user}:{}@{}/{name}", plant("the database's password"), proxy.address());
    let keys = ["the access key", "the secret key", "the session token"].map(plant);
    let of_collector = format!("x-key={}", plant("the collector's key"));
    let secret = format!("whsec_{}", BASE64_STANDARD.encode(plant("the webhook secret's bytes")));
    let collector = format!("http://127.0.0.1:1/{}?token={}", plant("a collector"), plant("a collector"));
    let endpoint = bucket.url("");
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector),
        ("OTEL_EXPORTER_OTLP_HEADERS", &of_collector),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ("DATABASE_URL", &database),
        ("BLOB_URL", "s3://pictures/here"),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", &keys[0]),
        ("AWS_SECRET_ACCESS_KEY", &keys[1]),
        ("AWS_SESSION_TOKEN", &keys[2]),
        ("HUEMILL__HEALTH__STORE_SECONDS", "1"),
    ];
    (CanaryService::start(canaries, &secret, &settings), proxy)
}

/// Submits a job of one picture and returns the status of the answer.
fn submit(service: &CanaryService) -> u16 {
    service.send(service.request(Method::POST, "/jobs").multipart(images_form(&[small_png()]))).status
}

#[test]
fn a_store_and_a_bucket_that_fail_leak_no_keys() {
    require!(PostgreSql);
    let canaries = Arc::new(Canaries::default());
    let planter = canaries.clone();
    let bucket =
        Receiver::start(move |_, _| Reply::Whole(403, "", planter.plant("a bucket's answer").into_bytes()));
    let (service, proxy) = start_on_failing_servers(&canaries, &bucket);
    let reason = || {
        let body: Value = service.get("/ready").json();
        body["checks"]["store"]["reason"].as_str().unwrap_or_default().to_owned()
    };
    wait_until("the bucket refuses", || reason().contains("blob"));
    assert_eq!(submit(&service), 503);
    service.job(&json!({ "urls": [format!("http://127.0.0.1:{}/picture", service.receiver.port())] }));
    wait_until("the service pauses because it cannot store the card", || {
        !service.process.logged("dispatch_paused").is_empty()
    });
    proxy.set(Mode::Cut);
    assert_eq!(submit(&service), 503);
    wait_until("the store is away", || !reason().is_empty() && !reason().contains("blob"));
    for path in ["/jobs", "/webhooks/deliveries", "/jobs/job_018c0000000000112233445566778899aabbccddeeff"] {
        service.send(service.request(Method::GET, path).bearer_auth(&service.operator));
    }
    proxy.set(Mode::Pass);
    wait_until("the store is back, but not the bucket", || reason().contains("blob"));
    wait_until("the export of spans fails", || !service.process.logged("trace_export_failed").is_empty());
    let names = assert_nothing_leaked(service);
    for event in ["http_error", "dispatch_paused", "collection_delayed", "blobs_left", "log"] {
        assert!(names.contains(event), "no {event} among {names:?}");
    }
}
