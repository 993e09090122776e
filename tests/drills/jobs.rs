//! Alerts on jobs that wait or take long: their pictures are on a slow server, and the service has one worker.

use std::time::Duration;

use serde_json::json;

use super::clients::{Load, TestClient, job_id};
use super::delayed_server::{DelayedServer, loopback};
use super::monitoring_stack::MonitoringStack;
use super::report::{Alarm, alarm};
use super::{drill, scale, start_ready};
use crate::support::servers::require;
use crate::support::service::Service;
use crate::support::wait_until;

/// The delay of the slow server, which exceeds the thresholds of the drills.
const SLOW_MS: u64 = 1_500;

/// Starts a service that processes one picture at a time.
fn start_small(data: &std::path::Path, server: &DelayedServer) -> Service {
    let mut settings = loopback(server.port());
    settings.push(("HUEMILL__WORKERS__COUNT", "1".to_owned()));
    settings.push(("HUEMILL__OUTBOUND__DOWNLOADS", "1".to_owned()));
    start_ready(data, &settings)
}

/// Submits the jobs of `jobs` while the server is slow, and quick jobs after that.
fn drill_slow_jobs(
    factor: u64,
    alarms: &[Alarm],
    jobs: impl FnMut(&TestClient, &DelayedServer) + Send + 'static,
) {
    let (stack, data, server) =
        (MonitoringStack::start(factor), tempfile::tempdir().unwrap(), DelayedServer::of_pictures());
    let service = start_small(data.path(), &server);
    stack.watch(&[service.address]);
    let (client, slow) = (TestClient::of(&service), server.clone());
    let mut jobs = jobs;
    let begin = || {
        server.set_delay_ms(SLOW_MS);
        Load::start(Duration::from_millis(1), move |_| jobs(&client, &slow))
    };
    drill(&stack, alarms, begin, |load| {
        server.set_delay_ms(0);
        drop(load);
        let client = TestClient::of(&service);
        Load::start(Duration::from_millis(50), move |number| drop(client.submit(number as u8, None, None)))
    });
}

fn submit_url(client: &TestClient, url: &str) -> Option<String> {
    client.post("/jobs", &json!({ "urls": [url] })).map(job_id)
}

#[test]
#[ignore = "takes half a minute: run `make drills`"]
fn queue_latency_slo_breach_and_queue_latency_fast_burn_and_processing_duration_slo_breach_and_processing_duration_fast_burn()
 {
    require!(Alertmanager, Prometheus);
    let behind = "jobs wait for the only worker behind pictures of a slow server";
    let slow = "the pictures of all jobs are on a slow server";
    let alarms = [
        alarm("QueueLatencySLOBreach", "P0", behind),
        alarm("QueueLatencyFastBurn", "P0", behind),
        alarm("ProcessingDurationSLOBreach", "P1", slow),
        alarm("ProcessingDurationFastBurn", "P1", slow),
    ];
    // At any time three jobs wait.
    let mut waiting: Vec<String> = Vec::new();
    drill_slow_jobs(scale::HOURS, &alarms, move |client, server| {
        waiting.retain(|job| !client.has_ended(job));
        if waiting.len() < 5 {
            waiting.extend(submit_url(client, &server.slow_url()));
        } else {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
}

#[test]
#[ignore = "takes a minute: run `make drills`"]
fn queue_latency_slow_burn_and_processing_duration_slow_burn() {
    require!(Alertmanager, Prometheus);
    let alarms = [
        alarm("QueueLatencySlowBurn", "P3", "one job in seven waits behind pictures of a slow server"),
        alarm("ProcessingDurationSlowBurn", "P3", "the pictures of one job in seven are on a slow server"),
    ];
    drill_slow_jobs(scale::DAYS, &alarms, |client, server| {
        for shade in 0..10 {
            let job = client.submit(shade, None, None).map(job_id).unwrap();
            wait_until("the job ends", || client.has_ended(&job));
        }
        // Two jobs take the worker and the only slot for downloads…
        let mut jobs: Vec<String> = (0..2).filter_map(|_| submit_url(client, &server.slow_url())).collect();
        // …and two jobs wait.
        jobs.extend((0..2).filter_map(|shade| client.submit(shade, None, None).map(job_id)));
        wait_until("the jobs end", || jobs.iter().all(|job| client.has_ended(job)));
    });
}

/// Longer than the drill waits for a page.
const NEVER_MS: u64 = 600_000;

#[test]
fn job_not_progressing() {
    require!(Alertmanager, Prometheus);
    let (stack, data, server) =
        (MonitoringStack::start(scale::HOURS), tempfile::tempdir().unwrap(), DelayedServer::of_pictures());
    let mut settings = loopback(server.port());
    // The download must not time out before the page.
    settings.push(("HUEMILL__OUTBOUND__HEAD_SECONDS", "600".to_owned()));
    settings.push(("HUEMILL__OUTBOUND__TOTAL_SECONDS", "600".to_owned()));
    // A job is stalled when no attempt has ended for three leases.
    settings.push(("HUEMILL__JOBS__LEASE_SECONDS", "3".to_owned()));
    settings.push(("HUEMILL__JOBS__COLLECT_SECONDS", "1".to_owned()));
    let service = start_ready(data.path(), &settings);
    stack.watch(&[service.address]);
    let client = TestClient::of(&service);
    let begin = || {
        server.set_delay_ms(NEVER_MS);
        submit_url(&client, &server.slow_url()).unwrap()
    };
    let alarms = [alarm("JobNotProgressing", "P1", "the picture of a job is on a server that never answers")];
    drill(&stack, &alarms, begin, |job| {
        let canceled = client.post(&format!("/jobs/{job}/cancel"), &json!({})).unwrap();
        assert_eq!(canceled.status(), 202);
    });
}
