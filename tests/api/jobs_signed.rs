//! Signed requests (rows A1 to A7): wrong, missing and reused signatures are refused.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::job_requests::{OPERATOR, SECRET, Signing, accepted, album, ended, id, now, spawn_signed};
use crate::test_service::{TestService, assert_problem};

fn post(nonce: &str) -> Signing {
    Signing::new("POST", "/jobs", &album(1, 0), nonce)
}

#[track_caller]
fn refused(answer: reqwest::blocking::Response, code: &str) {
    assert!(answer.headers().contains_key("www-authenticate"), "{:?}", answer.headers());
    assert_problem(answer, 401, code);
}

#[test]
fn a_signed_request_is_accepted_and_reading_needs_no_signature() {
    let service = spawn_signed();
    let body = accepted(post("a-nonce-1").send(&service));
    assert_eq!(body["request_id"], "a-nonce-1");
    let job = ended(&service, id(&body));
    assert_eq!(job["results_count"], 1);
    let path = format!("/jobs/{}", id(&job));
    refused(service.post(&format!("{path}/cancel")).send().unwrap(), "MISSING_SIGNATURE");
    refused(service.client.delete(service.url(&path)).send().unwrap(), "MISSING_SIGNATURE");
    let cancel = Signing::new("POST", &format!("{path}/cancel"), b"", "a-nonce-2");
    assert_problem(cancel.send(&service), 409, "JOB_NOT_CANCELABLE");
    assert_eq!(Signing::new("DELETE", &path, b"", "a-nonce-3").send(&service).status(), 204);
    assert_eq!(service.process(crate::answers::photo("png")).status(), 200, "other routes need a signature");
}

#[test]
fn what_the_signature_does_not_cover_is_refused() {
    let (service, started) = (spawn_signed(), now());
    for (at, (name, value)) in
        [("callback_url", "https://evil.example/"), ("priority", "high"), ("ttl_h", "1"), ("colors", "5")]
            .into_iter()
            .enumerate()
    {
        // Each at another second: a signature that was used is not accepted again.
        let timestamp = (started - at as i64).to_string();
        let signing = Signing { timestamp, ..post(&format!("an-added-field-{at}")) };
        let request = signing.with(&service, &signing.signature()).query(&[(name, value)]);
        let body = assert_problem(request.send().unwrap(), 400, "INVALID_INPUT");
        let message = body["detail"].as_str().unwrap();
        assert!(message.contains(name) && message.contains("in the body"), "{message}");
    }
    let signing = Signing { timestamp: (started - 10).to_string(), ..post("a-field-of-mine") };
    let request = signing.with(&service, &signing.signature()).query(&[("utm_source", "mail")]);
    accepted(request.send().unwrap());
    let signing = post("a-wrong-signature");
    let request = signing.with(&service, &signing.signature().replace('a', "b")).query(&[("ttl_h", "1")]);
    refused(request.send().unwrap(), "INVALID_SIGNATURE");
}

#[test]
fn while_a_secret_is_rotated_the_previous_one_is_accepted_too() {
    let new = "a-secret-of-another-year";
    let required = ("REQUIRE_SIGNATURE", "true");
    let rotating =
        TestService::start(&[required, ("WEBHOOK_SECRET", new), ("WEBHOOK_SECRET_PREVIOUS", SECRET)]);
    accepted(post("before-the-end").send(&rotating));
    let rotated = TestService::start(&[required, ("WEBHOOK_SECRET", new)]);
    refused(post("behind-the-end").send(&rotated), "INVALID_SIGNATURE");
}

#[test]
fn the_signature_of_a_form_covers_its_bytes() {
    let service = spawn_signed();
    let form = [
        b"preamble\r\n--b\r\nContent-Disposition: form-data; name=\"zip_file\"; filename=\"a.zip\"\r\n\r\n"
            .as_slice(),
        &album(1, 0),
        b"\r\n--b--\r\nepilogue",
    ]
    .concat();
    let signing = Signing::new("POST", "/jobs", &form, "a-form-nonce");
    let send = |signing: &Signing| {
        let mut request = signing.with(&service, &signing.signature()).build().unwrap();
        let kind = "multipart/form-data; boundary=b".parse().unwrap();
        request.headers_mut().insert("content-type", kind);
        service.client.execute(request).unwrap()
    };
    accepted(send(&signing));
    let mut changed = Signing { nonce: "another-nonce".into(), ..signing.clone() };
    let right = changed.signature();
    changed.body.extend_from_slice(b"!");
    let mut request = changed.with(&service, &right).build().unwrap();
    request.headers_mut().insert("content-type", "multipart/form-data; boundary=b".parse().unwrap());
    refused(service.client.execute(request).unwrap(), "INVALID_SIGNATURE");
}

#[test]
fn a1_missing_and_malformed_signatures_are_refused() {
    let service = spawn_signed();
    let signing = post("a1-nonce");
    let right = signing.signature();
    for header in ["x-signature", "x-timestamp", "x-request-id"] {
        let mut request = signing.with(&service, &right).build().unwrap();
        request.headers_mut().remove(header);
        refused(service.client.execute(request).unwrap(), "MISSING_SIGNATURE");
    }
    for wrong in [
        "garbage".to_owned(),
        format!("sha256={}", right["sha256=".len()..].to_uppercase()),
        right.replace("sha256=", "sha1="),
        right[..right.len() - 1].to_owned(),
        format!("{right}0"),
        format!("sha256={}", "0".repeat(64)),
    ] {
        refused(signing.with(&service, &wrong).send().unwrap(), "INVALID_SIGNATURE");
    }
    accepted(signing.send(&service));
    assert_eq!(service.metric("auth_failures_total{reason=\"missing_signature\"}"), 3);
    assert_eq!(service.metric("auth_failures_total{reason=\"invalid_signature\"}"), 6);
    let line = service.wait_for_event("security_violation", |line| line["error_code"] == "INVALID_SIGNATURE");
    assert_eq!((&line["level"], &line["endpoint"]), (&"info".into(), &"/jobs".into()));
    let log: Vec<Value> = service.log();
    assert!(
        log.iter().all(|line| !line.to_string().contains(SECRET) && !line.to_string().contains(&right[7..]))
    );
}

#[test]
fn a2_the_timestamp_must_be_the_current_time_in_seconds() {
    let service = spawn_signed();
    let at = |timestamp: String| Signing { timestamp, ..post("a2-nonce") }.send(&service);
    for other in [now() - 302, now() + 310, -1, now() * 1_000] {
        refused(at(other.to_string()), "TIMESTAMP_OUT_OF_RANGE");
    }
    for nothing in ["1e9", "0x10", "12345678901234567890", ""] {
        refused(at(nothing.to_owned()), "INVALID_TIMESTAMP");
    }
    accepted(at((now() - 250).to_string()));
}

#[test]
fn a3_of_a_hundred_concurrent_requests_with_one_nonce_one_is_accepted() {
    let service = spawn_signed();
    let signing = post("a3-nonce");
    let mut statuses = BTreeMap::new();
    std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..100).map(|_| scope.spawn(|| signing.send(&service).status().as_u16())).collect();
        for one in all {
            *statuses.entry(one.join().unwrap()).or_insert(0) += 1;
        }
    });
    assert_eq!(statuses, BTreeMap::from([(202, 1), (401, 99)]));
    refused(signing.send(&service), "NONCE_REUSED");
}

#[test]
fn a4_a_replay_with_a_new_nonce_is_refused() {
    let service = spawn_signed();
    let signing = post("a4-nonce");
    accepted(signing.send(&service));
    refused(Signing { nonce: "a4-other-nonce".into(), ..signing }.send(&service), "NONCE_REUSED");
}

#[test]
fn a5_a_wrong_signature_does_not_consume_the_nonce() {
    let service = spawn_signed();
    let signing = post("a5-nonce");
    refused(
        signing.with(&service, &format!("sha256={}", "a".repeat(64))).send().unwrap(),
        "INVALID_SIGNATURE",
    );
    accepted(signing.send(&service));
}

#[test]
fn a6_a_signature_does_not_match_other_bytes() {
    let service = spawn_signed();
    let mut signing = Signing::new("POST", "/jobs", b"{\"zip\": \"\"}", "a6-nonce");
    let right = signing.signature();
    signing.body = b"{\"zip\":\"\"}".to_vec();
    let mut request = signing.with(&service, &right).build().unwrap();
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    refused(service.client.execute(request).unwrap(), "INVALID_SIGNATURE");
    let mut signing = post("a6-nonce");
    let right = signing.signature();
    signing.body.push(0);
    refused(signing.with(&service, &right).send().unwrap(), "INVALID_SIGNATURE");
}

#[test]
fn a7_no_other_spelling_of_the_path_is_accepted() {
    let service = spawn_signed();
    let signing = post("a7-nonce");
    let right = signing.signature();
    for path in ["/JOBS", "/%6aobs", "//jobs", "/x/../jobs", "/./jobs", "/jobs%2F", "/jobs/"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\nX-Timestamp: {}\r\nX-Request-Id: {}\r\nX-Signature: {right}\r\n\r\n",
            signing.timestamp, signing.nonce
        );
        let answer = service.raw(head.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 401"), "{path}: {answer}");
    }
    for method in ["PUT", "DELETE"] {
        let request = Signing { method, body: Vec::new(), ..signing.clone() }.with(&service, &right);
        refused(request.send().unwrap(), "INVALID_SIGNATURE");
    }
    accepted(signing.send(&service));
}

#[test]
fn a_consumed_nonce_stays_consumed_after_a_restart() {
    let settings = [("REQUIRE_SIGNATURE", "true"), ("WEBHOOK_SECRET", SECRET), ("OPERATOR_TOKEN", OPERATOR)];
    let mut service = TestService::start(&settings);
    let signing = post("a-lasting-nonce");
    accepted(signing.send(&service));
    service.restart(&settings);
    refused(signing.send(&service), "NONCE_REUSED");
}
