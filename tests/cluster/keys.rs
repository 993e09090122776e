//! Access keys on one PostgreSQL: a key that one process makes opens the other, and one that it revokes does not.

use serde_json::{Value, json};

use crate::node::Node;
use crate::servers::require;
use crate::support::http::client;
use crate::support::servers::postgres::Cluster;
use crate::support::wait_until;

const OPERATOR: &str = "the-operators-own-token";

#[test]
fn a_key_is_made_and_revoked_for_all_processes() {
    require!(PostgreSql);
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let settings = [("HUEMILL__ACCESS__MODE", "keys"), ("OPERATOR_TOKEN", OPERATOR)];
    let nodes: Vec<Node> = (0..2).map(|_| Node::start_with(&database, blobs.path(), &settings)).collect();
    let made: Value = client()
        .post(nodes[0].url("/keys"))
        .bearer_auth(OPERATOR)
        .json(&json!({"name": "everywhere", "scopes": ["jobs:read"]}))
        .send()
        .unwrap()
        .json()
        .unwrap();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    for node in &nodes {
        assert_eq!(node.get("/jobs", key).status(), 200);
    }
    assert_eq!(nodes[0].send("DELETE", &format!("/keys/{id}"), OPERATOR).status(), 204);
    assert_eq!(nodes[0].get("/jobs", key).status(), 401, "it is in force here at once");
    wait_until("the other process knows it", || nodes[1].get("/jobs", key).status() == 401);
    let text = nodes[1].get("/jobs", key).text().unwrap();
    assert!(text.contains("revoked"), "{text}");
}
