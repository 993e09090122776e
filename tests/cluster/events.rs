//! Event streams while the store is away: they stay open and go on when it is back.

use super::clients::{Node, large};
use super::postgres::Cluster;
use super::proxy::{Mode, Proxy};
use super::until;

/// The stream of a job that is being worked on must outlive what the network does until the condition is met.
fn outlives(mode: Mode, long_enough: impl Fn(&Node, &super::clients::Events) -> bool) {
    let (proxy, database) = Proxy::before_database(&Cluster::shared().database());
    let blobs = tempfile::tempdir().unwrap();
    let node = Node::start(&database, blobs.path());
    let job = node.submit(&large(8));
    let events = node.events(&job);
    until("the job is under way", || events.count("event: progress") > 0);
    proxy.set(mode);
    until("the store has been away for long enough", || long_enough(&node, &events));
    assert!(!events.has_ended(), "{:?}", events.end());
    proxy.set(Mode::Pass);
    until("the stream ends", || events.has_ended());
    let lines = events.end();
    assert!(lines.iter().any(|line| line == "event: completed"), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("retry: ")).count(), 1, "{lines:?}");
    assert_eq!(node.figure("answers_broken_total{endpoint=\"/jobs/{id}/events\"}"), 0);
}

#[test]
fn an_event_stream_outlives_a_store_that_refuses() {
    let failures = |node: &Node| node.figure("store_errors_total{operation=\"mark\"}");
    outlives(Mode::Cut, |node, _| failures(node) >= 3);
}

#[test]
fn comments_keep_an_event_stream_open_while_the_store_is_silent() {
    outlives(Mode::Hold, |_, events| events.count(":") > 0);
}
