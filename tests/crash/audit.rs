//! What must hold after all crashes: no blob is left over, and the rows are consistent.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use huemill_store::job::{ItemState, JobState};
use huemill_store::sql::{PostgresSettings, SqlStore, StoreClock};
use huemill_store::store::{JobFilter, JobVersion, Listener, Store};

use super::storage::Storage;
use crate::support::clients::ClientRecord;
use crate::support::http::client;
use crate::support::service::Service;
use crate::support::wait_until;

/// How many crashes a picture may cause before it fails (`jobs.max_crashes`).
const MAX_CRASHES: u32 = 3;

/// Waits until the service has removed the blobs without a job and the inputs of jobs that have ended.
pub fn leftover_blobs_are_removed(service: &Service, storage: &Storage, record: &ClientRecord) {
    let known: HashSet<&str> = record.accepted.values().map(|(job, _)| job.as_str()).collect();
    let mut found: HashMap<String, bool> = HashMap::new();
    let mut leftovers = || {
        let blobs = storage.blobs().into_iter().filter(|key| {
            let below = key.split_once('/').and_then(|(_, below)| below.strip_prefix("jobs/"));
            let Some((job, rest)) = below.and_then(|below| below.split_once('/')) else {
                return true;
            };
            // A job exists even where its 202 was lost on the way.
            let is_job =
                known.contains(job) || *found.entry(job.to_owned()).or_insert_with(|| is_job(service, job));
            !is_job || rest.starts_with("in/")
        });
        blobs.collect::<Vec<_>>()
    };
    wait_until("all leftover blobs are removed", || leftovers().is_empty());
}

fn is_job(service: &Service, name: &str) -> bool {
    client().get(service.url(&format!("/jobs/{name}"))).send().unwrap().status() == 200
}

/// A listener that ignores changes.
struct IgnoreChanges;

impl Listener for IgnoreChanges {
    fn changed(&self, _: JobVersion) {}
}

/// Checks the rows: each job has ended, its counts match its items, and no item failed before its last attempt.
pub fn rows_are_consistent(storage: &Storage, record: &ClientRecord) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = match storage.database() {
            None => {
                SqlStore::sqlite(
                    &storage.data().join("huemill.db"),
                    StoreClock::system(),
                    Arc::new(IgnoreChanges),
                )
                .await
            }
            Some(url) => {
                SqlStore::postgres(
                    &url.to_owned().into(),
                    PostgresSettings::default(),
                    Arc::new(IgnoreChanges),
                )
                .await
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
                        "the pictures are good: only crashes can make them fail"
                    );
                    assert!(item.attempt >= MAX_CRASHES, "{item:?} was given up too early");
                }
                rows.insert(job.id.to_string());
            }
        }
        for (job, _) in record.accepted.values() {
            assert!(rows.contains(job), "{job} was accepted and has no row");
        }
        store.close().await;
    });
}
