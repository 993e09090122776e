//! What the blob store must hold in the end: the card of each result, no input of a job that has ended, and no blob of
//! a job that no longer exists.

use std::collections::HashSet;

use serde_json::Value;

use crate::support::database::Database;
use crate::support::deployment::Deployment;
use crate::support::wait_until;

/// Waits until all other blobs are removed, and checks that no card is missing.
pub fn assert_removed(deployment: &Deployment, database: &Database) {
    let jobs: HashSet<String> =
        database.texts("SELECT id FROM jobs WHERE state <> 'expired'").into_iter().collect();
    let mut blobs = HashSet::new();
    wait_until("the blobs that no job needs are removed", || {
        blobs = deployment.blobs().into_iter().collect();
        blobs.iter().all(|key: &String| is_needed(key, &jobs))
    });
    for card in database.texts("SELECT card FROM items WHERE state = 'done'") {
        let card: Value = serde_json::from_str(&card).unwrap();
        assert!(blobs.contains(card["key"].as_str().unwrap()), "the card of a result is missing: {card}");
    }
}

/// Whether the blob is an output of an existing job.
fn is_needed(key: &str, jobs: &HashSet<String>) -> bool {
    let mut parts = key.split('/').skip_while(|part| *part != "jobs").skip(1);
    parts.next().is_some_and(|job| jobs.contains(job)) && parts.next() == Some("out")
}
