//! Signatures of webhooks: the published libraries accept what the service sends, and reject any change of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::test_service::{SECRET, TestService};
use crate::support::receiver::{Receiver, Reply, Request};
use crate::support::servers::{Tool, require};
use crate::support::wait_until;

const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Completes a job and returns its id with the webhook that the service sent.
fn sent_webhook(settings: &[(&str, &str)]) -> (String, Request) {
    let receiver = Receiver::start(|_, _| Reply::status(204));
    let service = TestService::start(&[&receiver], settings);
    let job = service.submit(&receiver.url("/hook?a=b"));
    wait_until("the webhook arrives", || !receiver.requests().is_empty());
    service.wait_for_delivery();
    assert_eq!(receiver.requests().len(), 1);
    (job, receiver.requests().remove(0))
}

/// The headers that verifiers read.
fn headers(request: &Request) -> http::HeaderMap {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    names
        .iter()
        .map(|name| (http::HeaderName::from_static(name), request.header(name).parse().unwrap()))
        .collect()
}

#[test]
fn a_webhook_reports_the_end_of_its_job() {
    let (job, request) = sent_webhook(&[]);
    assert_eq!(request.path, "/hook?a=b");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&body["job_id"], &body["status"]), (&json!(job), &json!("completed")));
    assert_eq!(body["request_id"], "a-request-0001");
    assert_eq!((&body["results_count"], &body["failed_count"]), (&json!(1), &json!(0)));
    assert!(body["download_url"].as_str().unwrap().ends_with("/results.zip"), "{body}");
    assert_eq!(body["timestamp"].to_string(), request.header("x-timestamp"));
    assert_eq!(request.header("x-request-id"), "a-request-0001");
    assert_eq!(request.header("x-authed"), "true");
    assert_eq!(request.header("content-type"), "application/json");
    assert!(request.header("user-agent").starts_with("Huemill-Webhook/"));
    assert!(
        request.body.starts_with(br#"{"created_at": "#),
        "the members are not sorted as Python writes them"
    );
}

#[test]
fn the_reference_library_accepts_the_webhook_and_rejects_changes() {
    let (_, request) = sent_webhook(&[]);
    let (ours, headers) = (Webhook::new(SECRET).unwrap(), headers(&request));
    ours.verify(&request.body, &headers).unwrap();
    let mut changed = request.body.clone();
    changed[10] ^= 1;
    assert!(ours.verify(&changed, &headers).is_err(), "a changed byte was accepted");
    assert!(
        Webhook::new(OTHER).unwrap().verify(&request.body, &headers).is_err(),
        "a wrong secret was accepted"
    );
    let mut old = headers.clone();
    old.insert("webhook-timestamp", "1614265330".parse().unwrap());
    assert!(ours.verify(&request.body, &old).is_err(), "an old timestamp was accepted");
}

#[test]
fn while_a_secret_is_rotated_receivers_with_either_secret_accept_the_webhook() {
    let (_, request) = sent_webhook(&[("WEBHOOK_SECRET_PREVIOUS", OTHER)]);
    for secret in [SECRET, OTHER] {
        Webhook::new(secret).unwrap().verify(&request.body, &headers(&request)).unwrap();
    }
    let (_, before) = sent_webhook(&[]);
    assert_eq!(request.header("webhook-signature").split(' ').count(), 2);
    assert_eq!(before.header("webhook-signature").split(' ').count(), 1);
    assert_eq!(
        request.header("x-signature"),
        legacy_signature(&request.body),
        "it uses only the current secret"
    );
}

/// The `X-Signature` header, which older receivers check.
fn legacy_signature(body: &[u8]) -> String {
    use hmac::{Hmac, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    digest.iter().fold("sha256=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn the_libraries_of_pypi_and_npm_accept_the_webhook_and_reject_changes() {
    require!(WebhookVerifiers);
    let (_, request) = sent_webhook(&[]);
    let folder = Tool::WebhookVerifiers.path();
    let mut valid =
        json!({ "secret": SECRET, "headers": {}, "body": String::from_utf8(request.body.clone()).unwrap() });
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        valid["headers"][name] = request.header(name).into();
    }
    let with = |pointer: &str, value: Value| {
        let mut changed = valid.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    };
    let changed_body = valid["body"].as_str().unwrap().replacen("completed", "Completed", 1);
    for (program, arguments) in
        [(folder.join("python/bin/python"), "verify.py"), (PathBuf::from("node"), "verify.mjs")]
    {
        let verdict = |message: &Value| verdict(&folder, &program, arguments, message);
        assert_eq!(verdict(&valid), "accepted", "{arguments}");
        for wrong in [
            with("/body", changed_body.clone().into()),
            with("/secret", OTHER.into()),
            with("/headers/webhook-timestamp", "1614265330".into()),
            with("/headers/webhook-id", "dlv_other".into()),
        ] {
            assert_eq!(verdict(&wrong), "refused", "{arguments}: {wrong}");
        }
    }
}

#[test]
fn receivers_that_write_the_body_again_accept_its_signature() {
    require!(WebhookVerifiers);
    let folder = Tool::WebhookVerifiers.path();
    let python = folder.join("python/bin/python");
    let (_, request) = sent_webhook(&[]);
    let body = String::from_utf8(request.body.clone()).unwrap();
    let message = json!({ "secret": SECRET, "signature": request.header("x-signature"), "body": body });
    assert_eq!(verdict(&folder, &python, "dump.py", &message), "accepted");
    let changed = json!({ "secret": OTHER, "signature": request.header("x-signature"), "body": body });
    assert_eq!(verdict(&folder, &python, "dump.py", &changed), "refused");
}

/// What a program in the folder of verifiers says about a message.
fn verdict(folder: &Path, program: &Path, script: &str, message: &Value) -> String {
    let mut child = Command::new(program)
        .arg(script)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(child.stdin.take().unwrap(), message).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
