//! Many receivers that fail once each: every webhook reaches its receiver in the end, under one id. (The service's
//! bounded memory of receivers is tested beside its code.)

use std::collections::{HashMap, HashSet};

use crate::support::consistency::assert_consistent;
use crate::support::deployment::{Deployment, Kind};
use crate::support::http::{images_form, submit_form};
use crate::support::pictures::noise_png;
use crate::support::receiver::{Receiver, Reply};
use crate::support::wait_until;

const RECEIVERS: u32 = 150;

#[test]
fn receivers_that_each_fail_once_all_get_their_webhook() {
    // Every address of 127.0.0.0/8 is this machine; the service sees each as another host.
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
        submit_form(&service, || images_form(&[noise_png(40, n)]).text("callback_url", url.clone()));
    }
    wait_until("each receiver has had two requests", || receiver.requests().len() >= 2 * RECEIVERS as usize);
    let mut ids: HashMap<String, HashSet<String>> = HashMap::new();
    for request in receiver.requests() {
        let host = request.header("host").to_owned();
        ids.entry(host).or_default().insert(request.header("webhook-id").to_owned());
    }
    assert_eq!(ids.len(), RECEIVERS as usize);
    assert!(ids.values().all(|ids| ids.len() == 1), "the two attempts had different ids");
    let database = deployment.database();
    wait_until("all webhooks are delivered", || {
        database.count("SELECT count(*) FROM deliveries WHERE state = 'pending'") == 0
    });
    assert_consistent(&[&service], &database);
}
