//! What clients must find once all faults are over: each job that was accepted has come to one end, and the end was
//! sent to its receiver under one id. Jobs that were asked to be deleted are looked at in the database alone.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::clients::Seen;
use super::receiver::Receiver;
use super::service::Service;
use super::until;

fn status(service: &Service, job: &str) -> Value {
    let answer = reqwest::blocking::get(service.url(&format!("/jobs/{job}?cards=url"))).unwrap();
    assert_eq!(answer.status(), 200, "{job} was accepted");
    answer.json().unwrap()
}

/// The accepted jobs that nobody asked to delete, each with the number of its pictures.
fn kept(seen: &Seen) -> impl Iterator<Item = &(String, usize)> {
    seen.accepted.values().filter(|(job, _)| !seen.deleted.contains(job))
}

/// Every job that was accepted answers, and comes to one end, with a result or a reason for each picture.
pub fn every_job_ends(service: &Service, seen: &Seen) {
    let ids: HashSet<_> = seen.accepted.values().map(|(job, _)| job).collect();
    assert_eq!(ids.len(), seen.accepted.len(), "no two keys have one job");
    for (job, pictures) in kept(seen) {
        let mut body = Value::Null;
        until(&format!("{job} ends"), || {
            body = status(service, job);
            !matches!(body["status"].as_str(), Some("queued" | "processing"))
        });
        let results = body["results"].as_array().map_or(0, Vec::len);
        let failed = body["failed"].as_array().map_or(0, Vec::len);
        match body["status"].as_str().unwrap() {
            "canceled" => {
                assert!(seen.asked.contains(job), "nobody canceled {job}");
                assert!(results + failed <= *pictures, "{body}");
            }
            "completed" | "failed" => {
                assert!(!seen.canceled.contains(job), "its cancel was answered 202: {body}");
                assert_eq!(results + failed, *pictures, "{body}");
            }
            other => panic!("{job} is {other}"),
        }
    }
}

/// Every end reached its receiver, with one id for each job however often.
pub fn every_end_is_delivered(receiver: &Receiver, seen: &Seen) {
    let delivered = || {
        let mut ids: HashMap<String, HashSet<String>> = HashMap::new();
        for request in receiver.requests() {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let job = body["job_id"].as_str().unwrap().to_owned();
            ids.entry(job).or_default().insert(request.header("webhook-id").to_owned());
        }
        ids
    };
    until("every end is delivered", || {
        let delivered = delivered();
        kept(seen).all(|(job, _)| delivered.contains_key(job))
    });
    assert!(delivered().values().all(|ids| ids.len() == 1), "a job has one webhook id");
}
