//! A small disk: a job is accepted only if its cards will have room, so that no accepted job fills the disk; and where
//! something else fills it, the service goes on once there is room again.

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
use support::{on_small_disk, variables, wait_for, wait_until};

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
fn a_job_whose_cards_would_fill_the_disk_is_refused_until_there_is_room() {
    let (data, blobs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let service = start_on_small_disk(data.path(), blobs.path());
    wait_until("the service is ready", || readiness(&service)["ready"] == true);
    let first = submit(&service, 5);
    wait_until("the first job is completed", || job_status(&service, &first)["status"] == "completed");
    let refused = post(&service, 8);
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(readiness(&service)["ready"], true, "what is accepted has room");

    delete_job(&service, &first);
    let second = wait_for("a job of that size is accepted", || {
        let answer = post(&service, 8);
        (answer.status() == 202)
            .then(|| answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned())
    });
    wait_until("the second job is completed", || job_status(&service, &second)["status"] == "completed");
    let body = job_status(&service, &second);
    assert_eq!((&body["results_count"], &body["failed_count"]), (&8.into(), &0.into()), "{body}");
    for result in body["results"].as_array().unwrap() {
        let card = client().get(result["social_image"].as_str().unwrap()).send().unwrap();
        let card = image::load_from_memory(&card.bytes().unwrap()).unwrap();
        assert_eq!((card.width(), card.height()), (1096, 736));
    }
}

#[test]
fn a_disk_that_was_full_stops_nothing_once_there_is_room_again() {
    let data = tempfile::tempdir().unwrap();
    let environment = variables(&[
        ("HUEMILL__HEALTH__DISK_FREE_BYTES", "1000000"),
        ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1"),
        ("HUEMILL__HEALTH__STORE_SECONDS", "1"),
    ]);
    let service = Service::start_within(&on_small_disk(data.path(), "64m"), data.path(), &environment);
    wait_until("the service is ready", || readiness(&service)["ready"] == true);
    // The disk as the service sees it.
    let disk = format!("/proc/{}/root{}", service.id(), data.path().display());
    for _ in 0..2 {
        let filler = format!("{disk}/filler");
        let full = std::fs::write(&filler, vec![1; 80_000_000]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        wait_until("jobs are refused", || post(&service, 1).status() == 503);
        wait_until("the service is not ready", || readiness(&service)["ready"] == false);
        std::fs::remove_file(&filler).unwrap();
        wait_until("jobs are accepted again", || match post(&service, 1).status().as_u16() {
            202 => true,
            status => {
                assert_eq!(status, 503);
                false
            }
        });
        wait_until("the service is ready again", || readiness(&service)["ready"] == true);
    }
}
