//! Options with misspelt names and with values of other types: refused where they surely are options, and ignored where
//! they may belong to other programs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::answers::photo;
use crate::job_requests::{self, accepted, album, zip_form};
use crate::test_service::{assert_problem, spawn};

fn picture_form() -> Form {
    Form::new().part("image", Part::bytes(photo("png")).file_name("a.png"))
}

#[test]
fn a_misspelt_option_is_refused_in_query_form_and_json() {
    let service = spawn();
    let image = STANDARD.encode(photo("png"));
    let process = |path: &str| service.post(path);
    for (request, meant) in [
        (process("/process?colours=5").multipart(picture_form()), "`colors`"),
        (process("/process?Format=png").multipart(picture_form()), "`format`"),
        (process("/process").multipart(picture_form().text("aspct", "1:1")), "`aspect`"),
        (process("/process").json(&json!({"image": image, "colour": 5})), "`colors`"),
        (process("/process_zip?pallete=classic").multipart(zip_form(album(1, 0))), "`palette`"),
        (process("/jobs?qualty=5").multipart(zip_form(album(1, 0))), "`quality`"),
        (
            process("/jobs").multipart(zip_form(album(1, 0)).text("callbackUrl", "https://a.example")),
            "`callback_url`",
        ),
        (process("/jobs").json(&json!({"zip": image, "prioritiy": "high"})), "`priority`"),
    ] {
        let problem = assert_problem(request.send().unwrap(), 400, "INVALID_INPUT");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.ends_with(&format!("Did you mean {meant}?")), "{detail}");
    }
}

#[test]
fn names_of_others_empty_fields_and_files_are_ignored() {
    let service = job_requests::spawn();
    let face = Part::bytes(photo("jpeg")).file_name("face.jpg");
    let form = picture_form().text("color", "").part("face", face).text("time", "1").text("files", "2");
    let query = "/process?_=1700000000&utm_source=x&utm_term=y&ts=1&time=2&page=3&callback=jsonp&v=2";
    assert_eq!(service.post(query).multipart(form).send().unwrap().status(), 200);
    let body =
        json!({"image": STANDARD.encode(photo("png")), "colour": null, "client": {"format": 1}, "scheme": 2});
    assert_eq!(service.post("/process").json(&body).send().unwrap().status(), 200);
    let form = zip_form(album(1, 0)).text("zip", "x").text("url", "y").text("ttl", "5");
    accepted(service.post("/jobs?_=1").multipart(form).send().unwrap());
}

#[test]
fn json_takes_switches_lists_and_null_as_options() {
    let service = spawn();
    let image = STANDARD.encode(photo("png"));
    let send = |options: Value| {
        let mut body = options;
        body["image"] = json!(image);
        service.post("/process").json(&body).send().unwrap()
    };
    let lists = send(json!({"aspect": [1, 1], "focus": [0.5, 0.5], "format": null})).json::<Value>().unwrap();
    let texts = send(json!({"aspect": "1:1", "focus": "0.5,0.5"})).json::<Value>().unwrap();
    assert_eq!(lists, texts);
    assert_eq!(lists["crop"]["width"], lists["crop"]["height"]);
    assert_eq!(send(json!({"faces": false})).status(), 200);
    for (options, allowed) in [
        (json!({"faces": 1}), "`faces` must be on or off."),
        (json!({"colors": true}), "`colors` must be a whole number from 2 to 20."),
        (json!({"card": ["og"]}), "`card` must be palette, og, square, portrait, story, crop or none."),
    ] {
        let problem = assert_problem(send(options), 400, "INVALID_INPUT");
        assert_eq!(problem["detail"], allowed);
    }
}
