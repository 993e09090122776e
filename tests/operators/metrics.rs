//! The scrape of a service after some work: each family of the specification has the right value, and promtool objects
//! only to two names.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::http::{client, images_form};
use crate::support::pictures::small_png;
use crate::support::receiver::{Receiver, Reply};
use crate::support::servers::{Tool, require};
use crate::support::service::Service;
use crate::support::{loopback_settings, variables, wait_until};

/// The names that promtool objects to in a scrape, and its whole output.
fn promtool_objections(scrape: &str) -> (Vec<String>, String) {
    let mut promtool = Command::new(Tool::Promtool.path())
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(scrape.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let mut names: Vec<_> =
        text.lines().filter_map(|line| Some(line.split(' ').next()?.to_owned())).collect();
    names.sort_unstable();
    (names, text)
}

/// Starts a service that sends webhooks to this receiver.
fn start_service(receiver: &Receiver, data: &Path) -> Service {
    let settings = variables(&[
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,0"),
        ("HUEMILL__WEBHOOKS__CIRCUIT_SECONDS", "1"),
        ("HUEMILL__JOBS__COLLECT_SECONDS", "1"),
    ]);
    Service::start(data, &[loopback_settings(&[receiver.port()]), settings].concat())
}

#[test]
fn a_job_counts_in_every_family_and_promtool_objects_to_two_names() {
    require!(Promtool);
    let receiver = Receiver::start(|number, _| Reply::status(if number == 0 { 500 } else { 204 }));
    let data = tempfile::tempdir().unwrap();
    let service = start_service(&receiver, data.path());
    let client = client();
    let get = |path: &str| client.get(service.url(path)).send().unwrap();
    let form = images_form(&[(); 3].map(|()| small_png())).text("callback_url", receiver.url("/hook"));
    let answer = client.post(service.url("/jobs")).multipart(form).send().unwrap();
    let job = answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned();
    wait_until("the webhook is delivered", || service.logged("webhook_delivered").len() == 1);
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
        wait_until(&format!("the scrape has {series}"), || scrape().lines().any(|line| line == series));
    }
    let scrape = scrape();
    assert!(!scrape.contains(&job) && !scrape.contains("python"), "{scrape}");
    let (names, text) = promtool_objections(&scrape);
    assert_eq!(names, ["jobs_status_total", "request_duration_ms"], "{text}");
    let wrong = format!("{scrape}# HELP new_count New.\n# TYPE new_count counter\nnew_count 1\n");
    assert!(promtool_objections(&wrong).0.len() > 2, "promtool does not object to another wrong name");
}
