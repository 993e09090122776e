//! One input that cannot be read: its picture fails for itself, after its attempts. Its neighbours do not wait.

use super::deployment::{Deployment, Kind};
use super::jobs::{ends, has_ended, small, status, submit, submit_and_before_work};
use super::permissions::Mode;
use super::{all_is_well, beside_each_other};

/// The number of the refused picture in its job; its neighbours' jobs have fewer.
const REFUSED: &str = "/in/7";

fn is_failed_alone(kind: Kind) {
    let deployment = Deployment::new(kind).with(&[
        // Long enough apart for the neighbours to come in between.
        ("HUEMILL__JOBS__RETRY_BASE_MS", "1000"),
        ("HUEMILL__JOBS__MAX_ATTEMPTS", "5"),
    ]);
    let service = deployment.start();
    let (job, refused) = submit_and_before_work(&deployment, &service, &small(8, 1), |inputs| {
        if let Some(bucket) = deployment.bucket() {
            bucket.change(|trouble| trouble.unreadable.push(REFUSED.to_owned()));
            return None;
        }
        let key = inputs.iter().find(|key| key.ends_with(REFUSED)).unwrap();
        Mode::unreadable(&deployment.blob_file(key))
    });
    let neighbours: Vec<_> = (2..6).map(|seed| submit(&service, &small(5, seed))).collect();
    for neighbour in &neighbours {
        ends(&service, neighbour, 5, 0);
    }
    assert!(!has_ended(&status(&service, &job)), "it is tried again while its neighbours are done");
    ends(&service, &job, 7, 1);
    let body = status(&service, &job);
    assert_eq!(body["failed"][0]["filename"], "7.png", "{body}");
    let paused = service.logged("dispatch_paused");
    assert!(paused.is_empty(), "one picture is no reason to stop all: {paused:?}");
    all_is_well(&[&service], &deployment.database());
    drop(refused);
}

#[test]
fn an_input_that_cannot_be_read_fails_its_picture_alone() {
    beside_each_other(Kind::ALL, is_failed_alone);
}
