//! What the service keeps for days: keys and nonces expire at the right time. The tests make rows old instead of
//! waiting.

use super::node::Node;
use crate::support::pictures::small_jpegs;
use crate::support::servers::postgres::Cluster;
use crate::support::servers::require;
use crate::support::wait_until;

#[test]
fn an_idempotency_key_can_be_reused_once_its_time_and_its_job_have_expired() {
    require!(PostgreSql);
    let (cluster, blobs) = (Cluster::shared(), tempfile::tempdir().unwrap());
    let database = cluster.database();
    let node = Node::start(&database, blobs.path());
    let first = node.submit_with_key("a-key", &small_jpegs(1, 1));
    node.assert_job_completes(&first, 1);
    // After a day the key has expired, but not its job.
    cluster.ask(&database, "UPDATE keys SET keep_until = 1, expires_at = 1");
    // A nonce that has expired is removed in the same sweep, so the test sees that there was one.
    cluster.ask(&database, "INSERT INTO nonces VALUES ('a-word', 1)");
    wait_until("the Janitor has swept", || cluster.ask(&database, "SELECT count(*) FROM nonces") == "0");
    assert_eq!(cluster.ask(&database, "SELECT count(*) FROM keys"), "1");
    // After a week the job has expired too.
    cluster.ask(&database, "UPDATE jobs SET expires_at = 1");
    wait_until("the key is removed", || cluster.ask(&database, "SELECT count(*) FROM keys") == "0");
    let second = node.submit_with_key("a-key", &small_jpegs(1, 1));
    assert_ne!(first, second);
    node.assert_job_completes(&second, 1);
}

#[test]
fn twenty_thousand_nonces_are_kept_until_they_expire() {
    require!(PostgreSql);
    let (cluster, blobs) = (Cluster::shared(), tempfile::tempdir().unwrap());
    let database = cluster.database();
    let node = Node::start(&database, blobs.path());
    let rows = "INSERT INTO nonces SELECT 'word-' || n, 9000000000000 FROM generate_series(1, 20000) n";
    cluster.ask(&database, rows);
    let job = node.submit(&small_jpegs(1, 1));
    node.assert_job_completes(&job, 1);
    assert_eq!(cluster.ask(&database, "SELECT count(*) FROM nonces"), "20000", "none of them has expired");
    cluster.ask(&database, "UPDATE nonces SET expires_at = 1");
    wait_until("all are removed", || node.metric("gc_objects_collected_total{kind=\"nonces\"}") >= 20_000);
    assert_eq!(cluster.ask(&database, "SELECT count(*) FROM nonces"), "0");
}
