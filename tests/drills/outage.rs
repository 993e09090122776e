//! A process that dies, and a store that is cut off.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::clients::{Customer, Load, id};
use super::postgres::Cluster;
use super::proxy::{Mode, Proxy};
use super::report::alarm;
use super::servers::{Server, reachable};
use super::service::Service;
use super::town::Town;
use super::{drill, ready, scale, until};

#[test]
fn service_down() {
    let (town, data) = (Town::start(scale::HOURS), tempfile::tempdir().unwrap());
    let service = ready(data.path(), &[]);
    town.watch(&[service.address]);
    // It comes back where it was, as a process manager would bring it back.
    let port = ("PORT", service.address.port().to_string());
    drill(
        &town,
        &[alarm("ServiceDown", "P0", "kill -9")],
        || service.kill(),
        |()| ready(data.path(), &[port]),
    );
}

/// A service whose database lies behind a proxy, and which does little at a time.
fn cut_off(data: &std::path::Path, server: &Server) -> (Service, Proxy) {
    let (proxy, url) = Proxy::before_database(&Cluster::shared().database());
    let mut settings = reachable(server.port());
    settings.extend([
        ("DATABASE_URL", url),
        ("BLOB_URL", format!("file://{}", data.join("blobs").display())),
        ("HUEMILL__WORKERS__COUNT", "1".to_owned()),
        ("HUEMILL__OUTBOUND__DOWNLOADS", "1".to_owned()),
        ("HUEMILL__JOBS__COLLECT_SECONDS", "1".to_owned()),
    ]);
    (ready(data, &settings), proxy)
}

#[test]
fn not_ready_and_high_error_rate_and_error_rate_fast_burn_and_job_queue_stalled() {
    let (town, data, server) =
        (Town::start(scale::HOURS), tempfile::tempdir().unwrap(), Server::of_pictures());
    let (service, proxy) = cut_off(data.path(), &server);
    town.watch(&[service.address]);
    let alarms = [
        alarm("NotReady", "P0", "the network to PostgreSQL is cut"),
        alarm("HighErrorRate", "P0", "the network to PostgreSQL is cut, clients go on"),
        alarm("ErrorRateFastBurn", "P0", "the network to PostgreSQL is cut, clients go on"),
        alarm("JobQueueStalled", "P0", "the network to PostgreSQL is cut while jobs wait"),
    ];
    // Pictures enough for a minute.
    server.takes(500);
    let urls: Vec<String> = (0..120).map(|number| format!("{}?{number}", server.slow())).collect();
    let customer = Customer::of(&service);
    let job = id(customer.post("/jobs", &json!({ "urls": urls })).unwrap());
    until("pictures wait", || town.query("jobs_queued_images{job=\"huemill\"}") > Some(0.0));
    let (poll, path) = (customer.clone(), format!("/jobs/{job}?cards=url"));
    let begin = || {
        proxy.set(Mode::Cut);
        Load::start(Duration::from_millis(20), move |_| drop(poll.get(&path)))
    };
    drill(&town, &alarms, begin, |load| {
        proxy.set(Mode::Pass);
        server.takes(0);
        load
    });
    until("the job ends", || customer.has_ended(&job));
}

#[test]
#[ignore = "takes half a minute: `make drills`"]
fn claims_orphaned() {
    let (town, data) = (Town::start(scale::HOURS), tempfile::tempdir().unwrap());
    let (proxy, url) = Proxy::before_database(&Cluster::shared().database());
    let settings = [
        ("DATABASE_URL", url),
        ("BLOB_URL", format!("file://{}", data.path().join("blobs").display())),
        ("HUEMILL__JOBS__LEASE_SECONDS", "3".to_owned()),
        ("HUEMILL__JOBS__POLL_MS", "100".to_owned()),
    ];
    let service = ready(data.path(), &settings);
    town.watch(&[service.address]);
    let customer = Customer::of(&service);
    let (sender, network) = (customer.clone(), Arc::new(proxy));
    let begin = || {
        let network = network.clone();
        // Claims, results and heartbeats commit: now the one is lost, now the other.
        Load::start(Duration::from_millis(300), move |number| {
            drop(sender.submit(number as u8, None, None));
            network.lose_commits(number % 3, 1);
        })
    };
    let alarms = [alarm("ClaimsOrphaned", "P2", "PostgreSQL's answers to commits are lost on the way")];
    drill(&town, &alarms, begin, |load| {
        drop(load);
        network.lose_commits(0, 0);
    });
    let job = id(customer.submit(1, None, None).unwrap());
    until("jobs end as before", || customer.has_ended(&job));
    assert!(!service.logged("claims_orphaned").is_empty());
}
