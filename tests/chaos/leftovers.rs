//! What the blob store must hold in the end: the card of each result, no input of a job that has ended, and no blob of
//! a job that no longer exists.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::TIMEOUT;
use crate::support::database::Database;
use crate::support::deployment::Deployment;

/// Waits until all other blobs are removed, and checks that no card is missing.
pub fn assert_removed(deployment: &Deployment, database: &Database) {
    let jobs: HashSet<String> =
        database.texts("SELECT id FROM jobs WHERE state <> 'expired'").into_iter().collect();
    // A slow server takes long for the blobs of thousands of jobs. Removal must not stop, however.
    let (mut fewest, mut deadline) = (usize::MAX, Instant::now() + TIMEOUT);
    let blobs = loop {
        let blobs: HashSet<String> = deployment.blobs().into_iter().collect();
        let left: Vec<&String> = blobs.iter().filter(|key| !is_needed(key, &jobs)).collect();
        if left.is_empty() {
            break blobs;
        }
        if left.len() < fewest {
            (fewest, deadline) = (left.len(), Instant::now() + TIMEOUT);
        }
        let first = &left[..left.len().min(20)];
        assert!(
            Instant::now() < deadline,
            "{} blobs that no job needs are not removed: {first:#?}",
            left.len()
        );
        std::thread::sleep(Duration::from_millis(200));
    };
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
