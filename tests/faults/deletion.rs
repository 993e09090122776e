//! A job that is deleted in one process is gone in the others too, also for those who ask with its entity tag.

use reqwest::header::{ETAG, IF_NONE_MATCH};

use super::deployment::{Deployment, Kind};
use super::jobs::{client, delete, ends, small, submit};
use super::{all_is_well, until};

#[test]
fn a_deleted_job_is_gone_in_every_process() {
    let deployment = Deployment::new(Kind::Postgres);
    let services = [deployment.start(), deployment.start()];
    let job = submit(&services[0], &small(2, 1));
    let client = client();
    let path = format!("/jobs/{job}");
    // Both know the job, as it is once it has ended.
    let tags = services.each_ref().map(|service| {
        ends(service, &job, 2, 0);
        let answer = client.get(service.url(&path)).send().unwrap();
        answer.headers()[ETAG].clone()
    });
    for (service, tag) in services.iter().zip(&tags) {
        let answer = client.get(service.url(&path)).header(IF_NONE_MATCH, tag).send().unwrap();
        assert_eq!(answer.status(), 304);
    }
    delete(&services[0], &job);
    for (service, tag) in services.iter().zip(&tags) {
        until("it is gone for those who know it", || {
            let answer = client.get(service.url(&path)).header(IF_NONE_MATCH, tag).send().unwrap();
            answer.status() == 404
        });
        let answer = client.get(service.url(&path)).send().unwrap();
        assert_eq!(answer.status(), 404);
    }
    all_is_well(&services.iter().collect::<Vec<_>>(), &deployment.database());
}
