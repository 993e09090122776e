//! Jobs whose receivers fail, and clients that are careless or hostile.

use std::time::Duration;

use super::clients::{Customer, Load, id};
use super::receiver::{Receiver, Reply};
use super::service::Service;
use super::town::Town;
use super::{drill, until};

/// A service that is watched, and may send to this receiver.
fn watched(town: &Town, receiver: Option<&Receiver>) -> (Service, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    let mut environment = vec![("HUEMILL__JOBS__COLLECT_SECONDS".to_owned(), "1".to_owned())];
    if let Some(receiver) = receiver {
        environment.push(("HUEMILL__OUTBOUND__ALLOW_CIDRS".to_owned(), "127.0.0.1/32".to_owned()));
        environment.push(("HUEMILL__OUTBOUND__ALLOW_PORTS".to_owned(), receiver.port().to_string()));
        environment.push(("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS".to_owned(), "0,0".to_owned()));
        environment.push(("HUEMILL__WEBHOOKS__CIRCUIT_SECONDS".to_owned(), "1".to_owned()));
        environment.push(("HUEMILL__WEBHOOKS__CIRCUIT_MAX_SECONDS".to_owned(), "1".to_owned()));
    }
    let service = Service::start(data.path(), &environment);
    until("it is ready", || Customer::of(&service).is_ready());
    town.watch(&[service.address]);
    (service, data)
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn webhook_failures() {
    let (town, receiver) = (Town::start(), Receiver::start(|_, _| Reply::status(404)));
    let (service, _data) = watched(&town, Some(&receiver));
    let (customer, callback) = (Customer::of(&service), receiver.url("/"));
    let begin = || {
        Load::start(Duration::from_millis(100), move |number| {
            drop(customer.submit(number as u8, None, Some(&callback)));
        })
    };
    drill(&town, "WebhookFailures", "P1", "a receiver that answers 404", begin, drop);
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn dead_letters() {
    let (town, receiver) = (Town::start(), Receiver::start(|_, _| Reply::status(410)));
    let (service, _data) = watched(&town, Some(&receiver));
    let (customer, callback) = (Customer::of(&service), receiver.url("/"));
    let begin = || drop(customer.submit(1, None, Some(&callback)));
    drill(&town, "DeadLetters", "P2", "a receiver that answers 410", begin, drop);
}

#[test]
fn idempotency_conflicts() {
    let town = Town::start();
    let (service, _data) = watched(&town, None);
    let customer = Customer::of(&service);
    let begin = || {
        // Every time another picture under the same key.
        Load::start(Duration::from_millis(50), move |number| {
            drop(customer.submit(number as u8, Some("one-key"), None));
        })
    };
    drill(&town, "IdempotencyConflicts", "P1", "a client with one key for everything", begin, drop);
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn low_etag_cache_hit_ratio() {
    let town = Town::start();
    let (service, _data) = watched(&town, None);
    let customer = Customer::of(&service);
    let job = id(customer.submit(1, None, None).unwrap());
    let begin =
        || Load::start(Duration::from_millis(5), move |_| drop(customer.get(&format!("/jobs/{job}"))));
    drill(&town, "LowETagCacheHitRatio", "P2", "a client that polls without If-None-Match", begin, drop);
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn security_probing() {
    let town = Town::start();
    let (service, _data) = watched(&town, None);
    let customer = Customer::of(&service);
    // The operator's list, without the operator's token.
    let begin = || Load::start(Duration::from_millis(20), move |_| drop(customer.get("/jobs")));
    drill(&town, "SecurityProbing", "P2", "somebody asks for the operator's list", begin, drop);
}
