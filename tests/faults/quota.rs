//! The room for blobs: what is deleted, or was never accepted, gives its bytes back at once, not with the next
//! measurement a minute later.

use std::time::{Duration, Instant};

use super::deployment::{Deployment, Kind};
use super::jobs::{client, delete, ends, form, noise};
use super::{all_is_well, beside_each_other, until};

/// Room for a dozen of these pictures and their cards.
const LIMIT: &str = "20000000";
const WIDTH: u32 = 800;

/// Well before the next measurement.
const SOON: Duration = Duration::from_secs(20);

fn gives_back_what_goes(kind: Kind) {
    let deployment = Deployment::new(kind).with(&[("HUEMILL__JOBS__BLOB_LIMIT_BYTES", LIMIT)]);
    let service = deployment.start();
    let (client, picture) = (client(), noise(WIDTH, 1));
    let mut sent = 0;
    // Twice as much as there is room for, one job at a time.
    while sent < 2 * LIMIT.parse::<usize>().unwrap() {
        let deadline = Instant::now() + SOON;
        let job = loop {
            let form = form(std::slice::from_ref(&picture));
            let answer = client.post(service.url("/jobs")).multipart(form).send().unwrap();
            if answer.status() == 202 {
                break answer.json::<serde_json::Value>().unwrap()["job_id"].as_str().unwrap().to_owned();
            }
            assert_eq!(answer.status(), 503);
            assert!(Instant::now() < deadline, "after {sent} bytes there is no room, though all is deleted");
            std::thread::sleep(Duration::from_millis(50));
        };
        sent += picture.len();
        ends(&service, &job, 1, 0);
        delete(&service, &job);
        until("its blobs are gone", || !deployment.blobs().iter().any(|key| key.contains(&job)));
    }
    all_is_well(&[&service], &deployment.database());
}

#[test]
fn there_is_room_again_that_deleted_jobs_took() {
    beside_each_other([Kind::Embedded, Kind::PostgresAndBucket], gives_back_what_goes);
}

#[test]
fn there_is_room_again_that_jobs_took_which_failed_after_their_upload() {
    let deployment = Deployment::new(Kind::Embedded).with(&[
        ("HUEMILL__JOBS__BLOB_LIMIT_BYTES", "12000000"),
        // Of a write that failed it is not known whether it counts: its blobs are an orphan's.
        ("HUEMILL__JOBS__ORPHAN_SECONDS", "2"),
    ]);
    let service = deployment.start();
    let database = deployment.database();
    let pictures = vec![noise(1600, 1)];
    // The store is locked: the upload is stored, and then not accepted. Once there is no room for it any more, it
    // is refused at once.
    for _ in 0..3 {
        let lock = database.hold("BEGIN IMMEDIATE");
        let answer = client().post(service.url("/jobs")).multipart(form(&pictures)).send().unwrap();
        assert_eq!(answer.status(), 503);
        drop(lock);
    }
    let deadline = Instant::now() + SOON;
    loop {
        let answer = client().post(service.url("/jobs")).multipart(form(&pictures)).send().unwrap();
        if answer.status() == 202 {
            break;
        }
        assert!(Instant::now() < deadline, "there is no room, though nothing was accepted");
        std::thread::sleep(Duration::from_millis(50));
    }
    all_is_well(&[&service], &database);
}
