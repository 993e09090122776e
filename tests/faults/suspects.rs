//! A process that dies beside another that is busy with a slow download: what it left behind is tried in a slot of the
//! other, without waiting for the download.

use super::deployment::{Deployment, Kind};
use super::jobs::{SlowServer, ends, has_ended, large, small, status, submit};
use super::{all_is_well, until};

#[test]
fn what_a_dead_process_left_does_not_wait_for_a_slow_download() {
    let server = SlowServer::start();
    let deployment = server.reached_from(Deployment::new(Kind::Postgres));
    let busy = deployment.start();
    let slow = server.holds_up(&busy);
    let fail_for_good = deployment.start();
    let job = submit(&fail_for_good, &large(12));
    let database = deployment.database();
    until("both processes are at work", || {
        database.count("SELECT count(DISTINCT owner) FROM items WHERE state = 'claimed'") == 2
            && super::ledger::figure(&fail_for_good, "worker_slots_busy").is_some_and(|busy| busy > 0.0)
    });
    fail_for_good.kill();
    ends(&busy, &job, 12, 0);
    // And work goes on as it did.
    let next = submit(&busy, &small(4, 1));
    ends(&busy, &next, 4, 0);
    assert!(!has_ended(&status(&busy, &slow)), "the download is still under way");
    server.open();
    ends(&busy, &slow, 1, 0);
    all_is_well(&[&busy], &database);
}
