//! Days that pass: told by making rows old, since nobody waits for days.

use super::clients::{Node, small};
use super::postgres::Cluster;
use super::until;

#[test]
fn a_key_is_free_after_its_time_and_its_jobs() {
    let (cluster, blobs) = (Cluster::shared(), tempfile::tempdir().unwrap());
    let database = cluster.database();
    let node = Node::start(&database, blobs.path());
    let first = node.submit_keyed("a-key", &small(1, 1));
    node.completes(&first, 1);
    // A day later the key's own time is over, its job is not.
    cluster.ask(&database, "UPDATE keys SET keep_until = 1, expires_at = 1");
    // What goes in the same round tells that there was one.
    cluster.ask(&database, "INSERT INTO nonces VALUES ('a-word', 1)");
    until("a round of collection", || cluster.ask(&database, "SELECT count(*) FROM nonces") == "0");
    assert_eq!(cluster.ask(&database, "SELECT count(*) FROM keys"), "1");
    // A week later the job's is too.
    cluster.ask(&database, "UPDATE jobs SET expires_at = 1");
    until("the key is collected", || cluster.ask(&database, "SELECT count(*) FROM keys") == "0");
    let second = node.submit_keyed("a-key", &small(1, 1));
    assert_ne!(first, second);
    node.completes(&second, 1);
}

#[test]
fn a_flood_of_nonces_lies_in_the_store_and_goes_with_time() {
    let (cluster, blobs) = (Cluster::shared(), tempfile::tempdir().unwrap());
    let database = cluster.database();
    let node = Node::start(&database, blobs.path());
    let rows = "INSERT INTO nonces SELECT 'word-' || n, 9000000000000 FROM generate_series(1, 20000) n";
    cluster.ask(&database, rows);
    let job = node.submit(&small(1, 1));
    node.completes(&job, 1);
    assert_eq!(cluster.ask(&database, "SELECT count(*) FROM nonces"), "20000", "their time is not over");
    cluster.ask(&database, "UPDATE nonces SET expires_at = 1");
    until("they are collected", || node.figure("gc_objects_collected_total{kind=\"nonces\"}") >= 20_000);
    assert_eq!(cluster.ask(&database, "SELECT count(*) FROM nonces"), "0");
}
