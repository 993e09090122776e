//! Alerts on webhooks that fail or are late, and on jobs that fail.

use std::time::Duration;

use super::clients::{Load, TestClient, broken_picture};
use super::delayed_server::{DelayedServer, loopback};
use super::monitoring_stack::MonitoringStack;
use super::report::{Alarm, alarm};
use super::{drill, scale, start_ready};
use crate::support::pictures::gradient_png;
use crate::support::receiver::{Receiver, Reply};
use crate::support::servers::require;
use crate::support::service::Service;

/// Starts a service that sends webhooks to this port and soon gives up.
fn start_sender(data: &std::path::Path, port: u16) -> Service {
    let mut settings = loopback(port);
    settings.push(("HUEMILL__JOBS__COLLECT_SECONDS", "1".to_owned()));
    settings.push(("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,0".to_owned()));
    settings.push(("HUEMILL__WEBHOOKS__CIRCUIT_SECONDS", "1".to_owned()));
    settings.push(("HUEMILL__WEBHOOKS__CIRCUIT_MAX_SECONDS", "1".to_owned()));
    start_ready(data, &settings)
}

/// A watched service and a receiver that answers every webhook with this status.
fn refusing_receiver(status: u16) -> (MonitoringStack, Receiver, Service, tempfile::TempDir) {
    let (stack, data) = (MonitoringStack::start(scale::HOURS), tempfile::tempdir().unwrap());
    let receiver = Receiver::start(move |_, _| Reply::status(status));
    let service = start_sender(data.path(), receiver.port());
    stack.watch(&[service.address]);
    (stack, receiver, service, data)
}

#[test]
#[ignore = "takes half a minute: run `make drills`"]
fn webhook_failures() {
    require!(Alertmanager, Prometheus);
    let (stack, receiver, service, _data) = refusing_receiver(404);
    let (client, callback) = (TestClient::of(&service), receiver.url("/"));
    let begin = || {
        Load::start(Duration::from_millis(100), move |number| {
            drop(client.submit(number as u8, None, Some(&callback)));
        })
    };
    drill(&stack, &[alarm("WebhookFailures", "P1", "a receiver answers 404")], begin, drop);
}

#[test]
#[ignore = "takes half a minute: run `make drills`"]
fn dead_letters() {
    require!(Alertmanager, Prometheus);
    let (stack, receiver, service, _data) = refusing_receiver(410);
    let (client, callback) = (TestClient::of(&service), receiver.url("/"));
    let begin = || drop(client.submit(1, None, Some(&callback)));
    drill(&stack, &[alarm("DeadLetters", "P2", "a receiver answers 410")], begin, drop);
}

/// Submits jobs, one in `one_in` with a broken picture and one in `one_in` with a slow receiver, and good jobs after
/// that.
fn drill_failing_jobs(factor: u64, one_in: u32, pause: Duration, alarms: &[Alarm]) {
    let (stack, data, receiver) =
        (MonitoringStack::start(factor), tempfile::tempdir().unwrap(), DelayedServer::of_webhooks());
    let service = start_sender(data.path(), receiver.port());
    stack.watch(&[service.address]);
    let (quick, slow) = (receiver.quick_url(), receiver.slow_url());
    let load = |one_in: Option<u32>, pause| {
        let (client, quick, slow) = (TestClient::of(&service), quick.clone(), slow.clone());
        Load::start(pause, move |number| {
            let shade = number as u8;
            let is_turn = |of: u32| one_in.is_some_and(|one_in| number % one_in == of % one_in);
            let picture = if is_turn(0) { broken_picture(shade) } else { gradient_png(shade) };
            let callback = if is_turn(1) { &slow } else { &quick };
            drop(client.submit_picture(picture, None, Some(callback)));
        })
    };
    let begin = || {
        receiver.set_delay_ms(6_000);
        load(Some(one_in), pause)
    };
    drill(&stack, alarms, begin, |faulty| {
        receiver.set_delay_ms(0);
        drop(faulty);
        load(None, Duration::from_millis(50))
    });
}

#[test]
#[ignore = "takes half a minute: run `make drills`"]
fn webhook_latency_fast_burn_and_job_success_fast_burn() {
    require!(Alertmanager, Prometheus);
    let alarms = [
        alarm("WebhookLatencyFastBurn", "P1", "the receiver takes 6 s"),
        alarm("JobSuccessFastBurn", "P1", "the pictures of all jobs are broken"),
    ];
    drill_failing_jobs(scale::HOURS, 1, Duration::from_millis(300), &alarms);
}

#[test]
#[ignore = "takes a minute: run `make drills`"]
fn webhook_latency_slow_burn_and_job_success_slow_burn() {
    require!(Alertmanager, Prometheus);
    let alarms = [
        alarm("WebhookLatencySlowBurn", "P3", "the receiver of one job in eight takes 6 s"),
        alarm("JobSuccessSlowBurn", "P3", "the picture of one job in eight is broken"),
    ];
    drill_failing_jobs(scale::DAYS, 8, Duration::from_millis(100), &alarms);
}
