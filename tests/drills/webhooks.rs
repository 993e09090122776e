//! Webhooks that fail or come late, and jobs that fail.

use std::time::Duration;

use super::clients::{Customer, Load, broken, picture};
use super::receiver::{Receiver, Reply};
use super::report::{Alarm, alarm};
use super::servers::{Server, reachable};
use super::service::Service;
use super::town::Town;
use super::{drill, ready, scale};

/// A service that may send to this port, and gives up soon.
fn sender(data: &std::path::Path, port: u16) -> Service {
    let mut settings = reachable(port);
    settings.push(("HUEMILL__JOBS__COLLECT_SECONDS", "1".to_owned()));
    settings.push(("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,0".to_owned()));
    settings.push(("HUEMILL__WEBHOOKS__CIRCUIT_SECONDS", "1".to_owned()));
    settings.push(("HUEMILL__WEBHOOKS__CIRCUIT_MAX_SECONDS", "1".to_owned()));
    ready(data, &settings)
}

fn refused(status: u16) -> (Town, Receiver, Service, tempfile::TempDir) {
    let (town, data) = (Town::start(scale::HOURS), tempfile::tempdir().unwrap());
    let receiver = Receiver::start(move |_, _| Reply::status(status));
    let service = sender(data.path(), receiver.port());
    town.watch(&[service.address]);
    (town, receiver, service, data)
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn webhook_failures() {
    let (town, receiver, service, _data) = refused(404);
    let (customer, callback) = (Customer::of(&service), receiver.url("/"));
    let begin = || {
        Load::start(Duration::from_millis(100), move |number| {
            drop(customer.submit(number as u8, None, Some(&callback)));
        })
    };
    drill(&town, &[alarm("WebhookFailures", "P1", "a receiver that answers 404")], begin, drop);
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn dead_letters() {
    let (town, receiver, service, _data) = refused(410);
    let (customer, callback) = (Customer::of(&service), receiver.url("/"));
    let begin = || drop(customer.submit(1, None, Some(&callback)));
    drill(&town, &[alarm("DeadLetters", "P2", "a receiver that answers 410")], begin, drop);
}

/// Jobs of which one in `one_in` has a broken picture, and one in `one_in` a slow receiver; none after that.
fn failing_jobs(factor: u64, one_in: u32, pause: Duration, alarms: &[Alarm]) {
    let (town, data, receiver) = (Town::start(factor), tempfile::tempdir().unwrap(), Server::of_webhooks());
    let service = sender(data.path(), receiver.port());
    town.watch(&[service.address]);
    let (quick, slow) = (receiver.quick(), receiver.slow());
    let load = |one_in: Option<u32>, pause| {
        let (customer, quick, slow) = (Customer::of(&service), quick.clone(), slow.clone());
        Load::start(pause, move |number| {
            let shade = number as u8;
            let is_turn = |of: u32| one_in.is_some_and(|one_in| number % one_in == of % one_in);
            let picture = if is_turn(0) { broken(shade) } else { picture(shade) };
            let callback = if is_turn(1) { &slow } else { &quick };
            drop(customer.submit_picture(picture, None, Some(callback)));
        })
    };
    let begin = || {
        receiver.takes(6_000);
        load(Some(one_in), pause)
    };
    drill(&town, alarms, begin, |faulty| {
        receiver.takes(0);
        drop(faulty);
        load(None, Duration::from_millis(50))
    });
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn webhook_latency_fast_burn_and_job_success_fast_burn() {
    let alarms = [
        alarm("WebhookLatencyFastBurn", "P1", "the receiver takes 6 s"),
        alarm("JobSuccessFastBurn", "P1", "all jobs' pictures are broken"),
    ];
    failing_jobs(scale::HOURS, 1, Duration::from_millis(300), &alarms);
}

#[test]
#[ignore = "takes a minute: `make drills`"]
fn webhook_latency_slow_burn_and_job_success_slow_burn() {
    let alarms = [
        alarm("WebhookLatencySlowBurn", "P3", "the receiver of one job in eight takes 6 s"),
        alarm("JobSuccessSlowBurn", "P3", "the picture of one job in eight is broken"),
    ];
    failing_jobs(scale::DAYS, 8, Duration::from_millis(100), &alarms);
}
