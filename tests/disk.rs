//! A disk that fills up in the middle of a job: the job waits, /ready reports the disk, nothing is corrupted, and the job
//! goes on once there is room again.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

#[path = "support/mod.rs"]
mod support;

use std::path::Path;

use image::ImageFormat;
use reqwest::blocking::Response;
use serde_json::Value;
use support::http::{client, delete_job, images_form, job_status, readiness};
use support::pictures::{encoded, noise};
use support::service::Service;
use support::{on_small_disk, variables, wait_until};

/// The size of the disk, which is enough for some eleven cards.
const DISK: &str = "20m";

/// Starts a service whose blobs are on a small disk that only the service sees.
fn start_on_small_disk(data: &Path, blobs: &Path) -> Service {
    let environment = variables(&[
        ("BLOB_URL", &*format!("file://{}", blobs.display())),
        ("HUEMILL__HEALTH__DISK_FREE_BYTES", "3000000"),
        ("HUEMILL__JOBS__DISK_LOW_BYTES", "3000000"),
        ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1"),
        ("HUEMILL__HEALTH__STORE_SECONDS", "1"),
        ("HUEMILL__JOBS__COLLECT_SECONDS", "1"),
    ]);
    Service::start_within(&on_small_disk(blobs, DISK), data, &environment)
}

/// Posts a job of this many pictures.
fn post(service: &Service, pictures: u32) -> Response {
    let pictures: Vec<_> = (0..pictures).map(|n| encoded(&noise(600, 400, n), ImageFormat::Jpeg)).collect();
    client().post(service.url("/jobs")).multipart(images_form(&pictures)).send().unwrap()
}

/// Submits a job of this many pictures and returns its id.
fn submit(service: &Service, pictures: u32) -> String {
    let answer = post(service, pictures);
    let (status, text) = (answer.status(), answer.text().unwrap());
    assert_eq!(status, 202, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["job_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_job_waits_for_a_full_disk_and_goes_on_when_there_is_room() {
    let (data, blobs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let service = start_on_small_disk(data.path(), blobs.path());
    wait_until("the service is ready", || readiness(&service)["ready"] == true);
    let first = submit(&service, 5);
    wait_until("the first job is completed", || job_status(&service, &first)["status"] == "completed");
    let second = submit(&service, 8);
    wait_until("/ready reports the full disk", || {
        let body = readiness(&service);
        body["ready"] == false && body["dependencies"]["disk"] == false
    });
    let waiting = job_status(&service, &second);
    assert_eq!(waiting["status"], "processing", "{waiting}");
    let refused = post(&service, 4);
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));

    delete_job(&service, &first);
    wait_until("the second job is completed", || job_status(&service, &second)["status"] == "completed");
    wait_until("the service is ready again", || readiness(&service)["ready"] == true);
    let body = job_status(&service, &second);
    assert_eq!((&body["results_count"], &body["failed_count"]), (&8.into(), &0.into()), "{body}");
    for result in body["results"].as_array().unwrap() {
        let card = reqwest::blocking::get(result["social_image"].as_str().unwrap()).unwrap();
        let card = image::load_from_memory(&card.bytes().unwrap()).unwrap();
        assert_eq!((card.width(), card.height()), (1096, 736));
    }
}
