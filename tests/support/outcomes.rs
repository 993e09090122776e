//! What clients must find once all faults are over: each accepted job has ended in one way, and its webhook reached the
//! receiver under one id. Jobs that a client asked to delete are checked in the database alone.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::clients::ClientRecord;
use super::http::client;
use super::receiver::Receiver;
use super::service::Service;
use super::wait_until;

fn status(service: &Service, job: &str) -> Value {
    let answer = client().get(service.url(&format!("/jobs/{job}?cards=url"))).send().unwrap();
    assert_eq!(answer.status(), 200, "{job} was accepted");
    answer.json().unwrap()
}

/// The accepted jobs that no client asked to delete, each with the number of its pictures.
fn kept(record: &ClientRecord) -> impl Iterator<Item = &(String, usize)> {
    record.accepted.values().filter(|(job, _)| !record.deleted.contains(job))
}

/// Every accepted job can be polled and ends, with a result or an error for each picture.
pub fn every_job_ends(service: &Service, record: &ClientRecord) {
    let ids: HashSet<_> = record.accepted.values().map(|(job, _)| job).collect();
    assert_eq!(ids.len(), record.accepted.len(), "two keys have the same job");
    for (job, pictures) in kept(record) {
        let mut body = Value::Null;
        wait_until(&format!("{job} ends"), || {
            body = status(service, job);
            !matches!(body["status"].as_str(), Some("queued" | "processing"))
        });
        let results = body["results"].as_array().map_or(0, Vec::len);
        let failed = body["failed"].as_array().map_or(0, Vec::len);
        match body["status"].as_str().unwrap() {
            "canceled" => {
                assert!(record.cancel_requested.contains(job), "no client canceled {job}");
                assert!(results + failed <= *pictures, "{body}");
            }
            "completed" | "failed" => {
                assert!(!record.canceled.contains(job), "canceling it was answered 202: {body}");
                assert_eq!(results + failed, *pictures, "{body}");
            }
            other => panic!("{job} is {other}"),
        }
    }
}

/// The webhook of every job reached the receiver, each time under the same id.
pub fn every_webhook_is_delivered(receiver: &Receiver, record: &ClientRecord) {
    let delivered = || {
        let mut ids: HashMap<String, HashSet<String>> = HashMap::new();
        for request in receiver.requests() {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let job = body["job_id"].as_str().unwrap().to_owned();
            ids.entry(job).or_default().insert(request.header("webhook-id").to_owned());
        }
        ids
    };
    wait_until("the webhook of every job is delivered", || {
        let delivered = delivered();
        kept(record).all(|(job, _)| delivered.contains_key(job))
    });
    assert!(delivered().values().all(|ids| ids.len() == 1), "a job has several webhook ids");
}
