//! What lies in the blob store in the end: the card of each result, no input of a job that has ended, and nothing of a
//! job that is not there.

use std::collections::HashSet;

use serde_json::Value;

use super::database::Database;
use super::deployment::Deployment;
use super::until;

pub fn are_collected(deployment: &Deployment, database: &Database) {
    let jobs: HashSet<String> =
        database.texts("SELECT id FROM jobs WHERE state <> 'expired'").into_iter().collect();
    let mut blobs = HashSet::new();
    until("what no job needs any more is collected", || {
        blobs = deployment.blobs().into_iter().collect();
        blobs.iter().all(|key: &String| is_needed(key, &jobs))
    });
    for card in database.texts("SELECT card FROM items WHERE state = 'done'") {
        let card: Value = serde_json::from_str(&card).unwrap();
        assert!(blobs.contains(card["key"].as_str().unwrap()), "a result has lost its card: {card}");
    }
}

/// Whether it is an output of a job that is there.
fn is_needed(key: &str, jobs: &HashSet<String>) -> bool {
    let mut parts = key.split('/').skip_while(|part| *part != "jobs").skip(1);
    parts.next().is_some_and(|job| jobs.contains(job)) && parts.next() == Some("out")
}
