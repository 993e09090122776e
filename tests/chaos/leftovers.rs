//! What lies in the blob store in the end: the card of each result, no input of a job that has ended, and nothing of a
//! job that is not there.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::database::Database;
use super::deployment::Deployment;
use super::service::PATIENCE;

pub fn are_collected(deployment: &Deployment, database: &Database) {
    let jobs: HashSet<String> =
        database.texts("SELECT id FROM jobs WHERE state <> 'expired'").into_iter().collect();
    let mut blobs: HashSet<String>;
    let deadline = Instant::now() + PATIENCE;
    loop {
        blobs = deployment.blobs().into_iter().collect();
        let left: Vec<&String> = blobs.iter().filter(|key| !is_needed(key, &jobs)).collect();
        if left.is_empty() {
            break;
        }
        let first = &left[..left.len().min(20)];
        assert!(Instant::now() < deadline, "{} blobs that no job needs stay: {first:#?}", left.len());
        std::thread::sleep(Duration::from_millis(200));
    }
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
