//! A picture over which the process dies each time: it is given up, and its neighbours have their results.

use reqwest::blocking::multipart::{Form, Part};
use serde_json::Value;

use super::service::Service;
use super::stops::{figure, noise, status};
use super::{soon, until};

/// A progressive JPEG of 49 megapixels: not large, but long at work.
fn long_at_work() -> Vec<u8> {
    let pixels: Vec<u8> = (0..7000 * 7000_u32).map(|n| (n.wrapping_mul(n) >> 13) as u8).collect();
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 60);
    encoder.set_progressive(true);
    encoder.encode(&pixels, 7000, 7000, jpeg_encoder::ColorType::Luma).unwrap();
    bytes
}

fn is_long_at_work(service: &Service) -> bool {
    (0..5).all(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        figure(service, "worker_slots_busy") > 0.0
    })
}

#[test]
fn a_picture_that_kills_the_process_is_given_up_and_the_others_go_on() {
    let data = tempfile::tempdir().unwrap();
    let environment = soon();
    let service = Service::start(data.path(), &environment);
    let pictures = [long_at_work(), noise(64), noise(65), noise(66)];
    let form = pictures.into_iter().enumerate().fold(Form::new(), |form, (n, bytes)| {
        form.part("images", Part::bytes(bytes).file_name(format!("{n}.png")))
    });
    let answer = reqwest::blocking::Client::new().post(service.url("/jobs")).multipart(form).send().unwrap();
    let job = answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned();

    let (mut service, mut deaths, mut body) = (service, 0, Value::Null);
    loop {
        // The others take milliseconds: who is at work for long is the large one.
        until("the job ends, or its poison is at work", || {
            body = status(&service, &job);
            body["status"] == "completed" || is_long_at_work(&service)
        });
        if body["status"] == "completed" {
            break;
        }
        service.kill();
        deaths += 1;
        assert!(deaths < 20, "it is never given up");
        service = Service::start(data.path(), &environment);
    }
    assert!(deaths >= 3, "given up after {deaths} deaths");
    assert_eq!((&body["results_count"], &body["failed_count"]), (&3.into(), &1.into()), "{body}");
    assert_eq!(body["failed"][0]["filename"], "0.png");
    assert_eq!(body["failed"][0]["error_code"], "INTERNAL_ERROR");
    assert_eq!(figure(&service, "job_images_given_up_total") as u64, 1);
    let lost: Vec<_> =
        service.logged("picture_settled").into_iter().filter(|line| line["picture"] == 0).collect();
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert_eq!((&lost[0]["level"], &lost[0]["outcome"]), (&"error".into(), &"failed".into()));
    assert_eq!((&lost[0]["job_id"], &lost[0]["request_id"]), (&job.into(), &body["request_id"]));
}
