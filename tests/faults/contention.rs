//! Resources that many share: twenty processes on one PostgreSQL with its default hundred connections, a row that a
//! transaction locks, and a bucket that is slow for all.

use crate::support::consistency::assert_consistent;
use crate::support::deployment::{Deployment, Kind};
use crate::support::http::{assert_job_ends, client, images_form, is_ready, metric, readiness, submit};
use crate::support::pictures::{noise_png, small_pngs};
use crate::support::servers::require;
use crate::support::service::Service;
use crate::support::wait_until;

const PROCESSES: usize = 20;

/// All store errors that a process has counted.
fn store_errors(service: &Service) -> f64 {
    let text = client().get(service.url("/metrics")).send().unwrap().text().unwrap();
    let errors = text.lines().filter(|line| line.starts_with("store_errors_total"));
    errors.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[test]
fn a_hundred_connections_are_enough_for_twenty_processes() {
    require!(PostgreSql);
    let deployment = Deployment::on_own_server().with(&[
        ("HUEMILL__WORKERS__COUNT", "1"),
        ("HUEMILL__JOBS__LEASE_SECONDS", "30"),
        ("HUEMILL__JOBS__POLL_MS", "500"),
        ("HUEMILL__HEALTH__STORE_SECONDS", "1"),
    ]);
    let services: Vec<_> = (0..PROCESSES).map(|_| deployment.start()).collect();
    for service in &services {
        wait_until("each process is ready", || is_ready(service));
    }
    std::thread::scope(|scope| {
        for (n, service) in services.iter().enumerate() {
            // Several clients for each process make its pool grow as far as it may.
            for client in 0..6 {
                scope.spawn(move || {
                    let job = submit(service, &small_pngs(2, (n * 10 + client) as u32));
                    assert_job_ends(service, &job, 2, 0);
                });
            }
        }
    });
    for service in &services {
        wait_until("each process is still ready", || is_ready(service));
        assert_eq!(store_errors(service) as u64, 0, "the store refused a connection");
    }
    assert_consistent(&services.iter().collect::<Vec<_>>(), &deployment.database());
}

#[test]
fn no_process_hangs_on_a_row_that_a_transaction_locks() {
    require!(PostgreSql);
    let deployment = Deployment::new(Kind::Postgres)
        .with(&[("HUEMILL__HEALTH__STORE_SECONDS", "1"), ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1")]);
    let services = [deployment.start(), deployment.start()];
    for service in &services {
        wait_until("each process is ready", || is_ready(service));
    }
    let database = deployment.database();
    // The tables that all processes write to, where they exist.
    let shared = "SELECT 'SELECT 1 FROM ' || tablename || ' FOR UPDATE;' FROM pg_tables \
                  WHERE schemaname = 'public' AND tablename IN ('probe', 'duties')";
    let hold = database.hold(&format!("BEGIN; {}", database.texts(shared).concat()));
    let probes = |service: &Service| {
        metric(service, "store_operation_duration_seconds_count{operation=\"probe\"}").unwrap_or_default()
    };
    let before = services.each_ref().map(probes);
    for (service, before) in services.iter().zip(before) {
        wait_until("the process goes on probing the store", || probes(service) >= before + 8.0);
        wait_until("the process is ready while the row is locked", || is_ready(service));
    }
    drop(hold);
    assert_consistent(&services.iter().collect::<Vec<_>>(), &database);
}

#[test]
fn a_bucket_that_is_slow_for_all_does_not_stop_requests_that_need_none() {
    require!(PostgreSql, S3);
    let deployment = Deployment::new(Kind::PostgresAndBucket)
        .with(&[("HUEMILL__HEALTH__STORE_SECONDS", "1"), ("HUEMILL__HEALTH__INTERVAL_SECONDS", "1")]);
    let service = deployment.start();
    let job = submit(&service, &small_pngs(2, 1));
    assert_job_ends(&service, &job, 2, 0);
    deployment.bucket().unwrap().change(|faults| faults.busy_per_mille = 1000);
    wait_until("the slow bucket is reported", || {
        let body = readiness(&service);
        assert_eq!(body["ready"], true, "a process is not ready because the bucket is slow for all: {body}");
        body["checks"]["store"]["reason"].as_str().is_some_and(|reason| reason.starts_with("blobs: "))
    });
    assert_eq!(readiness(&service)["checks"]["store"]["shared"], true);
    for seed in 0..5 {
        let form = images_form(&[noise_png(60, seed)]);
        let answer = client().post(service.url("/jobs")).multipart(form).send().unwrap();
        assert_eq!(answer.status(), 503, "a job needs the bucket");
        let picture = noise_png(60, seed);
        let request =
            client().post(service.url("/process")).header("content-type", "image/png").body(picture);
        assert_eq!(request.send().unwrap().status(), 200);
    }
    deployment.bucket().unwrap().change(|faults| faults.busy_per_mille = 0);
    wait_until("the bucket works again", || readiness(&service)["checks"]["store"]["blobs_ms"].is_u64());
    let job = submit(&service, &small_pngs(2, 2));
    assert_job_ends(&service, &job, 2, 0);
    assert_consistent(&[&service], &deployment.database());
}
