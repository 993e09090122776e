//! Hostile archives (rows Z1 to Z15) through HTTP: the answer to each, and what they cost the process.

use std::time::Instant;

use reqwest::blocking::Response;
use serde_json::Value;

use crate::app::{App, assert_problem, spawn};
use crate::archives::hostile::{Hostile, Must, table};
use crate::cards::{check_picture, photo};

/// Memory that the process may ever take here.
const MOST_KIB: u64 = 300 * 1024;

#[track_caller]
fn assert_fate(what: &str, must: Must, answer: Response) {
    match must {
        Must::Traversal => {
            assert_problem(answer, 422, "ZIP_TRAVERSAL");
        }
        Must::Refused | Must::Pictures(0 | 51..) => {
            assert_problem(answer, 422, "PROCESSING_ERROR");
        }
        Must::Pictures(count) => {
            let body: Value = answer.json().unwrap();
            assert_eq!(body["total_files"], count, "{what}: {body}");
        }
        Must::Entries { good, bad } if good.is_empty() => {
            assert_eq!(answer.status(), 422, "{what}: {bad:?}");
            assert_problem(answer, 422, "PROCESSING_ERROR");
        }
        Must::Entries { good, bad } => {
            let status = answer.status();
            let body: Value = answer.json().unwrap();
            assert_eq!(status, 200, "{what}: {body}");
            let names = |member: &str| -> Vec<String> {
                let list = body[member].as_array().unwrap();
                list.iter().map(|one| one["filename"].as_str().unwrap().to_owned()).collect()
            };
            assert_eq!((names("results"), names("failed")), (good, bad), "{what}");
            body["results"].as_array().unwrap().iter().for_each(|result| check_picture(result, 10));
        }
    }
}

/// How many archives were found to have two names for a picture.
fn flags(app: &App) -> usize {
    app.log().iter().filter(|line| line["event"] == "zip_ambiguous" && line["entries"] == 1).count()
}

#[test]
fn z1_to_z15_each_hostile_archive_meets_its_fate_within_bounds() {
    let app = spawn();
    for Hostile { id, what, bytes, must } in table(&photo("png")) {
        let (sent, started, before) = (bytes.len(), Instant::now(), app.peak_kib());
        let flags = flags(&app);
        assert_fate(&format!("{id} {what}"), must, app.process_zip(bytes));
        if id == "Z11" {
            app.wait_for("a flag", |app| self::flags(app) == flags + 1);
        }
        assert!(id == "Z11" || self::flags(&app) == flags, "{id} {what} is flagged");
        let grown = app.peak_kib() - before;
        println!(
            "{id:4} {what:60.60} {sent:>9} bytes  {:>6} ms  +{grown} KiB",
            started.elapsed().as_millis()
        );
    }
    assert!(app.peak_kib() < MOST_KIB, "{} KiB", app.peak_kib());
    assert!(app.log().iter().all(|line| line["event"] != "panic"), "something panicked");
    assert!(app.log().iter().any(|line| line["event"] == "security_violation" && line["level"] == "error"));
    app.assert_well();
}
