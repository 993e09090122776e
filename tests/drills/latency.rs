//! Requests that wait for a server of others.

use std::time::Duration;

use serde_json::json;

use super::clients::{Customer, Load};
use super::report::{Alarm, alarm};
use super::servers::{Server, reachable};
use super::town::Town;
use super::{drill, ready, scale};

/// Clients of `/fetch_url`: so many whose server takes its time, and one whose server does not.
fn slow_requests(factor: u64, clients: usize, good: Option<Duration>, alarms: &[Alarm]) {
    let (town, data) = (Town::start(factor), tempfile::tempdir().unwrap());
    let server = Server::of_pictures();
    let service = ready(data.path(), &reachable(server.port()));
    town.watch(&[service.address]);
    let client = |url: String, pause| {
        let customer = Customer::of(&service);
        Load::start(pause, move |_| drop(customer.post("/fetch_url", &json!({ "url": url }))))
    };
    let begin = || {
        server.takes(2_500);
        let mut loads: Vec<Load> =
            (0..clients).map(|_| client(server.slow(), Duration::from_millis(100))).collect();
        loads.extend(good.map(|pause| client(server.quick(), pause)));
        loads
    };
    drill(&town, alarms, begin, |loads| {
        server.takes(0);
        loads
    });
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn http_latency_fast_burn() {
    let alarms = [alarm("HttpLatencyFastBurn", "P1", "the server of all pictures takes 2.5 s")];
    slow_requests(scale::HOURS, 8, None, &alarms);
}

#[test]
#[ignore = "takes a minute: `make drills`"]
fn http_latency_slow_burn() {
    let alarms =
        [alarm("HttpLatencySlowBurn", "P3", "one picture in eight lies on a server that takes 2.5 s")];
    slow_requests(scale::DAYS, 6, Some(Duration::from_millis(60)), &alarms);
}
