//! Hostile archives (rows Z1 to Z15) over HTTP: each gets the documented answer, and the memory stays within bounds.

use std::time::Instant;

use reqwest::blocking::Response;
use serde_json::Value;

use crate::answers::{assert_complete_result, photo};
use crate::archives::hostile::{Hostile, Must, table};
use crate::test_service::{TestService, assert_problem, has_panicked, spawn};

/// The most memory that the process may use.
const MAX_KIB: u64 = 300 * 1024;

#[track_caller]
fn assert_outcome(what: &str, must: Must, answer: Response) {
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
            body["results"].as_array().unwrap().iter().for_each(|result| assert_complete_result(result, 10));
        }
    }
}

/// How many archives the service has logged as ambiguous: they have two names for one picture.
fn ambiguous_archives(service: &TestService) -> usize {
    service.log().iter().filter(|line| line["event"] == "zip_ambiguous" && line["entries"] == 1).count()
}

#[test]
fn z1_to_z15_each_hostile_archive_has_its_documented_outcome_within_bounds() {
    let service = spawn();
    for Hostile { id, what, bytes, must } in table(&photo("png")) {
        let (sent, started, before) = (bytes.len(), Instant::now(), service.peak_kib());
        let before_this = ambiguous_archives(&service);
        assert_outcome(&format!("{id} {what}"), must, service.process_zip(bytes));
        if id == "Z11" {
            service.wait_for("the archive is logged as ambiguous", |service| {
                ambiguous_archives(service) == before_this + 1
            });
        }
        assert!(
            id == "Z11" || ambiguous_archives(&service) == before_this,
            "{id} {what} is logged as ambiguous"
        );
        let grown = service.peak_kib().saturating_sub(before);
        println!(
            "{id:4} {what:60.60} {sent:>9} bytes  {:>6} ms  +{grown} KiB",
            started.elapsed().as_millis()
        );
    }
    assert!(service.peak_kib() < MAX_KIB, "{} KiB", service.peak_kib());
    assert!(service.log().iter().all(|line| !has_panicked(line)), "something panicked");
    assert!(
        service.log().iter().any(|line| line["event"] == "security_violation" && line["level"] == "info")
    );
    service.assert_healthy();
}
