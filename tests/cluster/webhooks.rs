//! Webhooks of several processes: any process delivers those that another one has left behind.

use std::sync::{Mutex, mpsc};

use super::node::Node;
use crate::support::pictures::small_jpegs;
use crate::support::receiver::{Receiver, Reply};
use crate::support::servers::postgres::Cluster;
use crate::support::servers::require;
use crate::support::{TIMEOUT, wait_until};

#[test]
fn another_process_delivers_the_webhook_of_a_dead_one_under_the_same_id_and_secret() {
    require!(PostgreSql);
    let (sent, received) = mpsc::channel();
    let sent = Mutex::new(sent);
    let receiver = Receiver::start(move |number, _| {
        if number > 0 {
            return Reply::status(204);
        }
        sent.lock().unwrap().send(()).unwrap();
        Reply::Silence
    });
    let port = receiver.port().to_string();
    let settings = [
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &*port),
        ("HUEMILL__WEBHOOKS__POLL_SECONDS", "1"),
        // The first process dies long before its attempt times out. Its claim expires after twice this time.
        ("HUEMILL__WEBHOOKS__TRY_SECONDS", "10"),
    ];
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let first = Node::start_with(&database, blobs.path(), &settings);
    let job = first.submit_with_callback(&receiver.url("/"), &small_jpegs(1, 1));
    received.recv_timeout(TIMEOUT).unwrap();
    first.kill();
    let second = Node::start_with(&database, blobs.path(), &settings);
    second.assert_job_completes(&job, 1);
    wait_until("the second process sends the webhook", || receiver.requests().len() == 2);
    wait_until("the second process counts it", || second.metric("webhook_deliveries_total") == 1);
    let requests = receiver.requests();
    assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
    let secret = Cluster::shared().ask(&database, "SELECT value FROM secrets WHERE name = 'webhook'");
    let verifier = standardwebhooks::Webhook::new(&secret).unwrap();
    for request in requests {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers: http::HeaderMap = names
            .iter()
            .map(|name| (http::HeaderName::from_static(name), request.header(name).parse().unwrap()))
            .collect();
        verifier.verify(&request.body, &headers).unwrap();
    }
}
