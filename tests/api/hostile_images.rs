//! Hostile pictures (rows I1 to I18) over HTTP: each gets the documented status, and the memory stays within bounds.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::answers::{assert_complete_answer, photo};
use crate::hostile::{self, Must};
use crate::pictures;
use crate::test_service::{TestService, assert_problem, has_panicked, spawn};

/// The most memory that the process may use: the budget of pictures and the process itself.
const MAX_KIB: u64 = (512 + 128) * 1024;

#[track_caller]
fn assert_outcome(row: &str, name: &str, must: Must, answer: Response) {
    let status = answer.status().as_u16();
    let body: Value = answer.json().unwrap();
    let (wanted, code) = match must {
        Must::Read => (200, None),
        Must::Fail => (422, Some("PROCESSING_ERROR")),
        Must::TooLarge => (413, Some("PAYLOAD_TOO_LARGE")),
        Must::Unsupported | Must::Unrecognised => (415, Some("UNSUPPORTED_MEDIA_TYPE")),
    };
    assert_eq!((status, body["error_code"].as_str()), (wanted, code), "{row} {name}: {body}");
    if must == Must::Read {
        assert_complete_answer(&body, 10);
    }
}

#[test]
fn i1_to_i17_each_hostile_picture_has_its_documented_outcome_within_the_budget() {
    let service = spawn();
    for hostile::Hostile { row, name, must, bytes } in hostile::pictures() {
        let (sent, started, before) = (bytes.len(), Instant::now(), service.peak_kib());
        assert_outcome(row, name, must, service.process(bytes));
        let grown = service.peak_kib().saturating_sub(before);
        println!("{row:4} {name:44} {sent:>9} bytes  {:>6} ms  +{grown} KiB", started.elapsed().as_millis());
    }
    assert!(service.peak_kib() < MAX_KIB, "{} KiB", service.peak_kib());
    assert!(service.log().iter().all(|line| !has_panicked(line)), "a decoder panicked");
    service.assert_healthy();
}

#[test]
fn i10_and_i11_damaged_pictures_are_either_processed_or_refused() {
    let service = spawn();
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
            let status = service.process(bytes).status().as_u16();
            assert!(matches!(status, 200 | 413 | 415 | 422), "{}: {status}", sample.name);
        }
    }
    service.assert_healthy();
}

#[test]
fn i16_extreme_shapes_and_single_colours_give_complete_answers() {
    let service = spawn();
    for (width, height) in [(1, 1), (1, 10_000), (10_000, 1), (2, 2), (3000, 2)] {
        for color in [[255, 255, 255, 255], [0, 0, 0, 255], [10, 20, 30, 0]] {
            let picture = image::RgbaImage::from_pixel(width, height, image::Rgba(color));
            let mut bytes = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
            let answer = service.process(bytes.into_inner());
            assert_eq!(answer.status(), 200, "{width}x{height} {color:?}");
            assert_complete_answer(&answer.json().unwrap(), 10);
        }
    }
    service.assert_healthy();
}

#[test]
fn i12_the_content_decides_and_trailing_bytes_do_not_reach_the_card() {
    let service = spawn();
    let mut polyglot = photo("jpeg");
    polyglot.extend_from_slice(b"<?php system($_GET['c']); ?><script>alert(1)</script>");
    let answer = service.process_form(polyglot);
    let body: Value = answer.json().unwrap();
    assert_complete_answer(&body, 10);
    let card = STANDARD.decode(body["social_image"].as_str().unwrap().split_once(',').unwrap().1).unwrap();
    assert!(!card.windows(5).any(|bytes| bytes == b"<?php"));
}

#[test]
fn i18_base64_is_checked_before_it_is_decoded() {
    let service = spawn();
    let ask = |image: &str| service.post("/process").json(&json!({"image": image})).send().unwrap();
    assert_problem(ask("data:;base64,"), 400, "NO_INPUT");
    assert_problem(ask("data:image/png;base64,###"), 400, "INVALID_INPUT");
    assert_problem(ask(&"A".repeat(75_000_000)), 413, "PAYLOAD_TOO_LARGE");
    let good = STANDARD.encode(photo("png"));
    let spaced: String = good.chars().flat_map(|c| [c, ' ']).collect();
    for image in [format!("data:;base64,{spaced}"), format!("data:text/html;base64,{good}")] {
        assert_complete_answer(&ask(&image).json().unwrap(), 10);
    }
    service.assert_healthy();
}

#[test]
fn a_picture_that_needs_more_than_the_whole_budget_is_too_large() {
    let service = TestService::start(&[("HUEMILL__WORKERS__MEMORY_BYTES", "67108864")]);
    let picture = image::GrayImage::from_pixel(9000, 5000, image::Luma([7]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    assert_problem(service.process(bytes.into_inner()), 413, "PAYLOAD_TOO_LARGE");
    assert_complete_answer(&service.process(photo("png")).json().unwrap(), 10);
    service.assert_healthy();
}
