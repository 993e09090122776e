//! A store that does not answer or whose answers are lost, and processes that die: pictures that no process works on are
//! taken back, even while a process is busy with a slow download.

use std::time::Duration;

use crate::support::consistency::assert_consistent;
use crate::support::deployment::{Deployment, Kind};
use crate::support::http::{
    HeldServer, assert_job_ends, claimed_pictures, has_ended, job_status, metric, submit,
};
use crate::support::pictures::{large_pngs, small_pngs};
use crate::support::proxy::{Mode, Proxy};
use crate::support::servers::require;
use crate::support::{run_in_parallel, wait_until};

/// Longer than a lease, than the service waits for the store, and than it retries to settle a picture.
const LONG: Duration = Duration::from_secs(13);
/// After this time a process claims again, having paused because of one failure.
const RECOVERY: Duration = Duration::from_millis(400);
/// Longer than a lease, and than SQLite waits once for a lock.
const SHORT: Duration = Duration::from_secs(5);

#[test]
fn no_picture_is_lost_while_sqlite_is_locked_for_longer_than_a_lease() {
    let deployment = Deployment::new(Kind::Embedded);
    let service = deployment.start();
    let database = deployment.database();
    for time in [SHORT, LONG, SHORT] {
        let job = submit(&service, &large_pngs(6));
        wait_until("pictures are claimed", || claimed_pictures(&database) > 0);
        let lock = database.hold("BEGIN IMMEDIATE");
        std::thread::sleep(time);
        drop(lock);
        assert_job_ends(&service, &job, 6, 0);
    }
    assert_consistent(&[&service], &database);
}

/// Checks that a process which is busy with a download loses no picture when it loses its connection to PostgreSQL.
fn assert_no_picture_is_lost(fault: impl FnOnce(&Proxy)) {
    let server = HeldServer::start();
    let deployment = server.reached_from(Deployment::new(Kind::Postgres));
    let service = deployment.start();
    let database = deployment.database();
    let slow = server.hold_job(&service);
    let job = submit(&service, &large_pngs(30));
    wait_until("pictures are claimed beside the download", || claimed_pictures(&database) > 1);
    fault(deployment.network().unwrap());
    // The download still waits: the recovery must not depend on an idle process.
    assert_job_ends(&service, &job, 30, 0);
    server.release();
    assert_job_ends(&service, &slow, 1, 0);
    assert_consistent(&[&service], &database);
}

/// No byte passes in either direction.
fn silence(network: &Proxy) {
    network.set(Mode::Hold);
    std::thread::sleep(LONG);
    network.set(Mode::Pass);
}

/// Loses the replies to different commits: those of results, of heartbeats, and of claims after a result.
fn lost_commits(network: &Proxy) {
    for passing in [1, 0, 2].into_iter().cycle().take(15) {
        network.lose_commits(passing, 1);
        wait_until("the reply to a commit is lost", || network.commits_to_lose() == 0);
        std::thread::sleep(RECOVERY);
    }
}

#[test]
fn no_picture_is_lost_through_silence_and_lost_replies() {
    type Fault = fn(&Proxy);

    require!(PostgreSql);
    let faults: [(&str, Fault); 3] =
        [("silence", silence), ("lost commits", lost_commits), ("lost replies", Proxy::lose_replies)];
    run_in_parallel(faults, |(_, fault)| assert_no_picture_is_lost(fault));
}

#[test]
fn a_process_shuts_down_while_replies_are_lost() {
    require!(PostgreSql);
    let deployment = Deployment::new(Kind::Postgres);
    let service = deployment.start();
    let job = submit(&service, &large_pngs(8));
    wait_until("pictures are claimed", || claimed_pictures(&deployment.database()) > 1);
    deployment.network().unwrap().lose_replies();
    assert_eq!(service.stop(), Some(0));
    let successor = deployment.start();
    assert_job_ends(&successor, &job, 8, 0);
    assert_consistent(&[&successor], &deployment.database());
}

#[test]
fn pictures_of_a_dead_process_do_not_wait_for_the_slow_download_of_another() {
    require!(PostgreSql);
    let server = HeldServer::start();
    let deployment = server.reached_from(Deployment::new(Kind::Postgres));
    let busy = deployment.start();
    let slow = server.hold_job(&busy);
    let killed = deployment.start();
    let job = submit(&killed, &large_pngs(12));
    let database = deployment.database();
    wait_until("both processes are at work", || {
        database.count("SELECT count(DISTINCT owner) FROM items WHERE state = 'claimed'") == 2
            && metric(&killed, "worker_slots_busy").is_some_and(|busy| busy > 0.0)
    });
    killed.kill();
    assert_job_ends(&busy, &job, 12, 0);
    // Later jobs are processed too.
    let next = submit(&busy, &small_pngs(4, 1));
    assert_job_ends(&busy, &next, 4, 0);
    assert!(!has_ended(&job_status(&busy, &slow)), "the download has ended");
    server.release();
    assert_job_ends(&busy, &slow, 1, 0);
    assert_consistent(&[&busy], &database);
}

#[test]
fn a_process_whose_connections_are_dead_shuts_down() {
    require!(PostgreSql);
    let deployment = Deployment::new(Kind::Postgres)
        .with(&[("HUEMILL__SERVER__DRAIN_SECONDS", "2"), ("HUEMILL__JOBS__DRAIN_TIMEOUT_SECONDS", "2")]);
    let service = deployment.start();
    let database = deployment.database();
    let job = submit(&service, &large_pngs(30));
    wait_until("pictures are claimed", || claimed_pictures(&database) > 0);
    deployment.network().unwrap().forget();
    assert_eq!(service.stop(), Some(0));
    // Pictures that the process could not give back are taken over.
    let service = deployment.start();
    assert_job_ends(&service, &job, 30, 0);
    assert_consistent(&[&service], &database);
}
