//! A store that does not answer, or whose answers are lost: pictures that nothing works on are taken back, whatever
//! else the process is busy with.

use std::time::Duration;

use super::deployment::{Deployment, Kind};
use super::jobs::{SlowServer, claimed, ends, large, small, submit};
use super::proxy::{Mode, Proxy};
use super::service::Service;
use super::{all_is_well, until};

/// Longer than a lease, than the store is waited for, and than a settled picture is tried again.
const LONG: Duration = Duration::from_secs(13);

#[test]
fn a_file_that_is_locked_for_longer_than_a_lease_leaves_no_picture_behind() {
    let deployment = Deployment::new(Kind::Embedded);
    let service = deployment.start();
    let database = deployment.database();
    let job = submit(&service, &large(6));
    until("pictures are at work", || claimed(&database) > 0);
    let lock = database.hold("BEGIN IMMEDIATE");
    std::thread::sleep(LONG);
    drop(lock);
    ends(&service, &job, 6, 0);
    all_is_well(&[&service], &database);
}

/// A process that is busy all the while with a download loses touch with PostgreSQL while it works.
fn nothing_is_left_behind_by(fault: impl FnOnce(&Proxy, &Service)) {
    let server = SlowServer::start();
    let deployment = server.reached_from(Deployment::new(Kind::Postgres));
    let service = deployment.start();
    let database = deployment.database();
    let slow = server.holds_up(&service);
    let job = submit(&service, &large(8));
    until("pictures are at work beside the download", || claimed(&database) > 1);
    fault(deployment.network().unwrap(), &service);
    // The download still holds: nothing may depend on the process having nothing else to do.
    ends(&service, &job, 8, 0);
    server.open();
    ends(&service, &slow, 1, 0);
    all_is_well(&[&service], &database);
}

#[test]
fn silence_for_longer_than_a_lease_leaves_no_picture_behind() {
    nothing_is_left_behind_by(|network, _| {
        network.set(Mode::Hold);
        std::thread::sleep(LONG);
        network.set(Mode::Pass);
    });
}

#[test]
fn connections_whose_replies_are_lost_leave_no_picture_behind() {
    nothing_is_left_behind_by(|network, _| network.lose_replies());
}

#[test]
fn replies_to_commits_that_are_lost_leave_no_picture_behind() {
    nothing_is_left_behind_by(|network, service| {
        network.lose_commits(6);
        // Claims, results and heartbeats all commit; those of more jobs beside it as well.
        let client = super::jobs::client();
        until("so many commits were lost", || {
            let form = super::jobs::form(&small(1, 3));
            let answer = client.post(service.url("/jobs")).multipart(form).send().unwrap();
            assert!(matches!(answer.status().as_u16(), 202 | 503), "{answer:?}");
            network.commits_to_lose() == 0
        });
    });
}
