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

#[test]
fn a_job_that_is_deleted_while_it_is_read_is_there_or_gone() {
    let deployment = Deployment::new(Kind::Embedded);
    let service = deployment.start();
    for seed in 0..20 {
        let job = submit(&service, &small(4, seed));
        ends(&service, &job, 4, 0);
        let url = service.url(&format!("/jobs/{job}"));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let client = client();
                    let mut status = 200;
                    while status == 200 {
                        let answer = client.get(&url).send().unwrap();
                        status = answer.status().as_u16();
                        // Its body may break off: cards go with the job.
                        let _ = answer.bytes();
                    }
                    assert_eq!(status, 404);
                });
            }
            std::thread::sleep(std::time::Duration::from_millis(u64::from(seed)));
            delete(&service, &job);
        });
    }
    all_is_well(&[&service], &deployment.database());
}
