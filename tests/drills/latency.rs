//! Alerts on the latency of requests: they wait for an external server.

use std::time::Duration;

use serde_json::json;

use super::clients::{Load, TestClient};
use super::delayed_server::{DelayedServer, loopback};
use super::monitoring_stack::MonitoringStack;
use super::report::{Alarm, alarm};
use super::{drill, scale, start_ready};
use crate::support::servers::require;

/// Runs clients of `/fetch_url`: `clients` use a slow server, and another one, if any, a quick server.
fn drill_slow_requests(factor: u64, clients: usize, good: Option<Duration>, alarms: &[Alarm]) {
    let (stack, data) = (MonitoringStack::start(factor), tempfile::tempdir().unwrap());
    let server = DelayedServer::of_pictures();
    let service = start_ready(data.path(), &loopback(server.port()));
    stack.watch(&[service.address]);
    let start = |url: String, pause| {
        let client = TestClient::of(&service);
        Load::start(pause, move |_| drop(client.post("/fetch_url", &json!({ "url": url }))))
    };
    let begin = || {
        server.set_delay_ms(2_500);
        let mut loads: Vec<Load> =
            (0..clients).map(|_| start(server.slow_url(), Duration::from_millis(100))).collect();
        loads.extend(good.map(|pause| start(server.quick_url(), pause)));
        loads
    };
    drill(&stack, alarms, begin, |loads| {
        server.set_delay_ms(0);
        loads
    });
}

#[test]
#[ignore = "takes half a minute: run `make drills`"]
fn http_latency_fast_burn() {
    require!(Alertmanager, Prometheus);
    let alarms = [alarm("HttpLatencyFastBurn", "P1", "the server of all pictures takes 2.5 s")];
    drill_slow_requests(scale::HOURS, 8, None, &alarms);
}

#[test]
#[ignore = "takes a minute: run `make drills`"]
fn http_latency_slow_burn() {
    require!(Alertmanager, Prometheus);
    let alarms = [alarm("HttpLatencySlowBurn", "P3", "one picture in eight is on a server that takes 2.5 s")];
    drill_slow_requests(scale::DAYS, 6, Some(Duration::from_millis(60)), &alarms);
}
