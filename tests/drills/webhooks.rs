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

/// Starts a service that sends webhooks to these ports and soon gives up.
fn start_sender(data: &std::path::Path, ports: &[u16]) -> Service {
    let list: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let mut settings = loopback(ports[0]);
    settings.push(("HUEMILL__OUTBOUND__ALLOW_PORTS", list.join(",")));
    settings.push(("HUEMILL__JOBS__COLLECT_SECONDS", "1".to_owned()));
    settings.push(("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,0".to_owned()));
    settings.push(("HUEMILL__WEBHOOKS__CIRCUIT_SECONDS", "1".to_owned()));
    settings.push(("HUEMILL__WEBHOOKS__CIRCUIT_MAX_SECONDS", "1".to_owned()));
    start_ready(data, &settings)
}

/// A watched service and receivers, each of which answers every webhook with its status.
fn answering_receivers(
    factor: u64,
    statuses: &[u16],
) -> (MonitoringStack, Vec<Receiver>, Service, tempfile::TempDir) {
    let (stack, data) = (MonitoringStack::start(factor), tempfile::tempdir().unwrap());
    let start = |status: &u16| {
        let status = *status;
        Receiver::start(move |_, _| Reply::status(status))
    };
    let receivers: Vec<Receiver> = statuses.iter().map(start).collect();
    let ports: Vec<u16> = receivers.iter().map(Receiver::port).collect();
    let service = start_sender(data.path(), &ports);
    stack.watch(&[service.address]);
    (stack, receivers, service, data)
}

/// Submits jobs whose webhooks go to these receivers in turn.
fn submit_to(receivers: &[Receiver], service: &Service) -> Load {
    let client = TestClient::of(service);
    let callbacks: Vec<String> = receivers.iter().map(|receiver| receiver.url("/")).collect();
    Load::start(Duration::from_millis(100), move |number| {
        let callback = &callbacks[number as usize % callbacks.len()];
        drop(client.submit(number as u8, None, Some(callback)));
    })
}

#[test]
#[ignore = "takes half a minute: run `make drills`"]
fn webhook_failures() {
    require!(Alertmanager, Prometheus);
    let (stack, receivers, service, _data) = answering_receivers(scale::HOURS, &[404, 404, 404]);
    let alarms = [alarm("WebhookFailures", "P1", "three receivers answer 404")];
    drill(&stack, &alarms, || submit_to(&receivers, &service), drop);
}

#[test]
#[ignore = "takes a minute: run `make drills`"]
fn webhook_receiver_failing() {
    require!(Alertmanager, Prometheus);
    // The resolution of a P3 is sent after six hours.
    let (stack, receivers, service, _data) = answering_receivers(scale::DAYS, &[404, 200]);
    let alarms = [alarm("WebhookReceiverFailing", "P3", "one of two receivers answers 404")];
    drill(&stack, &alarms, || submit_to(&receivers, &service), drop);
    // It is the receiver's fault: no one is woken.
    assert_eq!([stack.pager.count("p0"), stack.pager.count("p1")], [0, 0], "{:?}", stack.pager.all());
}

#[test]
#[ignore = "takes half a minute: run `make drills`"]
fn dead_letters() {
    require!(Alertmanager, Prometheus);
    let (stack, receivers, service, _data) = answering_receivers(scale::HOURS, &[410]);
    let (client, callback) = (TestClient::of(&service), receivers[0].url("/"));
    let begin = || drop(client.submit(1, None, Some(&callback)));
    drill(&stack, &[alarm("DeadLetters", "P2", "a receiver answers 410")], begin, drop);
}

/// Submits jobs, one in `one_in` with a broken picture and one in `one_in` with a slow receiver, and good jobs after
/// that.
fn drill_failing_jobs(factor: u64, one_in: u32, pause: Duration, alarms: &[Alarm]) {
    let (stack, data, receiver) =
        (MonitoringStack::start(factor), tempfile::tempdir().unwrap(), DelayedServer::of_webhooks());
    let service = start_sender(data.path(), &[receiver.port()]);
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
