//! Several processes on one PostgreSQL, and a database that goes away: the service processes each picture once, even
//! where a process dies, sleeps or is cut off.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod keys;
mod node;
mod outages;
mod roles;
mod rows;
#[path = "../support/mod.rs"]
mod support;
mod webhooks;

use node::{Node, SHORT_LEASE};
use support::pictures::{large_jpegs, small_jpegs};
use support::servers::postgres::Cluster;
use support::servers::{self, require};
use support::wait_until;

#[test]
fn three_processes_share_the_work_and_do_each_picture_once() {
    require!(PostgreSql);
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let nodes: Vec<Node> = (0..3).map(|_| Node::start(&database, blobs.path())).collect();
    let jobs: Vec<_> = (0..24).map(|n| nodes[n % 3].submit(&small_jpegs(5, n as u32))).collect();
    for (n, job) in jobs.iter().enumerate() {
        // Each process answers for the jobs of all.
        nodes[(n + 1) % 3].assert_job_completes(job, 5);
    }
    let done: Vec<u64> =
        nodes.iter().map(|node| node.metric("images_processed_total{endpoint=\"/jobs\"}")).collect();
    assert_eq!(done.iter().sum::<u64>(), 24 * 5, "{done:?}");
}

#[test]
fn a_job_that_one_process_deletes_is_gone_for_clients_of_another() {
    require!(PostgreSql);
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let nodes: Vec<Node> = (0..2).map(|_| Node::start(&database, blobs.path())).collect();
    let job = nodes[0].submit(&small_jpegs(1, 1));
    nodes[1].assert_job_completes(&job, 1);
    let (_, etag) = nodes[1].poll(&job, None);
    assert_eq!(nodes[1].poll(&job, etag.as_deref()).0, 304);
    nodes[0].delete(&job);
    wait_until("the other process sees the deletion", || nodes[1].poll(&job, etag.as_deref()).0 != 304);
    assert_eq!(nodes[1].poll(&job, etag.as_deref()).0, 404);
}

#[test]
fn a_job_counts_as_fetched_once_however_many_processes_serve_its_results() {
    require!(PostgreSql);
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let nodes: Vec<Node> = (0..2).map(|_| Node::start(&database, blobs.path())).collect();
    let jobs: Vec<_> = (0..8).map(|n| nodes[n % 2].submit(&small_jpegs(1, 100 + n as u32))).collect();
    for job in &jobs {
        nodes[0].assert_job_completes(job, 1);
        std::thread::scope(|scope| {
            for node in nodes.iter().chain(&nodes) {
                scope.spawn(|| node.download(job));
            }
        });
    }
    let fetched = || nodes.iter().map(|node| node.metric("jobs_fetched_total")).sum::<u64>();
    wait_until("all jobs count as fetched", || fetched() >= 8);
    assert_eq!(fetched(), 8);
    let downloads =
        || nodes.iter().map(|node| node.metric("results_downloaded_total{kind=\"zip\"}")).sum::<u64>();
    wait_until("all downloads are counted", || downloads() >= 8 * 4);
    assert_eq!(downloads(), 8 * 4);
}

#[test]
fn another_process_takes_over_the_pictures_of_a_killed_one() {
    require!(PostgreSql);
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let start = || Node::start_with(&database, blobs.path(), &[SHORT_LEASE]);
    let (killed, survivor) = (start(), start());
    let job = killed.submit(&large_jpegs(12));
    wait_until("a worker is busy in the process that will be killed", || {
        killed.metric("worker_slots_busy") > 0
    });
    killed.kill();
    survivor.assert_job_completes(&job, 12);
    assert!(survivor.metric("job_leases_expired_total") > 0, "the killed process held no picture");
}

#[test]
fn a_process_that_slept_past_its_lease_changes_nothing() {
    require!(PostgreSql);
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let start = || Node::start_with(&database, blobs.path(), &[SHORT_LEASE]);
    let (sleeper, awake) = (start(), start());
    let mut pictures = 0;
    // The sleeper may finish its picture just before it falls asleep: then the test tries again.
    wait_until("the sleeper holds a picture while it sleeps", || {
        let job = sleeper.submit(&large_jpegs(8));
        pictures += 8;
        wait_until("a worker of the sleeper is busy", || sleeper.metric("worker_slots_busy") > 0);
        sleeper.signal("-STOP");
        awake.assert_job_completes(&job, 8);
        sleeper.signal("-CONT");
        wait_until("the sleeper is ready again", || sleeper.is_ready());
        sleeper.assert_job_completes(&job, 8);
        awake.metric("job_leases_expired_total") > 0
    });
    wait_until("the sleeper counts its stale result", || sleeper.metric("job_stale_completions_total") > 0);
    let done = || [&sleeper, &awake].map(|node| node.metric("images_processed_total{endpoint=\"/jobs\"}"));
    assert_eq!(done().iter().sum::<u64>(), pictures, "{:?}", done());
}

#[test]
fn while_the_database_is_away_clients_are_told_when_to_retry_and_nothing_is_lost() {
    require!(PostgreSql);
    let cluster = Cluster::start();
    let blobs = tempfile::tempdir().unwrap();
    let node = Node::start_with(&cluster.database(), blobs.path(), &[SHORT_LEASE]);
    let job = node.submit(&large_jpegs(10));
    wait_until("a worker is busy", || node.metric("worker_slots_busy") > 0);
    cluster.kill();
    let refused = node.post(&small_jpegs(1, 7));
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    wait_until("the node is not ready", || !node.is_ready());
    cluster.revive();
    wait_until("the node is ready again", || node.is_ready());
    node.assert_job_completes(&job, 10);
    let next = node.submit(&small_jpegs(2, 8));
    node.assert_job_completes(&next, 2);
}
