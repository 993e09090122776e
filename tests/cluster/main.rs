//! Several processes on one PostgreSQL, and a database that goes away: each picture is done once, whoever dies,
//! sleeps or is cut off.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod clients;
mod events;
mod network;
#[path = "../../store/tests/support/postgres.rs"]
mod postgres;
#[path = "../support/proxy.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod proxy;
#[path = "../support/receiver.rs"]
#[allow(dead_code, reason = "other suites use the rest")]
mod receiver;
mod roles;
#[path = "../support/service.rs"]
#[allow(dead_code, reason = "the crash suite uses the rest")]
mod service;
mod times;
mod webhooks;

use std::time::{Duration, Instant};

use clients::{Node, large, small};
use postgres::Cluster;
use service::PATIENCE;

/// Waits for a condition with a deadline.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn three_processes_share_the_work_and_do_each_picture_once() {
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let nodes: Vec<Node> = (0..3).map(|_| Node::start(&database, blobs.path())).collect();
    let jobs: Vec<_> = (0..24).map(|n| nodes[n % 3].submit(&small(5, n as u32))).collect();
    for (n, job) in jobs.iter().enumerate() {
        // Each answers for all.
        nodes[(n + 1) % 3].completes(job, 5);
    }
    let done: Vec<u64> =
        nodes.iter().map(|node| node.figure("images_processed_total{endpoint=\"/jobs\"}")).collect();
    assert_eq!(done.iter().sum::<u64>(), 24 * 5, "{done:?}");
    for node in &nodes {
        assert_eq!(node.figure("job_stale_completions_total"), 0);
        assert_eq!(node.figure("job_leases_expired_total"), 0);
    }
}

#[test]
fn a_job_that_one_process_deletes_is_gone_for_the_pollers_of_another() {
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let nodes: Vec<Node> = (0..2).map(|_| Node::start(&database, blobs.path())).collect();
    let job = nodes[0].submit(&small(1, 1));
    nodes[1].completes(&job, 1);
    let (_, etag) = nodes[1].poll(&job, None);
    assert_eq!(nodes[1].poll(&job, etag.as_deref()).0, 304);
    nodes[0].delete(&job);
    until("the other process sees it", || nodes[1].poll(&job, etag.as_deref()).0 != 304);
    assert_eq!(nodes[1].poll(&job, etag.as_deref()).0, 404);
}

#[test]
fn a_job_counts_as_fetched_once_from_whatever_processes_it_is() {
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let nodes: Vec<Node> = (0..2).map(|_| Node::start(&database, blobs.path())).collect();
    let jobs: Vec<_> = (0..8).map(|n| nodes[n % 2].submit(&small(1, 100 + n as u32))).collect();
    for job in &jobs {
        nodes[0].completes(job, 1);
        std::thread::scope(|scope| {
            for node in nodes.iter().chain(&nodes) {
                scope.spawn(|| node.download(job));
            }
        });
    }
    let fetched = || nodes.iter().map(|node| node.figure("jobs_fetched_total")).sum::<u64>();
    until("all are counted", || fetched() >= 8);
    assert_eq!(fetched(), 8);
    let downloads = nodes.iter().map(|node| node.figure("results_downloaded_total{kind=\"zip\"}"));
    assert_eq!(downloads.sum::<u64>(), 8 * 4);
}

#[test]
fn what_a_killed_process_held_is_done_by_another() {
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let (fail_for_good, heir) = (Node::start(&database, blobs.path()), Node::start(&database, blobs.path()));
    let job = fail_for_good.submit(&large(12));
    until("the doomed one works", || fail_for_good.figure("worker_slots_busy") > 0);
    fail_for_good.kill();
    heir.completes(&job, 12);
    assert!(heir.figure("job_leases_expired_total") > 0, "it held something");
}

#[test]
fn a_process_that_slept_past_its_lease_changes_nothing() {
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let (sleeper, heir) = (Node::start(&database, blobs.path()), Node::start(&database, blobs.path()));
    let mut pictures = 0;
    // It may have let go of its picture in the moment in which it fell asleep: then once more.
    until("the sleeper holds a picture while it sleeps", || {
        let job = sleeper.submit(&large(8));
        pictures += 8;
        until("the sleeper works", || sleeper.figure("worker_slots_busy") > 0);
        sleeper.signal("-STOP");
        heir.completes(&job, 8);
        sleeper.signal("-CONT");
        until("the sleeper answers", || sleeper.is_ready());
        sleeper.completes(&job, 8);
        heir.figure("job_leases_expired_total") > 0
    });
    until("what it did in vain is counted", || sleeper.figure("job_stale_completions_total") > 0);
    let done = [&sleeper, &heir].map(|node| node.figure("images_processed_total{endpoint=\"/jobs\"}"));
    assert_eq!(done.iter().sum::<u64>(), pictures, "{done:?}");
}

#[test]
fn while_the_database_is_away_clients_are_told_when_to_come_back_and_nothing_is_lost() {
    let cluster = Cluster::start();
    let blobs = tempfile::tempdir().unwrap();
    let node = Node::start(&cluster.database(), blobs.path());
    let job = node.submit(&large(10));
    until("it works", || node.figure("worker_slots_busy") > 0);
    cluster.kill();
    let refused = node.post(&small(1, 7));
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    until("/ready tells it", || !node.is_ready());
    cluster.revive();
    until("/ready tells that it is back", || node.is_ready());
    node.completes(&job, 10);
    let next = node.submit(&small(2, 8));
    node.completes(&next, 2);
}
