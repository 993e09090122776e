//! A service that refuses some of its requests: one upload that never ends holds the only place that there is.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::clients::{Customer, Load, id, picture};
use super::report::{Alarm, alarm};
use super::town::Town;
use super::{drill, ready, scale, until};

/// Sends a large picture a little faster than is refused as too slow.
fn endless_upload(address: SocketAddr) -> Load {
    let mut socket = TcpStream::connect(address).unwrap();
    let head = "POST /process HTTP/1.1\r\nhost: drill\r\ncontent-type: image/png\r\ncontent-length: 40000000\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    // It ends when the load is dropped, with its socket.
    Load::start(Duration::from_millis(100), move |_| drop(socket.write_all(&[0; 2_000])))
}

/// A mixture of requests, one in `one_in` an upload, while another upload holds the only place.
fn refusals(factor: u64, one_in: u32, pause: Duration, alarms: &[Alarm]) {
    let (town, data) = (Town::start(factor), tempfile::tempdir().unwrap());
    let service = ready(data.path(), &[("HUEMILL__UPLOADS__IN_FLIGHT", "1".to_owned())]);
    town.watch(&[service.address]);
    let (customer, address) = (Customer::of(&service), service.address);
    let job = id(customer.submit(1, None, None).unwrap());
    until("the job ends", || customer.has_ended(&job));
    let path = format!("/jobs/{job}?cards=url");
    let begin = || {
        let upload = endless_upload(address);
        until("the place is taken", || town.query("uploads_in_flight_bytes") > Some(0.0));
        let load = Load::start(pause, move |number| {
            if number % one_in == one_in - 1 {
                drop(customer.process(picture(1)));
            } else {
                drop(customer.get(&path));
            }
        });
        (upload, load)
    };
    drill(&town, alarms, begin, |(upload, load)| {
        drop(upload);
        load
    });
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn availability_below_target_and_availability_fast_burn() {
    let fault = "an upload without end holds the only place, one request in 45 is refused";
    let alarms = [alarm("AvailabilityBelowTarget", "P1", fault), alarm("AvailabilityFastBurn", "P1", fault)];
    refusals(scale::HOURS, 45, Duration::from_millis(4), &alarms);
}

#[test]
#[ignore = "takes a minute: `make drills`"]
fn availability_slow_burn() {
    let fault = "an upload without end holds the only place, one request in 220 is refused";
    let alarms = [alarm("AvailabilitySlowBurn", "P3", fault)];
    refusals(scale::DAYS, 220, Duration::from_millis(2), &alarms);
}

#[test]
#[ignore = "takes a minute: `make drills`"]
fn error_rate_slow_burn() {
    let fault = "an upload without end holds the only place, one request in 40 is refused";
    refusals(scale::DAYS, 40, Duration::from_millis(10), &[alarm("ErrorRateSlowBurn", "P3", fault)]);
}
