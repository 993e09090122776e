//! Receivers without end that fail once each: every end reaches its own in the end, under one id. (What is remembered
//! of them is bounded; that is shown beside the code that remembers.)

use std::collections::{HashMap, HashSet};

use super::all_is_well;
use super::deployment::{Deployment, Kind};
use super::jobs::{form, noise, submit_form};
use super::receiver::{Receiver, Reply};
use super::until;

const RECEIVERS: u32 = 150;

#[test]
fn receivers_that_each_fail_once_all_have_their_webhook() {
    // Every address of 127.0.0.0/8 is this machine; to the service each is a host of its own.
    let failed = std::sync::Mutex::new(HashSet::new());
    let receiver = Receiver::start_everywhere(move |_, request| {
        let first = failed.lock().unwrap().insert(request.header("host").to_owned());
        Reply::status(if first { 500 } else { 204 })
    });
    let deployment = Deployment::new(Kind::Embedded).with(&[
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.0/8"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &receiver.port().to_string()),
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,1,1,1"),
    ]);
    let service = deployment.start();
    for n in 0..RECEIVERS {
        let url = format!("http://127.1.{}.{}:{}/", n / 200, n % 200 + 1, receiver.port());
        submit_form(&service, || form(&[noise(40, n)]).text("callback_url", url.clone()));
    }
    until("each has had two requests", || receiver.requests().len() >= 2 * RECEIVERS as usize);
    let mut ids: HashMap<String, HashSet<String>> = HashMap::new();
    for request in receiver.requests() {
        let host = request.header("host").to_owned();
        ids.entry(host).or_default().insert(request.header("webhook-id").to_owned());
    }
    assert_eq!(ids.len(), RECEIVERS as usize);
    assert!(ids.values().all(|ids| ids.len() == 1), "one id for both tries");
    let database = deployment.database();
    until("all are delivered", || {
        database.count("SELECT count(*) FROM deliveries WHERE state = 'pending'") == 0
    });
    all_is_well(&[&service], &database);
}
