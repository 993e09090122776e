//! Jobs that wait, and jobs that take long: their pictures lie on a slow server, and there is one worker.

use std::time::Duration;

use serde_json::json;

use super::clients::{Customer, Load, id};
use super::report::{Alarm, alarm};
use super::servers::{Server, reachable};
use super::service::Service;
use super::town::Town;
use super::{drill, ready, scale, until};

/// How long the slow server takes, beyond the marks of the drills.
const SLOW: u64 = 1_500;

/// A service that does little at a time.
fn small(data: &std::path::Path, server: &Server) -> Service {
    let mut settings = reachable(server.port());
    settings.push(("HUEMILL__WORKERS__COUNT", "1".to_owned()));
    settings.push(("HUEMILL__OUTBOUND__DOWNLOADS", "1".to_owned()));
    ready(data, &settings)
}

/// Sends jobs as `jobs` has them while the server is slow, and quick ones after that.
fn slow_jobs(factor: u64, alarms: &[Alarm], jobs: impl FnMut(&Customer, &Server) + Send + 'static) {
    let (town, data, server) = (Town::start(factor), tempfile::tempdir().unwrap(), Server::of_pictures());
    let service = small(data.path(), &server);
    town.watch(&[service.address]);
    let (customer, slow) = (Customer::of(&service), server.clone());
    let mut jobs = jobs;
    let begin = || {
        server.takes(SLOW);
        Load::start(Duration::from_millis(1), move |_| jobs(&customer, &slow))
    };
    drill(&town, alarms, begin, |load| {
        server.takes(0);
        drop(load);
        let customer = Customer::of(&service);
        Load::start(Duration::from_millis(50), move |number| drop(customer.submit(number as u8, None, None)))
    });
}

fn of_url(customer: &Customer, url: &str) -> Option<String> {
    customer.post("/jobs", &json!({ "urls": [url] })).map(id)
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn queue_latency_slo_breach_and_queue_latency_fast_burn_and_processing_duration_slo_breach_and_processing_duration_fast_burn()
 {
    let behind = "one worker, and jobs queue behind pictures of a slow server";
    let slow = "the server of all jobs' pictures is slow";
    let alarms = [
        alarm("QueueLatencySLOBreach", "P0", behind),
        alarm("QueueLatencyFastBurn", "P0", behind),
        alarm("ProcessingDurationSLOBreach", "P1", slow),
        alarm("ProcessingDurationFastBurn", "P1", slow),
    ];
    // Three wait at any time.
    let mut waiting: Vec<String> = Vec::new();
    slow_jobs(scale::HOURS, &alarms, move |customer, server| {
        waiting.retain(|job| !customer.has_ended(job));
        if waiting.len() < 5 {
            waiting.extend(of_url(customer, &server.slow()));
        } else {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
}

#[test]
#[ignore = "takes a minute: `make drills`"]
fn queue_latency_slow_burn_and_processing_duration_slow_burn() {
    let alarms = [
        alarm("QueueLatencySlowBurn", "P3", "one job in seven waits behind pictures of a slow server"),
        alarm("ProcessingDurationSlowBurn", "P3", "the pictures of one job in seven lie on a slow server"),
    ];
    slow_jobs(scale::DAYS, &alarms, |customer, server| {
        for shade in 0..10 {
            let job = customer.submit(shade, None, None).map(id).unwrap();
            until("the job ends", || customer.has_ended(&job));
        }
        // Two take the worker and the only place for downloads…
        let mut jobs: Vec<String> = (0..2).filter_map(|_| of_url(customer, &server.slow())).collect();
        // …and two wait.
        jobs.extend((0..2).filter_map(|shade| customer.submit(shade, None, None).map(id)));
        until("the jobs end", || jobs.iter().all(|job| customer.has_ended(job)));
    });
}

/// Longer than a drill waits for a page, and shorter than a download may take.
const NEVER: u64 = 35_000;

#[test]
fn job_not_progressing() {
    let (town, data, server) =
        (Town::start(scale::HOURS), tempfile::tempdir().unwrap(), Server::of_pictures());
    let mut settings = reachable(server.port());
    // Three leases without an attempt that ended: stalled after nine seconds.
    settings.push(("HUEMILL__JOBS__LEASE_SECONDS", "3".to_owned()));
    settings.push(("HUEMILL__JOBS__COLLECT_SECONDS", "1".to_owned()));
    let service = ready(data.path(), &settings);
    town.watch(&[service.address]);
    let customer = Customer::of(&service);
    let begin = || {
        server.takes(NEVER);
        of_url(&customer, &server.slow()).unwrap()
    };
    let alarms =
        [alarm("JobNotProgressing", "P1", "the picture of a job lies on a server that never answers")];
    drill(&town, &alarms, begin, |job| {
        let canceled = customer.post(&format!("/jobs/{job}/cancel"), &json!({})).unwrap();
        assert_eq!(canceled.status(), 202);
    });
}
