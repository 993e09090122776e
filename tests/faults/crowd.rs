//! Twenty processes on one PostgreSQL as it comes, with a hundred connections; and a transaction that holds what they
//! might all want.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::deployment::{Deployment, Kind};
use super::jobs::{client, ends, form, is_ready, noise, small, submit};
use super::service::Service;
use super::{all_is_well, until};

const PROCESSES: usize = 20;

/// What /ready says.
fn readiness(service: &Service) -> Value {
    client().get(service.url("/ready")).send().unwrap().json().unwrap()
}

fn store_errors(service: &Service) -> f64 {
    let text = client().get(service.url("/metrics")).send().unwrap().text().unwrap();
    let errors = text.lines().filter(|line| line.starts_with("store_errors_total"));
    errors.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[test]
fn twenty_processes_have_enough_of_a_hundred_connections() {
    let deployment = Deployment::on_a_server_of_its_own().with(&[
        ("HUEMILL__WORKERS__COUNT", "1"),
        ("HUEMILL__JOBS__LEASE_SECONDS", "30"),
        ("HUEMILL__JOBS__POLL_MS", "500"),
        ("HUEMILL__HEALTH__STORE_SECONDS", "1"),
    ]);
    let services: Vec<_> = (0..PROCESSES).map(|_| deployment.start()).collect();
    for service in &services {
        until("each is ready", || is_ready(service));
    }
    std::thread::scope(|scope| {
        for (n, service) in services.iter().enumerate() {
            // Several clients each: a pool that may grow, does.
            for client in 0..6 {
                scope.spawn(move || {
                    let job = submit(service, &small(2, (n * 10 + client) as u32));
                    ends(service, &job, 2, 0);
                });
            }
        }
    });
    for service in &services {
        assert!(is_ready(service));
        assert_eq!(store_errors(service) as u64, 0, "a connection was refused");
    }
    all_is_well(&services.iter().collect::<Vec<_>>(), &deployment.database());
}

#[test]
fn no_process_hangs_on_a_row_that_a_transaction_holds() {
    let deployment = Deployment::new(Kind::Postgres).with(&[
        ("HUEMILL__HEALTH__STORE_SECONDS", "1"),
        ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1"),
        ("HUEMILL__HEALTH__STALE_SECONDS", "5"),
    ]);
    let services = [deployment.start(), deployment.start()];
    for service in &services {
        until("each is ready", || is_ready(service));
    }
    let database = deployment.database();
    // What all processes share and write to, where there are such tables.
    let shared = "SELECT 'SELECT 1 FROM ' || tablename || ' FOR UPDATE;' FROM pg_tables \
                  WHERE schemaname = 'public' AND tablename IN ('probe', 'duties')";
    let hold = database.hold(&format!("BEGIN; {}", database.texts(shared).concat()));
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end {
        for service in &services {
            assert!(is_ready(service), "a row that another transaction holds is not its own trouble");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(hold);
    all_is_well(&services.iter().collect::<Vec<_>>(), &database);
}

#[test]
fn a_bucket_that_is_slow_for_all_does_not_stop_what_needs_none() {
    let deployment = Deployment::new(Kind::PostgresAndBucket)
        .with(&[("HUEMILL__HEALTH__STORE_SECONDS", "1"), ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1")]);
    let service = deployment.start();
    let job = submit(&service, &small(2, 1));
    ends(&service, &job, 2, 0);
    deployment.bucket().unwrap().change(|trouble| trouble.busy_per_mille = 1000);
    until("the slow bucket is reported", || {
        let body = readiness(&service);
        assert_eq!(body["ready"], true, "a bucket that is slow for all takes no process out: {body}");
        body["checks"]["store"]["reason"].as_str().is_some_and(|reason| reason.starts_with("blobs: "))
    });
    assert_eq!(readiness(&service)["checks"]["store"]["shared"], true);
    for seed in 0..5 {
        let form = form(&[noise(60, seed)]);
        let answer = client().post(service.url("/jobs")).multipart(form).send().unwrap();
        assert_eq!(answer.status(), 503, "a job needs the bucket");
        let picture = noise(60, seed);
        let request =
            client().post(service.url("/process")).header("content-type", "image/png").body(picture);
        assert_eq!(request.send().unwrap().status(), 200);
    }
    deployment.bucket().unwrap().change(|trouble| trouble.busy_per_mille = 0);
    until("the bucket is well again", || readiness(&service)["checks"]["store"]["blobs_ms"].is_u64());
    let job = submit(&service, &small(2, 2));
    ends(&service, &job, 2, 0);
    all_is_well(&[&service], &deployment.database());
}
