//! One blob that cannot be removed: it is passed over and tried again, and all others go.

use super::deployment::{Deployment, Kind};
use super::jobs::{delete, ends, small, submit};
use super::permissions::Mode;
use super::{all_is_well, beside_each_other, until};

fn others_go_past_it(kind: Kind) {
    let deployment = Deployment::new(kind);
    let service = deployment.start();
    let jobs: Vec<_> = (0..4).map(|seed| submit(&service, &small(2, seed))).collect();
    for job in &jobs {
        ends(&service, job, 2, 0);
    }
    let blobs_of = |job: &str| deployment.blobs().into_iter().filter(|key| key.contains(job)).count();
    until("the inputs are gone", || jobs.iter().all(|job| blobs_of(job) == 2));

    // The oldest, so that it is the first in any order.
    let stuck = &jobs[0];
    let locked = stick(&deployment, stuck);
    for job in &jobs {
        delete(&service, job);
    }
    until("the blobs of all others go", || jobs[1..].iter().all(|job| blobs_of(job) == 0));
    // What ends later is cleared away as well.
    let later = submit(&service, &small(3, 9));
    ends(&service, &later, 3, 0);
    until("the inputs of a later job go", || blobs_of(&later) == 3);
    assert_eq!(blobs_of(stuck), 2);
    all_is_well(&[&service], &deployment.database());

    drop(locked);
    if let Some(bucket) = deployment.bucket() {
        bucket.set(super::bucket_proxy::Trouble::default());
    }
    until("once it can be removed, it is", || blobs_of(stuck) == 0);
}

/// From now on the blobs of this job cannot be removed.
fn stick(deployment: &Deployment, job: &str) -> Option<Mode> {
    if let Some(bucket) = deployment.bucket() {
        bucket.change(|trouble| trouble.undeletable.push(job.to_owned()));
        return None;
    }
    let keys = deployment.blobs();
    let key = keys.iter().find(|key| key.contains(job)).unwrap();
    Mode::read_only(deployment.blob_file(key).parent().unwrap())
}

#[test]
fn a_blob_that_cannot_be_removed_holds_up_no_other() {
    beside_each_other(Kind::ALL, others_go_past_it);
}
