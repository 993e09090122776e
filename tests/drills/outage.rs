//! Alerts on outages: a process that dies, and a store that cannot be reached.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::clients::{Load, TestClient, job_id};
use super::delayed_server::{DelayedServer, loopback};
use super::monitoring_stack::MonitoringStack;
use super::report::alarm;
use super::{drill, scale, start_ready};
use crate::support::proxy::{Mode, Proxy};
use crate::support::servers::postgres::Cluster;
use crate::support::servers::require;
use crate::support::service::Service;
use crate::support::wait_until;

#[test]
fn service_down() {
    require!(Alertmanager, Prometheus);
    let (stack, data) = (MonitoringStack::start(scale::HOURS), tempfile::tempdir().unwrap());
    let service = start_ready(data.path(), &[]);
    stack.watch(&[service.address]);
    // The service comes back on the same port, as under a process manager.
    let port = ("PORT", service.address.port().to_string());
    drill(
        &stack,
        &[alarm("ServiceDown", "P0", "kill -9")],
        || service.kill(),
        |()| start_ready(data.path(), &[port]),
    );
}

/// Starts a service whose database is behind a proxy, and which processes one picture at a time.
fn start_behind_proxy(data: &std::path::Path, server: &DelayedServer) -> (Service, Proxy) {
    let (proxy, url) = Proxy::before_database(&Cluster::shared().database());
    let mut settings = loopback(server.port());
    settings.extend([
        ("DATABASE_URL", url),
        ("BLOB_URL", format!("file://{}", data.join("blobs").display())),
        ("HUEMILL__WORKERS__COUNT", "1".to_owned()),
        ("HUEMILL__OUTBOUND__DOWNLOADS", "1".to_owned()),
        ("HUEMILL__JOBS__COLLECT_SECONDS", "1".to_owned()),
    ]);
    (start_ready(data, &settings), proxy)
}

#[test]
fn not_ready_and_high_error_rate_and_error_rate_fast_burn_and_job_queue_stalled() {
    require!(Alertmanager, Prometheus, PostgreSql);
    let (stack, data, server) =
        (MonitoringStack::start(scale::HOURS), tempfile::tempdir().unwrap(), DelayedServer::of_pictures());
    let (service, proxy) = start_behind_proxy(data.path(), &server);
    stack.watch(&[service.address]);
    let alarms = [
        alarm("NotReady", "P0", "the network to PostgreSQL is cut"),
        alarm("HighErrorRate", "P0", "the network to PostgreSQL is cut, clients go on"),
        alarm("ErrorRateFastBurn", "P0", "the network to PostgreSQL is cut, clients go on"),
        alarm("JobQueueStalled", "P0", "the network to PostgreSQL is cut while jobs wait"),
    ];
    // Enough pictures for a minute.
    server.set_delay_ms(500);
    let urls: Vec<String> = (0..120).map(|number| format!("{}?{number}", server.slow_url())).collect();
    let client = TestClient::of(&service);
    let job = job_id(client.post("/jobs", &json!({ "urls": urls })).unwrap());
    wait_until("pictures wait", || stack.query("jobs_queued_images{job=\"huemill\"}") > Some(0.0));
    let (poll, path) = (client.clone(), format!("/jobs/{job}?cards=url"));
    let begin = || {
        proxy.set(Mode::Cut);
        Load::start(Duration::from_millis(20), move |_| drop(poll.get(&path)))
    };
    drill(&stack, &alarms, begin, |load| {
        proxy.set(Mode::Pass);
        server.set_delay_ms(0);
        load
    });
    wait_until("the job ends", || client.has_ended(&job));
}

#[test]
#[ignore = "takes half a minute: run `make drills`"]
fn claims_orphaned() {
    require!(Alertmanager, Prometheus, PostgreSql);
    let (stack, data) = (MonitoringStack::start(scale::HOURS), tempfile::tempdir().unwrap());
    let (proxy, url) = Proxy::before_database(&Cluster::shared().database());
    let settings = [
        ("DATABASE_URL", url),
        ("BLOB_URL", format!("file://{}", data.path().join("blobs").display())),
        ("HUEMILL__JOBS__LEASE_SECONDS", "3".to_owned()),
        ("HUEMILL__JOBS__POLL_MS", "100".to_owned()),
    ];
    let service = start_ready(data.path(), &settings);
    stack.watch(&[service.address]);
    let client = TestClient::of(&service);
    let (sender, network) = (client.clone(), Arc::new(proxy));
    let begin = || {
        let network = network.clone();
        // Loses the replies to different commits: those of claims, of results and of heartbeats.
        Load::start(Duration::from_millis(300), move |number| {
            drop(sender.submit(number as u8, None, None));
            network.lose_commits(number % 3, 1);
        })
    };
    let alarms = [alarm("ClaimsOrphaned", "P2", "PostgreSQL's answers to commits are lost on the way")];
    drill(&stack, &alarms, begin, |load| {
        drop(load);
        network.lose_commits(0, 0);
    });
    let job = job_id(client.submit(1, None, None).unwrap());
    wait_until("a later job ends", || client.has_ended(&job));
    assert!(!service.logged("claims_orphaned").is_empty());
}
