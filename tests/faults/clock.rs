//! A wall clock that jumps by days: no result goes by it, no lease runs out, work and webhooks go on.

use super::database::Database;
use super::deployment::{Deployment, Kind};
use super::jobs::{ends, form, has_ended, large, small, status, submit_form};
use super::receiver::{Receiver, Reply};
use super::service::Service;
use super::{all_is_well, beside_each_other, until};

const DAY: i64 = 24 * 3600;

/// Has the Janitor pass twice: what has been due since 1970 goes with a round.
fn janitor_passes(database: &Database) {
    for round in 0..2 {
        database.execute(&format!("INSERT INTO nonces VALUES ('round-{round}', 1)"));
        until("the Janitor has passed", || database.count("SELECT count(*) FROM nonces") == 0);
    }
}

fn submit_for_an_hour(service: &Service, pictures: &[Vec<u8>]) -> String {
    submit_form(service, || form(pictures).text("ttl_h", "1"))
}

fn results_stay(kind: Kind) {
    let deployment = Deployment::new(kind);
    let service = deployment.start_on_its_clock();
    let database = deployment.database();
    let done = submit_for_an_hour(&service, &small(2, 1));
    ends(&service, &done, 2, 0);
    let running = submit_for_an_hour(&service, &large(6));
    until("pictures are at work", || super::jobs::claimed(&database) > 0);
    for days in [1, -1, 0, 3] {
        deployment.clock().set_off_by(days * DAY);
        janitor_passes(&database);
        assert!(has_ended(&status(&service, &done)), "its hour is not over, {days} days off");
    }
    ends(&service, &running, 6, 0);
    assert_eq!(super::ledger::figure(&service, "job_leases_expired_total"), Some(0.0));
    all_is_well(&[&service], &database);
}

#[test]
fn results_outlive_a_clock_that_jumps() {
    beside_each_other([Kind::Embedded, Kind::Postgres], results_stay);
}

#[test]
fn results_in_sqlite_outlive_a_start_on_a_clock_that_is_ahead() {
    let deployment = Deployment::new(Kind::Embedded);
    let service = deployment.start_on_its_clock();
    let job = submit_for_an_hour(&service, &small(2, 1));
    ends(&service, &job, 2, 0);
    assert_eq!(service.stop(), Some(0));
    deployment.clock().set_off_by(DAY);
    let service = deployment.start_on_its_clock();
    let database = deployment.database();
    janitor_passes(&database);
    assert!(has_ended(&status(&service, &job)), "its hour is not over");
    // And the clock is put right while the service runs.
    deployment.clock().set_off_by(0);
    janitor_passes(&database);
    assert!(has_ended(&status(&service, &job)));
    all_is_well(&[&service], &database);
}

#[test]
fn a_webhook_that_waits_for_its_next_try_does_not_wait_for_a_clock_that_went_back() {
    let receiver = Receiver::start(|number, _| Reply::status(if number == 0 { 500 } else { 204 }));
    let deployment = Deployment::new(Kind::Embedded).with(&[
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &receiver.port().to_string()),
        ("HUEMILL__WEBHOOKS__SCHEDULE_SECONDS", "0,3,3,3"),
    ]);
    let service = deployment.start_on_its_clock();
    let job = submit_form(&service, || form(&small(1, 1)).text("callback_url", receiver.url("/")));
    until("the first try failed", || receiver.requests().len() == 1);
    deployment.clock().set_off_by(-DAY);
    until("the second comes all the same", || receiver.requests().len() == 2);
    ends(&service, &job, 1, 0);
    all_is_well(&[&service], &deployment.database());
}
