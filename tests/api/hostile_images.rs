//! Hostile pictures (rows I1 to I18) through HTTP: the status of each, and what they cost the process.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::app::{App, assert_problem, spawn};
use crate::cards::{check_answer, photo};
use crate::hostile::{self, Must};
use crate::pictures;

/// Memory that the process may ever take here: the budget, and the process itself.
const MOST_KIB: u64 = (512 + 128) * 1024;

#[track_caller]
fn assert_fate(row: &str, name: &str, must: Must, answer: Response) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().unwrap();
    let (wanted, code) = match must {
        Must::Read => (200, None),
        Must::Fail | Must::Unrecognised => (422, Some("PROCESSING_ERROR")),
        Must::TooLarge => (413, Some("PAYLOAD_TOO_LARGE")),
        Must::Unsupported => (415, Some("UNSUPPORTED_MEDIA_TYPE")),
    };
    assert_eq!((status, body["error_code"].as_str()), (wanted, code), "{row} {name}: {body}");
    if must == Must::Read {
        check_answer(&body, 10);
    }
}

#[test]
fn i1_to_i17_each_hostile_picture_meets_its_fate_within_the_budget() {
    let app = spawn();
    for hostile::Hostile { row, name, must, bytes } in hostile::pictures() {
        let (sent, started, before) = (bytes.len(), Instant::now(), app.peak_kib());
        assert_fate(row, name, must, app.process(bytes));
        let grown = app.peak_kib() - before;
        println!("{row:4} {name:44} {sent:>9} bytes  {:>6} ms  +{grown} KiB", started.elapsed().as_millis());
    }
    assert!(app.peak_kib() < MOST_KIB, "{} KiB", app.peak_kib());
    assert!(app.log().iter().all(|line| line["event"] != "panic"), "a decoder panicked");
    app.assert_well();
}

#[test]
fn i10_and_i11_damaged_pictures_are_read_or_refused_and_nothing_else() {
    let app = spawn();
    let mut random = pictures::Numbers::new(11);
    for sample in pictures::all(3, 24, 16) {
        for _ in 0..40 {
            let mut bytes = sample.bytes.clone();
            if random.below(2) == 0 {
                bytes.truncate(random.below(bytes.len() as u64) as usize);
            } else {
                let place = random.below(bytes.len() as u64) as usize;
                bytes[place] ^= 1 << random.below(8);
            }
            if bytes.is_empty() {
                continue;
            }
            let status = app.process(bytes).status().as_u16();
            assert!(matches!(status, 200 | 413 | 415 | 422), "{}: {status}", sample.name);
        }
    }
    app.assert_well();
}

#[test]
fn i16_extreme_shapes_and_single_colours_give_whole_answers() {
    let app = spawn();
    for (width, height) in [(1, 1), (1, 10_000), (10_000, 1), (2, 2), (3000, 2)] {
        for color in [[255, 255, 255, 255], [0, 0, 0, 255], [10, 20, 30, 0]] {
            let picture = image::RgbaImage::from_pixel(width, height, image::Rgba(color));
            let mut bytes = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
            let answer = app.process(bytes.into_inner());
            assert_eq!(answer.status(), 200, "{width}x{height} {color:?}");
            check_answer(&answer.json().unwrap(), 10);
        }
    }
    app.assert_well();
}

#[test]
fn i12_content_decides_and_nothing_passes_through() {
    let app = spawn();
    let mut polyglot = photo("jpeg");
    polyglot.extend_from_slice(b"<?php system($_GET['c']); ?><script>alert(1)</script>");
    let answer = app.process_form(polyglot);
    let body: Value = answer.json().unwrap();
    check_answer(&body, 10);
    let card = STANDARD.decode(body["social_image"].as_str().unwrap().split_once(',').unwrap().1).unwrap();
    assert!(!card.windows(5).any(|bytes| bytes == b"<?php"));
}

#[test]
fn i18_base64_is_judged_before_it_is_decoded() {
    let app = spawn();
    let ask = |image: &str| app.post("/process").json(&json!({"image": image})).send().unwrap();
    assert_problem(ask("data:;base64,"), 400, "NO_INPUT");
    assert_problem(ask("data:image/png;base64,###"), 400, "INVALID_INPUT");
    assert_problem(ask(&"A".repeat(70_000_000)), 413, "PAYLOAD_TOO_LARGE");
    let good = STANDARD.encode(photo("png"));
    let spaced: String = good.chars().flat_map(|c| [c, ' ']).collect();
    for image in [format!("data:;base64,{spaced}"), format!("data:text/html;base64,{good}")] {
        check_answer(&ask(&image).json().unwrap(), 10);
    }
    app.assert_well();
}

#[test]
fn a_picture_that_needs_more_than_the_whole_budget_is_too_large() {
    let app = App::start(&[("HUEMILL__WORKERS__MEMORY_BYTES", "67108864")]);
    let picture = image::GrayImage::from_pixel(9000, 5000, image::Luma([7]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    assert_problem(app.process(bytes.into_inner()), 413, "PAYLOAD_TOO_LARGE");
    check_answer(&app.process(photo("png")).json().unwrap(), 10);
    app.assert_well();
}
