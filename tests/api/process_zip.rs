//! `POST /process_zip`: which entries count as pictures, and what the answer says about each.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::answers::{assert_complete_result, photo};
use crate::archives::{Member, zip};
use crate::test_service::{assert_problem, spawn};

fn album() -> Vec<u8> {
    zip(&[
        Member::stored("trip/one.jpg", &photo("jpeg")),
        Member::deflated("trip/notes.txt", b"no picture"),
        Member::deflated("two", &photo("png")),
        Member::stored("broken.png", b"\x89PNG\r\n\x1a\nnot really"),
        Member::stored("__MACOSX/trip/._one.jpg", b"junk"),
        Member::deflated("three.PNG", &photo("gif")),
    ])
}

#[test]
fn pictures_are_processed_other_files_ignored_and_broken_pictures_reported() {
    let service = spawn();
    let part = Part::bytes(album()).file_name("album.zip");
    let answer = service.post("/process_zip").multipart(Form::new().part("zip_file", part)).send().unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (200, "application/json")
    );
    let body: Value = answer.json().unwrap();
    let names: Vec<_> =
        body["results"].as_array().unwrap().iter().map(|result| result["filename"].clone()).collect();
    assert_eq!(names, ["trip/one.jpg", "two", "three.PNG"]);
    for result in body["results"].as_array().unwrap() {
        assert_complete_result(result, 10);
    }
    assert_eq!(
        (&body["success"], &body["processed_count"], &body["total_files"]),
        (&json!(true), &json!(3), &json!(4))
    );
    assert_eq!(body["failed"][0]["filename"], "broken.png");
    assert_eq!(body["failed"][0]["error_code"], "PROCESSING_ERROR");
    assert_eq!(service.metric("images_processed_total{endpoint=\"/process_zip\"}"), 3);
    service.assert_healthy();
}

#[test]
fn json_and_raw_bodies_give_the_same_answer() {
    let service = spawn();
    let raw: Value = service.process_zip(album()).json().unwrap();
    let json: Value = service
        .post("/process_zip")
        .json(&json!({"zip": STANDARD.encode(album())}))
        .send()
        .unwrap()
        .json()
        .unwrap();
    assert_eq!(raw, json);
}

#[test]
fn a_zip_of_one_picture_gives_the_same_result_as_the_picture() {
    let service = spawn();
    let zipped: Value = service.process_zip(zip(&[Member::deflated("a.png", &photo("png"))])).json().unwrap();
    let alone: Value = service.process(photo("png")).json().unwrap();
    for member in ["palette", "social_image", "colors", "crop"] {
        assert_eq!(zipped["results"][0][member], alone[member], "{member}");
    }
}

#[test]
fn fifty_pictures_are_accepted_and_fifty_one_are_refused() {
    let service = spawn();
    let picture = photo("png");
    let many = |count: usize| {
        zip(&(0..count).map(|i| Member::stored(format!("{i}.png"), &picture)).collect::<Vec<_>>())
    };
    let body: Value = service.process_zip(many(50)).json().unwrap();
    assert_eq!((&body["processed_count"], &body["total_files"]), (&json!(50), &json!(50)));
    let names = body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["filename"].as_str().unwrap().to_owned());
    assert!(names.eq((0..50).map(|i| format!("{i}.png"))), "the results are not in the archive's order");
    assert_problem(service.process_zip(many(51)), 422, "PROCESSING_ERROR");
    service.assert_healthy();
}

#[test]
fn a_zip_without_any_result_is_an_error() {
    let service = spawn();
    let body = assert_problem(
        service.process_zip(zip(&[Member::stored("a.png", b"broken")])),
        422,
        "PROCESSING_ERROR",
    );
    assert!(body["user_message"].as_str().unwrap().contains('1'), "{body}");
    assert_problem(service.process_zip(zip(&[Member::stored("a.txt", b"text")])), 422, "PROCESSING_ERROR");
}

#[test]
fn an_empty_zip_request_has_no_input() {
    let service = spawn();
    assert_problem(service.post("/process_zip").send().unwrap(), 400, "NO_INPUT");
    assert_problem(service.post("/process_zip").json(&json!({})).send().unwrap(), 400, "NO_INPUT");
    let form = Form::new().part("zip_file", Part::bytes(Vec::new()).file_name(""));
    assert_problem(service.post("/process_zip").multipart(form).send().unwrap(), 400, "NO_INPUT");
}
