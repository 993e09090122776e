//! A picture that kills the process each time: the service gives it up, and the other pictures get their results.

use crate::fast_settings;
use crate::support::database::Database;
use crate::support::http::{job_status, metric, submit};
use crate::support::pictures::noise_png;
use crate::support::service::Service;
use crate::support::wait_until;

/// A progressive JPEG of 49 megapixels: a small file that takes long.
fn slow_picture() -> Vec<u8> {
    let pixels: Vec<u8> = (0..7000 * 7000_u32).map(|n| (n.wrapping_mul(n) >> 13) as u8).collect();
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 60);
    encoder.set_progressive(true);
    encoder.encode(&pixels, 7000, 7000, jpeg_encoder::ColorType::Luma).unwrap();
    bytes
}

/// The process that has claimed the first picture, and no other, and works on it. A process that was killed has its
/// claim until its lease runs out, and a claim of the dead says nothing about the work of the living.
fn alone_at_work(service: &Service, database: &Database, killed: &[String]) -> Option<String> {
    let claimed = database.texts("SELECT number || ' ' || owner FROM items WHERE state = 'claimed'");
    let [claim] = claimed.as_slice() else { return None };
    let owner = claim.strip_prefix("0 ")?.to_owned();
    let busy = metric(service, "worker_slots_busy").is_some_and(|busy| busy > 0.0);
    (busy && !killed.contains(&owner)).then_some(owner)
}

#[test]
fn the_service_gives_up_a_picture_that_kills_the_process_and_completes_the_others() {
    let data = tempfile::tempdir().unwrap();
    let environment = fast_settings();
    let mut service = Service::start(data.path(), &environment);
    let database = Database::in_directory(data.path());
    let job = submit(&service, &[slow_picture(), noise_png(64, 1), noise_png(65, 2), noise_png(66, 3)]);

    let mut killed = Vec::new();
    let body = loop {
        let (mut body, mut owner) = (serde_json::Value::Null, None);
        wait_until("the job ends, or only the slow picture is at work", || {
            body = job_status(&service, &job);
            owner = alone_at_work(&service, &database, &killed);
            body["status"] == "completed" || owner.is_some()
        });
        let Some(owner) = owner else { break body };
        service.kill();
        killed.push(owner);
        assert!(killed.len() < 20, "the service never gives the picture up");
        service = Service::start(data.path(), &environment);
    };
    assert!(killed.len() >= 3, "the service gave the picture up after {} deaths", killed.len());
    assert_eq!((&body["results_count"], &body["failed_count"]), (&3.into(), &1.into()), "{body}");
    assert_eq!(body["failed"][0]["filename"], "0.png");
    assert_eq!(body["failed"][0]["error_code"], "INTERNAL_ERROR");
    // Events are counted and logged a moment after the job has ended.
    wait_until("it is counted", || metric(&service, "job_images_given_up_total") == Some(1.0));
    wait_until("it is logged", || service.logged("picture_settled").iter().any(|line| line["picture"] == 0));
    let failed: Vec<_> =
        service.logged("picture_settled").into_iter().filter(|line| line["picture"] == 0).collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!((&failed[0]["level"], &failed[0]["outcome"]), (&"error".into(), &"failed".into()));
    assert_eq!((&failed[0]["job_id"], &failed[0]["request_id"]), (&job.into(), &body["request_id"]));
}
