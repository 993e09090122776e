//! Clients that are careless or hostile.

use std::time::Duration;

use super::clients::{Customer, Load, id};
use super::report::alarm;
use super::service::Service;
use super::town::Town;
use super::{drill, ready, scale};

fn watched() -> (Town, Service, tempfile::TempDir) {
    let (town, data) = (Town::start(scale::HOURS), tempfile::tempdir().unwrap());
    let service = ready(data.path(), &[]);
    town.watch(&[service.address]);
    (town, service, data)
}

#[test]
fn idempotency_conflicts() {
    let (town, service, _data) = watched();
    let customer = Customer::of(&service);
    let begin = || {
        // Every time another picture under the same key.
        Load::start(Duration::from_millis(50), move |number| {
            drop(customer.submit(number as u8, Some("one-key"), None));
        })
    };
    let alarms = [alarm("IdempotencyConflicts", "P1", "a client with one key for everything")];
    drill(&town, &alarms, begin, drop);
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn low_etag_cache_hit_ratio() {
    let (town, service, _data) = watched();
    let customer = Customer::of(&service);
    let job = id(customer.submit(1, None, None).unwrap());
    let begin =
        || Load::start(Duration::from_millis(5), move |_| drop(customer.get(&format!("/jobs/{job}"))));
    let alarms = [alarm("LowETagCacheHitRatio", "P2", "a client that polls without If-None-Match")];
    drill(&town, &alarms, begin, drop);
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn security_probing() {
    let (town, service, _data) = watched();
    let customer = Customer::of(&service);
    // The operator's list, without the operator's token; over before anybody can have been told.
    let burst = || (0..20).for_each(|_| drop(customer.get("/jobs")));
    let alarms =
        [alarm("SecurityProbing", "P2", "somebody asks for the operator's list, 20 times in a moment")];
    drill(&town, &alarms, burst, |()| ());
}
