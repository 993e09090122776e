//! Alerts on clients that are careless or hostile.

use std::time::Duration;

use super::clients::{Load, TestClient, job_id};
use super::monitoring_stack::MonitoringStack;
use super::report::alarm;
use super::{drill, scale, start_ready};
use crate::support::servers::require;
use crate::support::service::Service;

/// A service that a monitoring stack watches.
fn watched_service() -> (MonitoringStack, Service, tempfile::TempDir) {
    let (stack, data) = (MonitoringStack::start(scale::HOURS), tempfile::tempdir().unwrap());
    let service = start_ready(data.path(), &[]);
    stack.watch(&[service.address]);
    (stack, service, data)
}

#[test]
fn idempotency_conflicts() {
    require!(Alertmanager, Prometheus);
    let (stack, service, _data) = watched_service();
    let client = TestClient::of(&service);
    let begin = || {
        // Each request has another picture and the same key.
        Load::start(Duration::from_millis(50), move |number| {
            drop(client.submit(number as u8, Some("one-key"), None));
        })
    };
    let alarms = [alarm("IdempotencyConflicts", "P1", "a client sends different requests with one key")];
    drill(&stack, &alarms, begin, drop);
}

#[test]
#[ignore = "takes half a minute: run `make drills`"]
fn low_etag_cache_hit_ratio() {
    require!(Alertmanager, Prometheus);
    let (stack, service, _data) = watched_service();
    let client = TestClient::of(&service);
    let job = job_id(client.submit(1, None, None).unwrap());
    let begin = || Load::start(Duration::from_millis(5), move |_| drop(client.get(&format!("/jobs/{job}"))));
    let alarms = [alarm("LowETagCacheHitRatio", "P2", "a client polls without If-None-Match")];
    drill(&stack, &alarms, begin, drop);
}

#[test]
#[ignore = "takes half a minute: run `make drills`"]
fn security_probing() {
    require!(Alertmanager, Prometheus);
    let (stack, service, _data) = watched_service();
    let client = TestClient::of(&service);
    // Requests for the operator's list without a token. They are over before the page can arrive.
    let burst = || (0..20).for_each(|_| drop(client.get("/jobs")));
    let alarms =
        [alarm("SecurityProbing", "P2", "a client requests the operator's list 20 times in a moment")];
    drill(&stack, &alarms, burst, |()| ());
}
