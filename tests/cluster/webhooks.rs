//! Webhooks of several processes: the outbox is everybody's.

use std::sync::Mutex;
use std::sync::mpsc;

use super::clients::{Node, small};
use super::postgres::Cluster;
use super::receiver::{Receiver, Reply};
use super::service::PATIENCE;
use super::until;

#[test]
fn the_webhook_of_a_process_that_died_over_it_is_sent_by_another_under_the_same_id_and_secret() {
    let (told, taken) = mpsc::channel();
    let told = Mutex::new(told);
    let receiver = Receiver::start(move |number, _| {
        if number > 0 {
            return Reply::status(204);
        }
        told.lock().unwrap().send(()).unwrap();
        Reply::Silence
    });
    let settings = [
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32".to_owned()),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", receiver.port().to_string()),
        ("HUEMILL__WEBHOOKS__POLL_SECONDS", "1".to_owned()),
        // Longer than the doomed one lives; its claim runs out after twice this.
        ("HUEMILL__WEBHOOKS__TRY_SECONDS", "3".to_owned()),
    ];
    let (database, blobs) = (Cluster::shared().database(), tempfile::tempdir().unwrap());
    let fail_for_good = Node::start_with(&database, blobs.path(), &settings);
    let job = fail_for_good.submit_told(&receiver.url("/"), &small(1, 1));
    taken.recv_timeout(PATIENCE).unwrap();
    fail_for_good.kill();
    let heir = Node::start_with(&database, blobs.path(), &settings);
    heir.completes(&job, 1);
    until("the heir sends it", || receiver.requests().len() == 2);
    until("and knows so", || heir.figure("webhook_deliveries_total") == 1);
    let requests = receiver.requests();
    assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
    let secret = Cluster::shared().ask(&database, "SELECT value FROM secrets WHERE name = 'webhook'");
    let ours = standardwebhooks::Webhook::new(&secret).unwrap();
    for request in requests {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers: http::HeaderMap = names
            .iter()
            .map(|name| (http::HeaderName::from_static(name), request.header(name).parse().unwrap()))
            .collect();
        ours.verify(&request.body, &headers).unwrap();
    }
}
