//! One input that cannot be read: its picture fails for itself, after its attempts. Its neighbours do not wait. One card
//! that cannot be read: the other results of its job are there.

use serde_json::Value;

use super::deployment::{Deployment, Kind};
use super::jobs::{client, ends, has_ended, small, status, submit, submit_and_before_work};
use super::permissions::Mode;
use super::{all_is_well, beside_each_other};

/// The number of the refused picture in its job; its neighbours' jobs have fewer.
const REFUSED: &str = "/in/7";

/// From now on the one of these blobs whose key ends so cannot be read.
fn make_unreadable(deployment: &Deployment, end: &str, keys: &[String]) -> Option<Mode> {
    if let Some(bucket) = deployment.bucket() {
        bucket.change(|trouble| trouble.unreadable.push(end.to_owned()));
        return None;
    }
    let key = keys.iter().find(|key| key.ends_with(end)).unwrap();
    Mode::unreadable(&deployment.blob_file(key))
}

fn is_failed_alone(kind: Kind) {
    let deployment = Deployment::new(kind).with(&[
        // Long enough apart for the neighbours to come in between.
        ("HUEMILL__JOBS__RETRY_BASE_MS", "1000"),
        ("HUEMILL__JOBS__MAX_ATTEMPTS", "5"),
    ]);
    let service = deployment.start();
    let (job, refused) = submit_and_before_work(&deployment, &service, &small(8, 1), |inputs| {
        make_unreadable(&deployment, REFUSED, inputs)
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

fn leaves_the_other_results(kind: Kind) {
    let deployment = Deployment::new(kind);
    let service = deployment.start();
    let job = submit(&service, &small(3, 1));
    ends(&service, &job, 3, 0);
    let refused = make_unreadable(&deployment, "/out/1.png", &deployment.blobs());

    let answer = client().get(service.url(&format!("/jobs/{job}?cards=inline"))).send().unwrap();
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().unwrap();
    let card = |number: usize| body["results"][number]["social_image"].as_str().unwrap().to_owned();
    assert!(card(0).starts_with("data:image/png;base64,") && card(2).starts_with("data:"), "{body}");
    assert!(card(1).contains("/results/1/card"), "{body}");
    let answer = client().get(service.url(&format!("/jobs/{job}/results/1/card"))).send().unwrap();
    assert_eq!(answer.status(), 503, "an error, and not an answer that breaks off");

    drop(refused);
    if let Some(bucket) = deployment.bucket() {
        bucket.set(super::bucket_proxy::Trouble::default());
    }
    let answer = client().get(service.url(&format!("/jobs/{job}/results/1/card"))).send().unwrap();
    assert_eq!(answer.status(), 200);
}

#[test]
fn a_card_that_cannot_be_read_leaves_the_other_results() {
    beside_each_other(Kind::ALL, leaves_the_other_results);
}
