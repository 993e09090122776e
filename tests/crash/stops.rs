//! A stop that is asked for, in the middle of work: pictures in flight end or are given back, and the next process
//! goes on at the next picture.

use reqwest::blocking::multipart::{Form, Part};
use serde_json::Value;

use super::service::Service;
use super::{soon, until};

pub fn noise(side: u32) -> Vec<u8> {
    let mut state = 7_u32;
    let image = image::RgbImage::from_fn(side, side, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb(state.to_be_bytes()[..3].try_into().unwrap())
    });
    let mut bytes = Vec::new();
    image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}

pub fn figure(service: &Service, series: &str) -> f64 {
    let text = reqwest::blocking::get(service.url("/metrics")).unwrap().text().unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().unwrap())
}

pub fn status(service: &Service, job: &str) -> Value {
    reqwest::blocking::get(service.url(&format!("/jobs/{job}?cards=url"))).unwrap().json().unwrap()
}

#[test]
fn a_stop_under_load_loses_no_picture_and_counts_no_attempt() {
    let data = tempfile::tempdir().unwrap();
    let mut environment = soon();
    // No time to end: what is in flight must be given back.
    environment.push(("HUEMILL__JOBS__DRAIN_TIMEOUT_SECONDS".to_owned(), "0".to_owned()));
    let service = Service::start(data.path(), &environment);
    let picture = noise(1500);
    let form = (0..12).fold(Form::new(), |form, n| {
        form.part("images", Part::bytes(picture.clone()).file_name(format!("{n}.png")))
    });
    let client = reqwest::blocking::Client::new();
    let answer = client.post(service.url("/jobs")).multipart(form).send().unwrap();
    assert_eq!(answer.status(), 202);
    let job = answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned();
    until("some pictures are done", || status(&service, &job)["progress"].as_u64().unwrap_or(100) > 10);
    assert_eq!(service.stop(), Some(0));

    let service = Service::start(data.path(), &environment);
    let before = status(&service, &job);
    assert_eq!(before["status"], "processing", "{before}");
    assert!(before["progress"].as_u64().unwrap() > 10, "{before}");
    until("the job is completed", || status(&service, &job)["status"] == "completed");
    assert_eq!(status(&service, &job)["results_count"], 12);
    assert_eq!(figure(&service, "job_leases_expired_total") as u64, 0, "nothing counted as a crash");
    let done = figure(&service, "images_processed_total{endpoint=\"/jobs\"}");
    assert!(done < 12.0, "it went on where the other stopped: {done} were done again");
    assert_eq!(service.stop(), Some(0));
}
