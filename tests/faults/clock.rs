//! A wall clock that jumps by days: no result and no lease expires, and work and webhooks go on.

use crate::support::consistency::assert_consistent;
use crate::support::database::Database;
use crate::support::deployment::{Deployment, Kind};
use crate::support::http::{
    assert_job_ends, claimed_pictures, has_ended, images_form, job_status, metric, submit_form,
};
use crate::support::pictures::{large_pngs, small_pngs};
use crate::support::receiver::{Receiver, Reply};
use crate::support::servers::require;
use crate::support::service::Service;
use crate::support::{run_in_parallel, wait_until};

const DAY: i64 = 24 * 3600;

/// Waits until the Janitor has swept twice: each sweep removes a nonce that expired in 1970.
fn wait_for_two_sweeps(database: &Database) {
    for round in 0..2 {
        database.execute(&format!("INSERT INTO nonces VALUES ('round-{round}', 1)"));
        wait_until("the Janitor has swept", || database.count("SELECT count(*) FROM nonces") == 0);
    }
}

fn submit_for_an_hour(service: &Service, pictures: &[Vec<u8>]) -> String {
    submit_form(service, || images_form(pictures).text("ttl_h", "1"))
}

fn assert_results_are_kept(kind: Kind) {
    if kind.skips() {
        return;
    }
    // No lease expires because the machine is busy.
    let deployment = Deployment::new(kind).with(&[("HUEMILL__JOBS__LEASE_SECONDS", "60")]);
    let service = deployment.start_on_wall_clock();
    let database = deployment.database();
    let done = submit_for_an_hour(&service, &small_pngs(2, 1));
    assert_job_ends(&service, &done, 2, 0);
    let running = submit_for_an_hour(&service, &large_pngs(6));
    wait_until("pictures are claimed", || claimed_pictures(&database) > 0);
    for days in [1, -1, 0, 3] {
        deployment.clock().set_offset(days * DAY);
        wait_for_two_sweeps(&database);
        assert!(
            has_ended(&job_status(&service, &done)),
            "the results expired with the clock {days} days off"
        );
    }
    assert_job_ends(&service, &running, 6, 0);
    assert_eq!(metric(&service, "job_leases_expired_total"), Some(0.0));
    assert_consistent(&[&service], &database);
}

#[test]
fn results_outlive_a_clock_that_jumps() {
    require!(Libfaketime);
    run_in_parallel([Kind::Embedded, Kind::Postgres], assert_results_are_kept);
}

#[test]
fn results_in_sqlite_outlive_a_start_on_a_clock_that_is_ahead() {
    require!(Libfaketime);
    let deployment = Deployment::new(Kind::Embedded);
    let service = deployment.start_on_wall_clock();
    let job = submit_for_an_hour(&service, &small_pngs(2, 1));
    assert_job_ends(&service, &job, 2, 0);
    assert_eq!(service.stop(), Some(0));
    deployment.clock().set_offset(DAY);
    let service = deployment.start_on_wall_clock();
    let database = deployment.database();
    wait_for_two_sweeps(&database);
    assert!(has_ended(&job_status(&service, &job)), "the results expired early");
    // The clock is corrected while the service runs.
    deployment.clock().set_offset(0);
    wait_for_two_sweeps(&database);
    assert!(has_ended(&job_status(&service, &job)));
    assert_consistent(&[&service], &database);
}

#[test]
fn a_webhook_is_retried_in_time_though_the_clock_went_back() {
    require!(Libfaketime);
    let receiver = Receiver::start(|number, _| Reply::status(if number == 0 { 500 } else { 204 }));
    let deployment = Deployment::new(Kind::Embedded).with(&[
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &receiver.port().to_string()),
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,3,3,3"),
    ]);
    let service = deployment.start_on_wall_clock();
    let job =
        submit_form(&service, || images_form(&small_pngs(1, 1)).text("callback_url", receiver.url("/")));
    wait_until("the first attempt fails", || receiver.requests().len() == 1);
    deployment.clock().set_offset(-DAY);
    wait_until("the second attempt is made", || receiver.requests().len() == 2);
    assert_job_ends(&service, &job, 1, 0);
    assert_consistent(&[&service], &deployment.database());
}
