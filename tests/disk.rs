//! A disk that fills up in the middle of a job: the job waits, readiness says so, nothing is corrupted, and with
//! room again it goes on.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

#[path = "support/service.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod service;

use std::path::Path;
use std::time::Instant;

use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client, Response};
use serde_json::Value;
use service::{PATIENCE, Service};

/// Room for some eleven cards.
const DISK: &str = "size=20m";

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// A service whose blobs lie on a small disk of its own, which it alone sees.
fn on_a_small_disk(data: &Path, blobs: &Path) -> Service {
    let environment = [
        ("BLOB_URL", format!("file://{}", blobs.display())),
        ("HUEMILL__HEALTH__DISK_FREE_BYTES", "3000000".to_owned()),
        ("HUEMILL__JOBS__DISK_LOW_BYTES", "3000000".to_owned()),
        ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1".to_owned()),
        ("HUEMILL__HEALTH__STORE_SECONDS", "1".to_owned()),
        ("HUEMILL__JOBS__COLLECT_SECONDS", "1".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value));
    let mount = format!("mount -t tmpfs -o {DISK} tmpfs '{}' && exec \"$0\" \"$@\"", blobs.display());
    // As root the mount needs a namespace alone; else one in which this user is root.
    let root = std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let around = ["unshare", if root { "-m" } else { "-rm" }, "sh", "-c", &mount];
    Service::start_within(&around, data, &environment)
}

fn noise(seed: u32) -> Vec<u8> {
    let mut state = seed;
    let image = image::RgbImage::from_fn(600, 400, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb(state.to_be_bytes()[..3].try_into().unwrap())
    });
    let mut bytes = Vec::new();
    image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Jpeg).unwrap();
    bytes
}

fn post(service: &Service, pictures: u32) -> Response {
    let form = (0..pictures).fold(Form::new(), |form, n| {
        form.part("images", Part::bytes(noise(n)).file_name(format!("{n}.jpg")))
    });
    Client::new().post(service.url("/jobs")).multipart(form).send().unwrap()
}

fn submit(service: &Service, pictures: u32) -> String {
    let answer = post(service, pictures);
    let (status, text) = (answer.status(), answer.text().unwrap());
    assert_eq!(status, 202, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["job_id"].as_str().unwrap().to_owned()
}

fn status(service: &Service, job: &str) -> Value {
    reqwest::blocking::get(service.url(&format!("/jobs/{job}?cards=url"))).unwrap().json().unwrap()
}

fn is_ready(service: &Service) -> (bool, Value) {
    let answer = reqwest::blocking::get(service.url("/ready")).unwrap();
    (answer.status() == 200, answer.json().unwrap())
}

#[test]
fn a_job_waits_for_a_full_disk_and_goes_on_when_there_is_room() {
    let (data, blobs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let service = on_a_small_disk(data.path(), blobs.path());
    until("it is ready", || is_ready(&service).0);
    let first = submit(&service, 5);
    until("the first job is completed", || status(&service, &first)["status"] == "completed");
    let second = submit(&service, 8);
    until("/ready tells that the disk is full", || {
        let (ready, body) = is_ready(&service);
        !ready && body["dependencies"]["disk"] == false
    });
    let waiting = status(&service, &second);
    assert_eq!(waiting["status"], "processing", "{waiting}");
    let refused = post(&service, 4);
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));

    let gone = Client::new().delete(service.url(&format!("/jobs/{first}"))).send().unwrap();
    assert_eq!(gone.status(), 204);
    until("the second job is completed", || status(&service, &second)["status"] == "completed");
    until("it is ready again", || is_ready(&service).0);
    let body = status(&service, &second);
    assert_eq!((&body["results_count"], &body["failed_count"]), (&8.into(), &0.into()), "{body}");
    for result in body["results"].as_array().unwrap() {
        let card = reqwest::blocking::get(result["social_image"].as_str().unwrap()).unwrap();
        let card = image::load_from_memory(&card.bytes().unwrap()).unwrap();
        assert_eq!((card.width(), card.height()), (1096, 736));
    }
}
