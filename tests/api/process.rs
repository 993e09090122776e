//! `POST /process`: which requests it accepts and what it answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::answers::{assert_complete_answer, photo};
use crate::test_service::{assert_problem, spawn};

#[test]
fn a_picture_as_a_form_field_gives_ten_colours_a_crop_and_a_card() {
    let service = spawn();
    let answer = service.process_form(photo("jpeg"));
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let body: Value = answer.json().unwrap();
    assert_complete_answer(&body, 10);
    assert_eq!(body["source"], json!({"format": "jpeg", "width": 300, "height": 200, "orientation": 1}));
    assert_eq!(service.metric("images_processed_total{endpoint=\"/process\"}"), 1);
    service.assert_healthy();
}

#[test]
fn json_data_urls_and_raw_bodies_give_the_same_answer() {
    let service = spawn();
    let picture = photo("png");
    let text = STANDARD.encode(&picture);
    let lines: Vec<&str> =
        text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let broken_up = lines.join("\r\n");
    let raw: Value = service.process(picture.clone()).json().unwrap();
    assert_complete_answer(&raw, 10);
    for image in
        [text.clone(), format!("data:image/jpeg;base64,{text}"), format!("data:;base64,{text}"), broken_up]
    {
        let answer =
            service.post("/process").json(&json!({"image": image, "client": {"version": 3}})).send().unwrap();
        assert_eq!(answer.json::<Value>().unwrap(), raw);
    }
    assert_eq!(service.process_form(picture).json::<Value>().unwrap(), raw);
}

#[test]
fn every_format_is_recognized_by_its_content() {
    let service = spawn();
    for format in ["jpeg", "png", "webp", "gif", "bmp", "tiff"] {
        let body: Value = service.process(photo(format)).json().unwrap();
        assert_complete_answer(&body, 10);
        assert_eq!(body["source"]["format"], format);
    }
}

#[test]
fn the_query_sets_colours_aspect_and_format() {
    let service = spawn();
    let answer = service
        .post("/process?colors=5&aspect=1:1&format=webp")
        .header("content-type", "image/png")
        .body(photo("png"));
    let body: Value = answer.send().unwrap().json().unwrap();
    assert_complete_answer(&body, 5);
    assert_eq!(body["crop"]["width"], body["crop"]["height"]);
    assert!(body["social_image"].as_str().unwrap().starts_with("data:image/webp;base64,"));
    for query in ["colors=1", "colors=21", "aspect=3-2", "format=gif", "quality=0"] {
        let answer = service
            .post(&format!("/process?{query}"))
            .header("content-type", "image/png")
            .body(photo("png"))
            .send()
            .unwrap();
        assert_problem(answer, 400, "INVALID_INPUT");
    }
}

#[test]
fn the_accept_header_selects_the_card_itself() {
    let service = spawn();
    for (accept, format) in [
        ("image/png", image::ImageFormat::Png),
        ("image/jpeg", image::ImageFormat::Jpeg),
        ("image/webp,image/*;q=0.5", image::ImageFormat::WebP),
    ] {
        let answer = service
            .post("/process")
            .header("accept", accept)
            .header("content-type", "image/png")
            .body(photo("png"))
            .send()
            .unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["vary"].to_str().unwrap()), (200, "Accept"));
        assert_eq!(answer.headers()["content-type"], format.to_mime_type());
        let card = image::load_from_memory_with_format(&answer.bytes().unwrap(), format).unwrap();
        assert_eq!((card.width(), card.height()), (1096, 736));
    }
}

#[test]
fn the_same_picture_gives_the_same_bytes() {
    let service = spawn();
    let answers: Vec<_> = (0..4).map(|_| service.process_form(photo("jpeg")).bytes().unwrap()).collect();
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn an_empty_process_request_has_no_input() {
    let service = spawn();
    let form = |form: Form| service.post("/process").multipart(form).send().unwrap();
    let typed = |kind: &str, body: &str| {
        service.post("/process").header("content-type", kind).body(body.to_owned()).send().unwrap()
    };
    for answer in [
        service.post("/process").send().unwrap(),
        typed("application/json", ""),
        typed("application/json", "{}"),
        typed("application/json", "{\"image\": null}"),
        typed("application/json", "{\"image\": \"\"}"),
        typed("application/json", "{\"image\": \"data:;base64,\"}"),
        typed("image/png", ""),
        form(Form::new().text("other", "x")),
        form(Form::new().part("image", Part::bytes(Vec::new()).file_name(""))),
        form(Form::new().part("image", Part::bytes(Vec::new()).file_name("empty.png"))),
    ] {
        assert_problem(answer, 400, "NO_INPUT");
    }
}

#[test]
fn other_content_types_are_refused() {
    let service = spawn();
    for kind in [
        "text/plain",
        "application/octet-stream",
        "application/xml",
        "nonsense",
        "multipart/mixed; boundary=x",
    ] {
        let answer = service.post("/process").header("content-type", kind).body(photo("png")).send().unwrap();
        assert_problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE");
    }
}

#[test]
fn known_formats_that_are_not_supported_are_named() {
    let service = spawn();
    for (bytes, name) in [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf".to_vec(), "AVIF"),
        (b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec(), "SVG"),
        (b"%PDF-1.7\n".to_vec(), "PDF"),
    ] {
        let body = assert_problem(service.process(bytes), 415, "UNSUPPORTED_MEDIA_TYPE");
        assert!(body["user_message"].as_str().unwrap().contains(name), "{body}");
    }
    assert_problem(service.process(b"just some text".to_vec()), 415, "UNSUPPORTED_MEDIA_TYPE");
}

#[test]
fn a_photo_with_orientation_six_is_turned_upright() {
    let service = spawn();
    let body: Value =
        service.process(crate::photos::oriented_jpeg(&crate::photos::photo(300, 200, 1), 6)).json().unwrap();
    assert_complete_answer(&body, 10);
    assert_eq!(body["source"], json!({"format": "jpeg", "width": 200, "height": 300, "orientation": 6}));
}
