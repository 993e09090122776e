//! A shutdown in the middle of work: the service finishes or gives back the pictures in flight, and the next process
//! continues with the next picture.

use crate::fast_settings;
use crate::support::http::{job_status, metric, submit};
use crate::support::pictures::noise_png;
use crate::support::service::Service;
use crate::support::wait_until;

#[test]
fn a_shutdown_under_load_loses_no_picture_and_counts_no_attempt() {
    let data = tempfile::tempdir().unwrap();
    let mut environment = fast_settings();
    // The service has no time to finish: it must give back what is in flight.
    environment.push(("HUEMILL__JOBS__DRAIN_TIMEOUT_SECONDS".to_owned(), "0".to_owned()));
    // No lease expires because the machine is busy.
    environment.push(("HUEMILL__JOBS__LEASE_SECONDS".to_owned(), "60".to_owned()));
    let service = Service::start(data.path(), &environment);
    let job = submit(&service, &vec![noise_png(1800, 7); 12]);
    let progress = |service: &Service| job_status(service, &job)["progress"].as_u64();
    wait_until("some pictures are done", || progress(&service).unwrap_or(100) > 10);
    assert_eq!(service.stop(), Some(0));

    let service = Service::start(data.path(), &environment);
    let before = job_status(&service, &job);
    assert_eq!(before["status"], "processing", "{before}");
    assert!(before["progress"].as_u64().unwrap() > 10, "{before}");
    wait_until("the job is completed", || job_status(&service, &job)["status"] == "completed");
    assert_eq!(job_status(&service, &job)["results_count"], 12);
    let expired = metric(&service, "job_leases_expired_total").unwrap_or_default() as u64;
    assert_eq!(expired, 0, "the shutdown counted as a crash");
    let done = metric(&service, "images_processed_total{endpoint=\"/jobs\"}").unwrap_or_default();
    assert!(done < 12.0, "the second process started over: it did {done} pictures");
    assert_eq!(service.stop(), Some(0));
}
