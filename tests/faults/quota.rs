//! The limit of the blobs' bytes: deleted jobs and uploads that were not accepted free their bytes at once, not with the
//! next measurement a minute later.

use std::time::{Duration, Instant};

use crate::support::consistency::assert_consistent;
use crate::support::deployment::{Deployment, Kind};
use crate::support::http::{assert_job_ends, client, delete_job, images_form};
use crate::support::pictures::noise_png;
use crate::support::{run_in_parallel, wait_until};

/// Enough for a dozen of these pictures and their cards.
const LIMIT: &str = "20000000";
const WIDTH: u32 = 800;

/// Before the next measurement.
const DEADLINE: Duration = Duration::from_secs(45);

fn assert_deletion_frees_bytes(kind: Kind) {
    if kind.skips() {
        return;
    }
    let deployment = Deployment::new(kind).with(&[("HUEMILL__JOBS__BLOB_LIMIT_BYTES", LIMIT)]);
    let service = deployment.start();
    let (client, picture) = (client(), noise_png(WIDTH, 1));
    let mut sent = 0;
    // Sends twice as many bytes as the limit allows, one job at a time.
    while sent < 2 * LIMIT.parse::<usize>().unwrap() {
        let deadline = Instant::now() + DEADLINE;
        let job = loop {
            let form = images_form(std::slice::from_ref(&picture));
            let answer = client.post(service.url("/jobs")).multipart(form).send().unwrap();
            if answer.status() == 202 {
                break answer.json::<serde_json::Value>().unwrap()["job_id"].as_str().unwrap().to_owned();
            }
            assert_eq!(answer.status(), 503);
            assert!(
                Instant::now() < deadline,
                "after {sent} bytes the service has no room, though all jobs are deleted"
            );
            std::thread::sleep(Duration::from_millis(50));
        };
        sent += picture.len();
        assert_job_ends(&service, &job, 1, 0);
        delete_job(&service, &job);
        wait_until("the blobs of the job are removed", || {
            !deployment.blobs().iter().any(|key| key.contains(&job))
        });
    }
    assert_consistent(&[&service], &deployment.database());
}

#[test]
fn deleted_jobs_free_their_bytes() {
    run_in_parallel([Kind::Embedded, Kind::PostgresAndBucket], assert_deletion_frees_bytes);
}

#[test]
fn uploads_that_were_not_accepted_free_their_bytes() {
    let deployment = Deployment::new(Kind::Embedded).with(&[
        ("HUEMILL__JOBS__BLOB_LIMIT_BYTES", "12000000"),
        // The service cannot know whether a write counts that failed: its blobs become orphans.
        ("HUEMILL__JOBS__ORPHAN_SECONDS", "2"),
    ]);
    let service = deployment.start();
    let database = deployment.database();
    let pictures = vec![noise_png(1600, 1)];
    // While the store is locked, the service stores the upload and then cannot accept it. Once there is no room, the
    // service refuses the upload at once.
    for _ in 0..3 {
        let lock = database.hold("BEGIN IMMEDIATE");
        let answer = client().post(service.url("/jobs")).multipart(images_form(&pictures)).send().unwrap();
        assert_eq!(answer.status(), 503);
        drop(lock);
    }
    let deadline = Instant::now() + DEADLINE;
    loop {
        let answer = client().post(service.url("/jobs")).multipart(images_form(&pictures)).send().unwrap();
        if answer.status() == 202 {
            break;
        }
        assert!(Instant::now() < deadline, "the service has no room, though it has accepted no job");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_consistent(&[&service], &database);
}
