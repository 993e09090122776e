//! Whatever is sent and whatever fails, at the finest log filter: no secret, signature, query string, body or header
//! value is printed, told in an error or counted in the metrics (row J6). And whatever is sent, every line is whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use super::archive::picture;
use super::canaries::Canaries;
use super::collector::Collector;
use super::postgres::Cluster;
use super::proxy::{Mode, Proxy};
use super::receiver::{Receiver, Reply};
use super::scene::Scene;
use super::{addresses, hostile, lines, until};

/// Events without which the run did not do what it is for.
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
fn assert_nothing_leaked(scene: Scene) -> BTreeSet<String> {
    let canaries = scene.canaries.clone();
    let (log, others) = scene.close();
    let names = lines::assert_in_order(&log);
    let mut leaks = canaries.found_in(&log);
    leaks.extend(canaries.found_in(&others));
    let shown: Vec<&String> = leaks.iter().take(40).collect();
    assert!(leaks.is_empty(), "{} leaks, such as {shown:#?}", leaks.len());
    names
}

#[test]
fn a_hostile_run_prints_no_secret_and_every_line_is_whole() {
    let canaries = Arc::new(Canaries::default());
    let plant = |what: &str| canaries.plant(what);
    let (secret, previous) = (plant("the webhook secret"), plant("the secret before"));
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let protocol = if cfg!(feature = "grpc") { "grpc" } else { "http/protobuf" };
    let (traces, key) = (collector.variables(protocol), format!("x-key={}", plant("the collector's key")));
    let mut settings: Vec<_> = traces.iter().map(|(name, value)| (&**name, &**value)).collect();
    settings.extend([
        ("OTEL_EXPORTER_OTLP_HEADERS", &*key),
        ("WEBHOOK_SECRET_PREVIOUS", &previous),
        ("REQUIRE_SIGNATURE", "true"),
    ]);
    let scene = Scene::open(&canaries, &secret, &settings);
    let logged = |event: &str| scene.service.logged(event).len();
    until("it is ready", || scene.get("/ready").status == 200);
    hostile::send_headers(&scene);
    hostile::send_targets(&scene);
    hostile::send_bodies(&scene);
    hostile::send_raw(&scene);
    addresses::send_proofs(&scene);
    addresses::send_urls(&scene);
    addresses::follow_links(&scene);
    until("webhooks end well and badly", || {
        logged("webhook_dead_letter") >= 7 && logged("webhook_delivered") >= 2
    });
    let dead = scene.service.logged("webhook_dead_letter").swap_remove(0);
    let path = format!("/webhooks/deliveries/{}/redeliver", dead["delivery_id"].as_str().unwrap());
    let anew = scene.signed(Method::POST, &path, "application/json", Vec::new()).bearer_auth(&scene.operator);
    assert_eq!(scene.send(anew).status, 202);
    until("one is sent anew", || logged("webhook_dead_letter") >= 8);
    let names = assert_nothing_leaked(scene);
    for event in EXPECTED {
        assert!(names.contains(event), "no {event} among {names:?}");
    }
    // What is told of traces is told to others.
    collector.spans_with(|spans| spans.iter().any(|span| span.name == "webhook"));
    assert_eq!(canaries.found_in(&collector.lines()), BTreeSet::new());
}

/// A service on a database behind a proxy, and on a bucket that refuses everything; all with keys.
/// Nobody takes its traces.
fn open_shared(canaries: &Arc<Canaries>, bucket: &Receiver) -> (Scene, Proxy) {
    let plant = |what: &str| canaries.plant(what);
    let url = Cluster::shared().database();
    let (server, name) = url.rsplit_once('/').unwrap();
    let (user, address) = server.rsplit_once('@').unwrap();
    let proxy = Proxy::start(address.parse().unwrap());
    // This server asks for no password; it is sent one all the same.
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
    (Scene::open(canaries, &secret, &settings), proxy)
}

/// The status of a job of one picture.
fn submit(scene: &Scene) -> u16 {
    let part = reqwest::blocking::multipart::Part::bytes(picture()).file_name("a.png");
    let form = reqwest::blocking::multipart::Form::new().part("images", part);
    scene.send(scene.request(Method::POST, "/jobs").multipart(form)).status
}

#[test]
fn a_store_and_a_bucket_that_fail_tell_nothing_of_their_keys() {
    let canaries = Arc::new(Canaries::default());
    let own = canaries.clone();
    let bucket =
        Receiver::start(move |_, _| Reply::Whole(403, "", own.plant("a bucket's answer").into_bytes()));
    let (scene, proxy) = open_shared(&canaries, &bucket);
    let reason = || {
        let body: Value = scene.get("/ready").json();
        body["checks"]["store"]["reason"].as_str().unwrap_or_default().to_owned()
    };
    until("the bucket refuses", || reason().contains("blob"));
    assert_eq!(submit(&scene), 503);
    scene.job(&json!({ "urls": [format!("http://127.0.0.1:{}/picture", scene.receiver.port())] }));
    until("the card finds no place", || !scene.service.logged("dispatch_paused").is_empty());
    proxy.set(Mode::Cut);
    assert_eq!(submit(&scene), 503);
    until("the store is away", || !reason().is_empty() && !reason().contains("blob"));
    for path in ["/jobs", "/webhooks/deliveries", "/jobs/job_018c0000000000112233445566778899aabbccddeeff"] {
        scene.send(scene.request(Method::GET, path).bearer_auth(&scene.operator));
    }
    proxy.set(Mode::Pass);
    until("it is back, the bucket is not", || reason().contains("blob"));
    until("spans are not taken", || !scene.service.logged("trace_export_failed").is_empty());
    let names = assert_nothing_leaked(scene);
    for event in ["http_error", "dispatch_paused", "collection_delayed", "blobs_left", "log"] {
        assert!(names.contains(event), "no {event} among {names:?}");
    }
}
