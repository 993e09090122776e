//! What a scrape of a service that has worked shows: each of the specification's families, counted as it should be, and
//! two names to which promtool objects.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use reqwest::blocking::Client;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::Value;

use super::archive::picture;
use super::receiver::{Receiver, Reply};
use super::service::{PATIENCE, Service};
use super::{until, variables};

/// What promtool says of a scrape: the names, and all of it.
fn objections(scrape: &str) -> (Vec<String>, String) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed by `make setup`");
    promtool.stdin.take().unwrap().write_all(scrape.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let mut names: Vec<_> =
        told.lines().filter_map(|line| Some(line.split(' ').next()?.to_owned())).collect();
    names.sort_unstable();
    (names, told)
}

/// A service that may send to this receiver.
fn serving(receiver: &Receiver, data: &Path) -> Service {
    let port = receiver.port().to_string();
    let settings = variables(&[
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &port),
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,0"),
        ("HUEMILL__WEBHOOKS__CIRCUIT_SECONDS", "1"),
        ("HUEMILL__JOBS__COLLECT_SECONDS", "1"),
    ]);
    Service::start(data, &settings)
}

#[test]
fn a_job_counts_in_every_family_and_promtool_objects_to_two_names() {
    let receiver = Receiver::start(|number, _| Reply::status(if number == 0 { 500 } else { 204 }));
    let data = tempfile::tempdir().unwrap();
    let service = serving(&receiver, data.path());
    let client = Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
    let get = |path: &str| client.get(service.url(path)).send().unwrap();
    let form = (0..3).fold(Form::new().text("callback_url", receiver.url("/hook")), |form, n| {
        form.part("images", Part::bytes(picture()).file_name(format!("{n}.png")))
    });
    let answer = client.post(service.url("/jobs")).multipart(form).send().unwrap();
    let job = answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned();
    until("the receiver took it", || service.logged("webhook_delivered").len() == 1);
    let tag = get(&format!("/jobs/{job}")).headers()["etag"].clone();
    let again = client.get(service.url(&format!("/jobs/{job}"))).header("if-none-match", tag).send().unwrap();
    assert_eq!(again.status(), 304);
    assert_eq!(
        (get("/nowhere").status(), get("/jobs").status()),
        (404.try_into().unwrap(), 401.try_into().unwrap())
    );
    let scrape = || get("/metrics").text().unwrap();
    for series in [
        "jobs_total{type=\"image_batch\"} 1",
        "jobs_completed_total{status=\"completed\"} 1",
        "jobs_status_total{status=\"completed\"} 1",
        "jobs_current{status=\"completed\"} 1",
        "jobs_queue_latency_seconds_count 1",
        "jobs_processing_duration_seconds_count 1",
        "images_processed_total{endpoint=\"/jobs\"} 3",
        "status_poll_304_total 1",
        "webhook_delivery_latency_seconds_count 2",
        "webhook_failures_total{reason=\"server_error\"} 1",
        "requests_total{code=\"202\",endpoint=\"/jobs\"} 1",
        "request_duration_ms_count{endpoint=\"unmatched\"} 1",
        "errors_total{endpoint=\"/jobs\",error_code=\"UNAUTHORIZED\"} 1",
        "auth_failures_total{reason=\"unauthorized\"} 1",
    ] {
        until(&format!("it shows {series}"), || scrape().lines().any(|line| line == series));
    }
    let scrape = scrape();
    assert!(!scrape.contains(&job) && !scrape.contains("python"), "{scrape}");
    let (names, told) = objections(&scrape);
    assert_eq!(names, ["jobs_status_total", "request_duration_ms"], "{told}");
    let wrong = format!("{scrape}# HELP new_count New.\n# TYPE new_count counter\nnew_count 1\n");
    assert!(objections(&wrong).0.len() > 2, "it would object to another");
}
