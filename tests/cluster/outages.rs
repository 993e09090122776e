//! A network between service and database that is cut, swallows all bytes, or silences connections: jobs go on after
//! it, clients are told to retry, and event streams stay open.

use super::node::{Events, Node, SHORT_LEASE};
use crate::support::pictures::{large_jpegs, small_jpegs};
use crate::support::proxy::{Mode, Proxy};
use crate::support::servers::postgres::Cluster;
use crate::support::servers::require;
use crate::support::wait_until;

/// Checks what must hold while the network has a fault, and after it.
fn assert_survives(begin: impl FnOnce(&Proxy), end: impl FnOnce(&Proxy)) {
    let (proxy, database) = Proxy::before_database(&Cluster::shared().database());
    let blobs = tempfile::tempdir().unwrap();
    let node = Node::start_with(&database, blobs.path(), &[SHORT_LEASE]);
    let job = node.submit(&large_jpegs(6));
    wait_until("a worker is busy", || node.metric("worker_slots_busy") > 0);
    begin(&proxy);
    let refused = node.post(&small_jpegs(1, 7));
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    wait_until("/ready reports the store", || node.readiness()["dependencies"]["store"] == false);
    assert!(node.is_healthy());
    end(&proxy);
    wait_until("the node is ready again", || node.is_ready());
    node.assert_job_completes(&job, 6);
    let next = node.submit(&small_jpegs(2, 8));
    node.assert_job_completes(&next, 2);
    // The process cannot know whether a picture counts whose commit was not answered.
    assert!(node.metric("images_processed_total{endpoint=\"/jobs\"}") <= 8, "a picture was counted twice");
}

#[test]
fn jobs_survive_a_network_that_is_cut() {
    require!(PostgreSql);
    assert_survives(|proxy| proxy.set(Mode::Cut), |proxy| proxy.set(Mode::Pass));
}

#[test]
fn jobs_survive_a_network_that_swallows_all_bytes() {
    require!(PostgreSql);
    assert_survives(|proxy| proxy.set(Mode::Hold), |proxy| proxy.set(Mode::Pass));
}

#[test]
fn the_service_replaces_connections_that_went_silent() {
    require!(PostgreSql);
    // Nothing ever comes back on these connections: the service must open new ones.
    assert_survives(
        |proxy| proxy.set(Mode::Hold),
        |proxy| {
            proxy.forget();
            proxy.set(Mode::Pass);
        },
    );
}

/// Checks that the event stream of a job outlives a fault of the network, which lasts until the condition holds.
fn assert_stream_outlives(mode: Mode, has_lasted: impl Fn(&Node, &Events) -> bool) {
    let (proxy, database) = Proxy::before_database(&Cluster::shared().database());
    let blobs = tempfile::tempdir().unwrap();
    let node = Node::start_with(&database, blobs.path(), &[SHORT_LEASE]);
    let job = node.submit(&large_jpegs(16));
    let events = node.events(&job);
    wait_until("the job has made progress", || events.count("event: progress") > 0);
    proxy.set(mode);
    wait_until("the store has been away for long enough", || has_lasted(&node, &events));
    assert!(!events.has_ended(), "{:?}", events.finish());
    proxy.set(Mode::Pass);
    wait_until("the stream ends", || events.has_ended());
    let lines = events.finish();
    assert!(lines.iter().any(|line| line == "event: completed"), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("retry: ")).count(), 1, "{lines:?}");
    assert_eq!(node.metric("answers_broken_total{endpoint=\"/jobs/{id}/events\"}"), 0);
}

#[test]
fn an_event_stream_outlives_a_store_that_refuses_connections() {
    require!(PostgreSql);
    let failures = |node: &Node| node.metric("store_errors_total{operation=\"mark\"}");
    assert_stream_outlives(Mode::Cut, |node, _| failures(node) >= 3);
}

#[test]
fn comments_keep_an_event_stream_open_while_the_store_is_silent() {
    require!(PostgreSql);
    assert_stream_outlives(Mode::Hold, |_, events| events.count(":") > 0);
}
