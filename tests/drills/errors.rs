//! Alerts on errors and availability: the service refuses some requests, because an upload that never ends holds the
//! only upload slot.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use super::clients::{Load, TestClient};
use super::monitoring_stack::MonitoringStack;
use super::report::{Alarm, alarm};
use super::{drill, scale, start_ready};
use crate::support::pictures::gradient_png;
use crate::support::servers::require;
use crate::support::{connect_from, wait_until};

/// Sends a large picture just fast enough for the service to accept the rate.
fn endless_upload(address: SocketAddr) -> Load {
    // Another caller than the one that is refused: nobody is refused by the service for what it holds itself.
    let mut socket = connect_from([127, 0, 0, 2].into(), address);
    let head = "POST /process HTTP/1.1\r\nhost: drill\r\ncontent-type: image/png\r\ncontent-length: 20000000\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    // Dropping the load closes the socket, which ends the upload.
    Load::start(Duration::from_millis(100), move |_| drop(socket.write_all(&[0; 2_000])))
}

/// Sends requests while an upload holds the only slot. One request in `one_in` is another upload, which is refused. The
/// others are preflights of the same route: if most requests to a route failed, `HighErrorRate` would fire for it alone.
fn drill_refusals(factor: u64, one_in: u32, pause: Duration, alarms: &[Alarm]) {
    let (stack, data) = (MonitoringStack::start(factor), tempfile::tempdir().unwrap());
    let service = start_ready(data.path(), &[("HUEMILL__UPLOADS__IN_FLIGHT", "1".to_owned())]);
    stack.watch(&[service.address]);
    let (client, address) = (TestClient::of(&service), service.address);
    let begin = || {
        let upload = endless_upload(address);
        wait_until("the upload has begun", || stack.query("uploads_in_flight_bytes") > Some(0.0));
        let load = Load::start(pause, move |number| {
            if number % one_in == one_in - 1 {
                drop(client.process(gradient_png(1)));
            } else {
                drop(client.preflight("/process"));
            }
        });
        (upload, load)
    };
    drill(&stack, alarms, begin, |(upload, load)| {
        drop(upload);
        load
    });
}

#[test]
#[ignore = "takes half a minute: run `make drills`"]
fn availability_below_target_and_availability_fast_burn() {
    require!(Alertmanager, Prometheus);
    let fault = "an upload without end holds the only slot, one request in 25 is refused";
    let alarms = [alarm("AvailabilityBelowTarget", "P1", fault), alarm("AvailabilityFastBurn", "P1", fault)];
    drill_refusals(scale::HOURS, 25, Duration::from_millis(2), &alarms);
}

#[test]
#[ignore = "takes a minute: run `make drills`"]
fn availability_slow_burn() {
    require!(Alertmanager, Prometheus);
    let fault = "an upload without end holds the only slot, one request in 220 is refused";
    let alarms = [alarm("AvailabilitySlowBurn", "P3", fault)];
    drill_refusals(scale::DAYS, 220, Duration::from_millis(2), &alarms);
}

#[test]
#[ignore = "takes a minute: run `make drills`"]
fn error_rate_slow_burn() {
    require!(Alertmanager, Prometheus);
    let fault = "an upload without end holds the only slot, one request in 40 is refused";
    drill_refusals(scale::DAYS, 40, Duration::from_millis(10), &[alarm("ErrorRateSlowBurn", "P3", fault)]);
}

#[test]
#[ignore = "takes half a minute: run `make drills`"]
fn high_error_rate_of_a_route_that_fails_among_many_good_requests() {
    require!(Alertmanager, Prometheus);
    let (stack, data) = (MonitoringStack::start(scale::HOURS), tempfile::tempdir().unwrap());
    let service = start_ready(data.path(), &[("HUEMILL__UPLOADS__IN_FLIGHT", "1".to_owned())]);
    stack.watch(&[service.address]);
    let _upload = endless_upload(service.address);
    wait_until("the upload has begun", || stack.query("uploads_in_flight_bytes") > Some(0.0));
    let (client, other) = (TestClient::of(&service), TestClient::of(&service));
    let _good = Load::start(Duration::from_millis(1), move |_| drop(client.preflight("/jobs")));
    let _refused = Load::start(Duration::from_millis(40), move |_| drop(other.process(gradient_png(1))));
    wait_until("the page names the route", || {
        stack.pager.is_triggered_with("HighErrorRate", "P0", "endpoint", "/process")
    });
    assert!(!stack.pager.is_triggered_with("HighErrorRate", "P0", "endpoint", "/jobs"));
}
