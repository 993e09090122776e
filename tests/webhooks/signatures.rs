//! What is sent is what the published verifiers accept, and nothing else is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::desk::{Desk, SECRET};
use super::receiver::{Receiver, Reply, Request};
use super::until;

const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A webhook as it was sent.
fn sent(settings: &[(&str, &str)]) -> (String, Request) {
    let receiver = Receiver::start(|_, _| Reply::status(204));
    let desk = Desk::open(&[&receiver], settings);
    let job = desk.submit(&receiver.url("/hook?a=b"));
    until("the webhook comes", || !receiver.requests().is_empty());
    until("it is told", || !desk.service.logged("webhook_delivered").is_empty());
    assert_eq!(receiver.requests().len(), 1);
    (job, receiver.requests().remove(0))
}

/// The headers that verifiers want.
fn headers(request: &Request) -> http::HeaderMap {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    names
        .iter()
        .map(|name| (http::HeaderName::from_static(name), request.header(name).parse().unwrap()))
        .collect()
}

#[test]
fn a_webhook_tells_the_end_of_its_job() {
    let (job, request) = sent(&[]);
    assert_eq!(request.path, "/hook?a=b");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&body["job_id"], &body["status"]), (&json!(job), &json!("completed")));
    assert_eq!(body["request_id"], "a-request-0001");
    assert_eq!((&body["results_count"], &body["failed_count"]), (&json!(1), &json!(0)));
    assert!(body["download_url"].as_str().unwrap().contains("/results.zip?expires="), "{body}");
    assert_eq!(body["timestamp"].to_string(), request.header("x-timestamp"));
    assert_eq!(request.header("x-request-id"), "a-request-0001");
    assert_eq!(request.header("x-authed"), "true");
    assert_eq!(request.header("content-type"), "application/json");
    assert!(request.header("user-agent").starts_with("Huemill-Webhook/"));
    // Sorted members: whoever reads it and writes it again has the same bytes.
    assert_eq!(serde_json::to_vec(&body).unwrap(), request.body);
}

#[test]
fn the_reference_library_accepts_what_is_sent_and_nothing_else() {
    let (_, request) = sent(&[]);
    let (ours, headers) = (Webhook::new(SECRET).unwrap(), headers(&request));
    ours.verify(&request.body, &headers).unwrap();
    let mut changed = request.body.clone();
    changed[10] ^= 1;
    assert!(ours.verify(&changed, &headers).is_err(), "a changed byte");
    assert!(Webhook::new(OTHER).unwrap().verify(&request.body, &headers).is_err(), "a wrong secret");
    let mut old = headers.clone();
    old.insert("webhook-timestamp", "1614265330".parse().unwrap());
    assert!(ours.verify(&request.body, &old).is_err(), "an old timestamp");
}

#[test]
fn a_rotation_signs_for_those_who_have_changed_and_those_who_have_not() {
    let (_, request) = sent(&[("WEBHOOK_SECRET_PREVIOUS", OTHER)]);
    for secret in [SECRET, OTHER] {
        Webhook::new(secret).unwrap().verify(&request.body, &headers(&request)).unwrap();
    }
    let (_, before) = sent(&[]);
    assert_eq!(request.header("webhook-signature").split(' ').count(), 2);
    assert_eq!(before.header("webhook-signature").split(' ').count(), 1);
    assert_eq!(request.header("x-signature"), own(&request.body), "the current one alone");
}

/// `X-Signature` as receivers of old compute it.
fn own(body: &[u8]) -> String {
    use hmac::{Hmac, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    digest.iter().fold("sha256=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// Where `tests/verifiers.sh` puts them.
fn verifiers() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join("verifiers");
    assert!(folder.join("installed.txt").exists(), "{} is not there: run `make setup`", folder.display());
    folder
}

#[test]
fn the_libraries_of_pypi_and_npm_accept_what_is_sent_and_nothing_else() {
    let (_, request) = sent(&[]);
    let folder = verifiers();
    let mut right =
        json!({ "secret": SECRET, "headers": {}, "body": String::from_utf8(request.body.clone()).unwrap() });
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        right["headers"][name] = request.header(name).into();
    }
    let with = |pointer: &str, value: Value| {
        let mut other = right.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        other
    };
    let changed = right["body"].as_str().unwrap().replacen("completed", "Completed", 1);
    for (program, arguments) in
        [(folder.join("python/bin/python"), "verify.py"), ("node".into(), "verify.mjs")]
    {
        let says = |message: &Value| {
            let mut child = Command::new(&program)
                .arg(arguments)
                .current_dir(&folder)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            serde_json::to_writer(child.stdin.take().unwrap(), message).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{arguments}");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        assert_eq!(says(&right), "accepted", "{arguments}");
        for wrong in [
            with("/body", changed.clone().into()),
            with("/secret", OTHER.into()),
            with("/headers/webhook-timestamp", "1614265330".into()),
            with("/headers/webhook-id", "dlv_other".into()),
        ] {
            assert_eq!(says(&wrong), "refused", "{arguments}: {wrong}");
        }
    }
}
