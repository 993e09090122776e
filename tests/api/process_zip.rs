//! `POST /process_zip`: what counts as a picture, what is told of each.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::app::{assert_problem, spawn};
use crate::archives::{Member, zip};
use crate::cards::{check_picture, photo};

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
fn pictures_are_processed_others_ignored_and_broken_ones_told() {
    let app = spawn();
    let part = Part::bytes(album()).file_name("album.zip");
    let answer = app.post("/process_zip").multipart(Form::new().part("zip_file", part)).send().unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (200, "application/json")
    );
    let body: Value = answer.json().unwrap();
    let names: Vec<_> =
        body["results"].as_array().unwrap().iter().map(|result| result["filename"].clone()).collect();
    assert_eq!(names, ["trip/one.jpg", "two", "three.PNG"]);
    for result in body["results"].as_array().unwrap() {
        check_picture(result, 10);
    }
    assert_eq!(
        (&body["success"], &body["processed_count"], &body["total_files"]),
        (&json!(true), &json!(3), &json!(4))
    );
    assert_eq!(body["failed"][0]["filename"], "broken.png");
    assert_eq!(body["failed"][0]["error_code"], "PROCESSING_ERROR");
    assert_eq!(app.metric("images_processed_total{endpoint=\"/process_zip\"}"), 3);
    app.assert_well();
}

#[test]
fn json_and_raw_bodies_give_the_same_answer() {
    let app = spawn();
    let raw: Value = app.process_zip(album()).json().unwrap();
    let json: Value = app
        .post("/process_zip")
        .json(&json!({"zip": STANDARD.encode(album())}))
        .send()
        .unwrap()
        .json()
        .unwrap();
    assert_eq!(raw, json);
}

#[test]
fn a_zip_alone_in_its_result_equals_the_picture_alone() {
    let app = spawn();
    let zipped: Value = app.process_zip(zip(&[Member::deflated("a.png", &photo("png"))])).json().unwrap();
    let alone: Value = app.process(photo("png")).json().unwrap();
    for member in ["palette", "social_image", "colors", "crop"] {
        assert_eq!(zipped["results"][0][member], alone[member], "{member}");
    }
}

#[test]
fn fifty_pictures_are_taken_and_fifty_one_are_not() {
    let app = spawn();
    let picture = photo("png");
    let many = |count: usize| {
        zip(&(0..count).map(|i| Member::stored(format!("{i}.png"), &picture)).collect::<Vec<_>>())
    };
    let body: Value = app.process_zip(many(50)).json().unwrap();
    assert_eq!((&body["processed_count"], &body["total_files"]), (&json!(50), &json!(50)));
    let names = body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["filename"].as_str().unwrap().to_owned());
    assert!(names.eq((0..50).map(|i| format!("{i}.png"))), "results are in the archive's order");
    assert_problem(app.process_zip(many(51)), 422, "PROCESSING_ERROR");
    app.assert_well();
}

#[test]
fn none_processed_is_a_problem() {
    let app = spawn();
    let body =
        assert_problem(app.process_zip(zip(&[Member::stored("a.png", b"broken")])), 422, "PROCESSING_ERROR");
    assert!(body["user_message"].as_str().unwrap().contains('1'), "{body}");
    assert_problem(app.process_zip(zip(&[Member::stored("a.txt", b"text")])), 422, "PROCESSING_ERROR");
}

#[test]
fn nothing_sent_is_no_input() {
    let app = spawn();
    assert_problem(app.post("/process_zip").send().unwrap(), 400, "NO_INPUT");
    assert_problem(app.post("/process_zip").json(&json!({})).send().unwrap(), 400, "NO_INPUT");
    let form = Form::new().part("zip_file", Part::bytes(Vec::new()).file_name(""));
    assert_problem(app.post("/process_zip").multipart(form).send().unwrap(), 400, "NO_INPUT");
}
