//! What must be true after all crashes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use huemill_store::job::{ItemState, JobState};
use huemill_store::sql::{SqlStore, StoreClock};
use huemill_store::store::{Listener, Listing, Mark, Store};
use serde_json::Value;

use super::clients::Seen;
use super::place::Place;
use super::receiver::Receiver;
use super::service::Service;
use super::until;

/// Process deaths over a picture that are borne (`jobs.max_crashes`).
const MOST_CRASHES: u32 = 3;

fn status(service: &Service, job: &str) -> Value {
    let answer = reqwest::blocking::get(service.url(&format!("/jobs/{job}?cards=url"))).unwrap();
    assert_eq!(answer.status(), 200, "{job} was accepted");
    answer.json().unwrap()
}

/// Every job that was accepted answers, and comes to one end, with a result or a reason for each picture.
pub fn every_job_ends(service: &Service, seen: &Seen) {
    let ids: HashSet<_> = seen.accepted.values().map(|(job, _)| job).collect();
    assert_eq!(ids.len(), seen.accepted.len(), "no two keys have one job");
    for (job, pictures) in seen.accepted.values() {
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

/// Every end was told, with one id for each job however often.
pub fn every_end_is_told(receiver: &Receiver, seen: &Seen) {
    let told = || {
        let mut ids: HashMap<String, HashSet<String>> = HashMap::new();
        for request in receiver.requests() {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let job = body["job_id"].as_str().unwrap().to_owned();
            ids.entry(job).or_default().insert(request.header("webhook-id").to_owned());
        }
        ids
    };
    until("every end is told", || {
        let told = told();
        seen.accepted.values().all(|(job, _)| told.contains_key(job))
    });
    assert!(told().values().all(|ids| ids.len() == 1), "a job is told of with one id");
}

/// No blob without its job is left, and no input of a job that has ended.
pub fn blobs_are_collected(service: &Service, place: &Place, seen: &Seen) {
    let known: HashSet<&str> = seen.accepted.values().map(|(job, _)| job.as_str()).collect();
    let mut found: HashMap<String, bool> = HashMap::new();
    let mut leftovers = || {
        let blobs = place.blobs().into_iter().filter(|key| {
            let below = key.split_once('/').and_then(|(_, below)| below.strip_prefix("jobs/"));
            let Some((job, rest)) = below.and_then(|below| below.split_once('/')) else {
                return true;
            };
            // A job whose 202 was lost on the way is a job all the same.
            let is_job =
                known.contains(job) || *found.entry(job.to_owned()).or_insert_with(|| is_job(service, job));
            !is_job || rest.starts_with("in/")
        });
        blobs.collect::<Vec<_>>()
    };
    until("what is left over is collected", || leftovers().is_empty());
}

fn is_job(service: &Service, name: &str) -> bool {
    reqwest::blocking::get(service.url(&format!("/jobs/{name}"))).unwrap().status() == 200
}

struct Deaf;

impl Listener for Deaf {
    fn changed(&self, _: Mark) {}
}

/// The rows themselves: one end each, counts that are those of the items, attempts within their limit.
pub fn rows_add_up(place: &Place, seen: &Seen) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = match place.database() {
            None => {
                SqlStore::sqlite(&place.data().join("huemill.db"), StoreClock::system(), Arc::new(Deaf)).await
            }
            Some(url) => SqlStore::postgres(&url.to_owned().into(), Arc::new(Deaf)).await,
        }
        .unwrap();
        let (mut listing, mut rows) = (Listing { limit: 100, ..Listing::default() }, HashSet::new());
        loop {
            let page = store.list(&listing).await.unwrap();
            let Some(last) = page.last() else { break };
            listing.before = Some(last.id.clone());
            for job in page {
                assert!(job.state.has_ended() && job.state != JobState::Expired, "{job:?}");
                let items = store.items(&job.id, 0, 1000).await.unwrap();
                let count = |state| items.iter().filter(|item| item.state == state).count() as u32;
                assert_eq!(items.len() as u32, job.total, "{job:?}");
                assert_eq!(count(ItemState::Done), job.succeeded, "{job:?}");
                assert_eq!(count(ItemState::Failed), job.failed, "{job:?}");
                if job.state == JobState::Canceled {
                    assert_eq!(count(ItemState::Canceled), job.total - job.succeeded - job.failed);
                } else {
                    assert_eq!(job.succeeded + job.failed, job.total, "{job:?}");
                }
                for item in items.iter().filter(|item| item.state == ItemState::Failed) {
                    let error = item.error.as_ref().unwrap();
                    assert_eq!(
                        error.code, "INTERNAL_ERROR",
                        "good pictures: only their process can fail them"
                    );
                    assert!(item.attempt >= MOST_CRASHES, "{item:?} was given up early");
                }
                rows.insert(job.id.to_string());
            }
        }
        for (job, _) in seen.accepted.values() {
            assert!(rows.contains(job), "{job} was accepted and has no row");
        }
        store.close().await;
    });
}
