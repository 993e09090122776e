//! What must be true after all crashes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use huemill_store::job::{ItemState, JobState};
use huemill_store::sql::{PostgresSettings, SqlStore, StoreClock};
use huemill_store::store::{JobFilter, JobVersion, Listener, Store};

use super::clients::Seen;
use super::place::Place;
use super::service::Service;
use super::until;

/// Process deaths over a picture that are borne (`jobs.max_crashes`).
const MOST_CRASHES: u32 = 3;

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
    fn changed(&self, _: JobVersion) {}
}

/// The rows themselves: one end each, counts that are those of the items, attempts within their limit.
pub fn rows_add_up(place: &Place, seen: &Seen) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = match place.database() {
            None => {
                SqlStore::sqlite(&place.data().join("huemill.db"), StoreClock::system(), Arc::new(Deaf)).await
            }
            Some(url) => {
                SqlStore::postgres(&url.to_owned().into(), PostgresSettings::default(), Arc::new(Deaf)).await
            }
        }
        .unwrap();
        let (mut listing, mut rows) = (JobFilter { limit: 100, ..JobFilter::default() }, HashSet::new());
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
