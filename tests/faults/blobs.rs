//! One blob that the service cannot read or remove: only its own picture or job suffers, all others go on.

use serde_json::Value;

use crate::support::bucket_proxy::BucketFaults;
use crate::support::consistency::assert_consistent;
use crate::support::deployment::{Deployment, Kind};
use crate::support::http::{assert_job_ends, client, delete_job, job_status, submit, submit_and_before_work};
use crate::support::permissions::ChangedMode;
use crate::support::pictures::small_pngs;
use crate::support::{run_in_parallel, wait_until};

/// The number of the unreadable picture in its job. The other jobs have fewer pictures.
const UNREADABLE: &str = "/in/7";

/// Makes reads of the blob fail whose key ends so.
fn make_unreadable(deployment: &Deployment, end: &str, keys: &[String]) -> Option<ChangedMode> {
    if let Some(bucket) = deployment.bucket() {
        bucket.change(|faults| faults.unreadable.push(end.to_owned()));
        return None;
    }
    let key = keys.iter().find(|key| key.ends_with(end)).unwrap();
    ChangedMode::unreadable(&deployment.blob_file(key))
}

fn assert_only_the_unreadable_picture_fails(kind: Kind) {
    if kind.skips() {
        return;
    }
    let deployment = Deployment::new(kind).with(&[
        // The attempts are far enough apart for the other jobs to end in between.
        ("HUEMILL__JOBS__RETRY_BASE_MS", "2000"),
        ("HUEMILL__JOBS__MAX_ATTEMPTS", "5"),
    ]);
    let service = deployment.start();
    let (job, changed_mode) = submit_and_before_work(&deployment, &service, &small_pngs(8, 1), |inputs| {
        make_unreadable(&deployment, UNREADABLE, inputs)
    });
    let others: Vec<_> = (2..6).map(|seed| submit(&service, &small_pngs(5, seed))).collect();
    for other in &others {
        assert_job_ends(&service, other, 5, 0);
    }
    assert_job_ends(&service, &job, 7, 1);
    let finished_at = |job: &str| job_status(&service, job)["finished_at"].as_i64().unwrap();
    for other in &others {
        assert!(
            finished_at(other) <= finished_at(&job),
            "another job waited for the retries of the unreadable picture"
        );
    }
    let body = job_status(&service, &job);
    assert_eq!(body["failed"][0]["filename"], "7.png", "{body}");
    let paused = service.logged("dispatch_paused");
    assert!(paused.is_empty(), "one unreadable picture paused all work: {paused:?}");
    assert_consistent(&[&service], &deployment.database());
    drop(changed_mode);
}

#[test]
fn an_unreadable_input_fails_only_its_own_picture() {
    run_in_parallel(Kind::ALL, assert_only_the_unreadable_picture_fails);
}

fn assert_other_results_are_returned(kind: Kind) {
    if kind.skips() {
        return;
    }
    let deployment = Deployment::new(kind);
    let service = deployment.start();
    let job = submit(&service, &small_pngs(3, 1));
    assert_job_ends(&service, &job, 3, 0);
    let changed_mode = make_unreadable(&deployment, "/out/1.png", &deployment.blobs());

    let answer = client().get(service.url(&format!("/jobs/{job}?cards=inline"))).send().unwrap();
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().unwrap();
    let card = |number: usize| body["results"][number]["social_image"].as_str().unwrap().to_owned();
    assert!(card(0).starts_with("data:image/png;base64,") && card(2).starts_with("data:"), "{body}");
    assert!(card(1).ends_with("/cards/1"), "{body}");
    let card_status = || {
        let url = service.url(&format!("/jobs/{job}/results/1/card"));
        client().get(url).send().unwrap().status().as_u16()
    };
    assert_eq!(card_status(), 503, "an error is expected, not a body that is cut short");

    drop(changed_mode);
    if let Some(bucket) = deployment.bucket() {
        bucket.set(BucketFaults::default());
    }
    assert_eq!(card_status(), 200);
}

#[test]
fn an_unreadable_card_does_not_hide_the_other_results() {
    run_in_parallel(Kind::ALL, assert_other_results_are_returned);
}

fn assert_other_blobs_are_removed(kind: Kind) {
    if kind.skips() {
        return;
    }
    let deployment = Deployment::new(kind);
    let service = deployment.start();
    let jobs: Vec<_> = (0..4).map(|seed| submit(&service, &small_pngs(2, seed))).collect();
    for job in &jobs {
        assert_job_ends(&service, job, 2, 0);
    }
    let blobs_of = |job: &str| deployment.blobs().into_iter().filter(|key| key.contains(job)).count();
    wait_until("the inputs are removed", || jobs.iter().all(|job| blobs_of(job) == 2));

    // The oldest job comes first in any order of removal.
    let stuck = &jobs[0];
    let changed_mode = make_undeletable(&deployment, stuck);
    for job in &jobs {
        delete_job(&service, job);
    }
    wait_until("the blobs of all other jobs are removed", || jobs[1..].iter().all(|job| blobs_of(job) == 0));
    // The service also removes the inputs of a job that ends later.
    let later = submit(&service, &small_pngs(3, 9));
    assert_job_ends(&service, &later, 3, 0);
    wait_until("the inputs of a later job are removed", || blobs_of(&later) == 3);
    assert_eq!(blobs_of(stuck), 2);
    assert_consistent(&[&service], &deployment.database());

    drop(changed_mode);
    if let Some(bucket) = deployment.bucket() {
        bucket.set(BucketFaults::default());
    }
    wait_until("the blobs are removed once this is possible", || blobs_of(stuck) == 0);
}

/// Makes the removal of this job's blobs fail.
fn make_undeletable(deployment: &Deployment, job: &str) -> Option<ChangedMode> {
    if let Some(bucket) = deployment.bucket() {
        bucket.change(|faults| faults.undeletable.push(job.to_owned()));
        return None;
    }
    let keys = deployment.blobs();
    let key = keys.iter().find(|key| key.contains(job)).unwrap();
    ChangedMode::read_only(deployment.blob_file(key).parent().unwrap())
}

#[test]
fn a_blob_that_cannot_be_removed_blocks_no_other_removal() {
    run_in_parallel(Kind::ALL, assert_other_blobs_are_removed);
}
