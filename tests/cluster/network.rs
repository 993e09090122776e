//! A network between service and database that is cut, swallows everything, or forgets connections.

use super::clients::{Node, large, small};
use super::postgres::Cluster;
use super::proxy::{Mode, Proxy};
use super::until;

/// What must hold while the network to the database does this, and after it.
fn bears(trouble: impl FnOnce(&Proxy), end: impl FnOnce(&Proxy)) {
    let (proxy, database) = Proxy::before_database(&Cluster::shared().database());
    let blobs = tempfile::tempdir().unwrap();
    let node = Node::start(&database, blobs.path());
    let job = node.submit(&large(6));
    until("it works", || node.figure("worker_slots_busy") > 0);
    trouble(&proxy);
    let refused = node.post(&small(1, 7));
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    until("/ready tells it", || node.readiness()["dependencies"]["store"] == false);
    assert!(node.is_healthy());
    end(&proxy);
    until("/ready tells that it is back", || node.is_ready());
    node.completes(&job, 6);
    let next = node.submit(&small(2, 8));
    node.completes(&next, 2);
    // Of one whose commit was not answered the process cannot know that it counted.
    assert!(node.figure("images_processed_total{endpoint=\"/jobs\"}") <= 8, "none is counted twice");
}

#[test]
fn a_network_that_is_cut_costs_time_and_nothing_else() {
    bears(|proxy| proxy.set(Mode::Cut), |proxy| proxy.set(Mode::Pass));
}

#[test]
fn a_network_that_swallows_everything_costs_time_and_nothing_else() {
    bears(|proxy| proxy.set(Mode::Hold), |proxy| proxy.set(Mode::Pass));
}

#[test]
fn connections_that_went_silent_are_given_up() {
    // Nothing ever comes back on those: without new ones the service would stay away.
    bears(
        |proxy| proxy.set(Mode::Hold),
        |proxy| {
            proxy.forget();
            proxy.set(Mode::Pass);
        },
    );
}
