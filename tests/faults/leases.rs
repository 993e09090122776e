//! A store that does not answer, or whose answers are lost: pictures that nothing works on are taken back, whatever
//! else the process is busy with.

use std::time::Duration;

use super::deployment::{Deployment, Kind};
use super::jobs::{SlowServer, claimed, ends, large, submit};
use super::proxy::{Mode, Proxy};
use super::{all_is_well, beside_each_other, until};

/// Longer than a lease, than the store is waited for, and than a settled picture is tried again.
const LONG: Duration = Duration::from_secs(13);
/// After it, claims are made again that paused for one failure.
const RECOVERY: Duration = Duration::from_millis(400);
/// Longer than a lease and than SQLite waits for a lock, once.
const ONE_WAIT: Duration = Duration::from_secs(5);

#[test]
fn a_file_that_is_locked_for_longer_than_a_lease_leaves_no_picture_behind() {
    let deployment = Deployment::new(Kind::Embedded);
    let service = deployment.start();
    let database = deployment.database();
    for time in [ONE_WAIT, LONG, ONE_WAIT] {
        let job = submit(&service, &large(6));
        until("pictures are at work", || claimed(&database) > 0);
        let lock = database.hold("BEGIN IMMEDIATE");
        std::thread::sleep(time);
        drop(lock);
        ends(&service, &job, 6, 0);
    }
    all_is_well(&[&service], &database);
}

/// A process that is busy all the while with a download loses touch with PostgreSQL while it works.
fn nothing_is_left_behind_by(fault: impl FnOnce(&Proxy)) {
    let server = SlowServer::start();
    let deployment = server.reached_from(Deployment::new(Kind::Postgres));
    let service = deployment.start();
    let database = deployment.database();
    let slow = server.holds_up(&service);
    let job = submit(&service, &large(30));
    until("pictures are at work beside the download", || claimed(&database) > 1);
    fault(deployment.network().unwrap());
    // The download still holds: nothing may depend on the process having nothing else to do.
    ends(&service, &job, 30, 0);
    server.open();
    ends(&service, &slow, 1, 0);
    all_is_well(&[&service], &database);
}

/// No byte comes through, in either direction.
fn silence(network: &Proxy) {
    network.set(Mode::Hold);
    std::thread::sleep(LONG);
    network.set(Mode::Pass);
}

/// Results and heartbeats commit, and the claim that follows a result: now the one is lost, now the other.
fn lost_commits(network: &Proxy) {
    for passing in [1, 0, 2].into_iter().cycle().take(15) {
        network.lose_commits(passing, 1);
        until("a commit was lost", || network.commits_to_lose() == 0);
        std::thread::sleep(RECOVERY);
    }
}

#[test]
fn silence_and_lost_replies_leave_no_picture_behind() {
    type Fault = fn(&Proxy);
    let faults: [(&str, Fault); 3] =
        [("silence", silence), ("lost commits", lost_commits), ("lost replies", Proxy::lose_replies)];
    beside_each_other(faults, |(_, fault)| nothing_is_left_behind_by(fault));
}

#[test]
fn a_process_that_is_stopped_while_replies_are_lost_comes_to_an_end() {
    let deployment = Deployment::new(Kind::Postgres);
    let service = deployment.start();
    let job = submit(&service, &large(8));
    until("pictures are at work", || claimed(&deployment.database()) > 1);
    deployment.network().unwrap().lose_replies();
    assert_eq!(service.stop(), Some(0));
    let heir = deployment.start();
    ends(&heir, &job, 8, 0);
    all_is_well(&[&heir], &deployment.database());
}

#[test]
fn a_process_whose_connections_are_dead_stops_when_it_is_told_to() {
    let deployment = Deployment::new(Kind::Postgres)
        .with(&[("HUEMILL__SERVER__DRAIN_SECONDS", "2"), ("HUEMILL__JOBS__REST_SECONDS", "2")]);
    let service = deployment.start();
    let database = deployment.database();
    let job = submit(&service, &large(30));
    until("pictures are at work", || claimed(&database) > 0);
    deployment.network().unwrap().forget();
    assert_eq!(service.stop(), Some(0));
    // What it could not give back is taken from it.
    let service = deployment.start();
    ends(&service, &job, 30, 0);
    all_is_well(&[&service], &database);
}
