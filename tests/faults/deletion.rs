//! A job that a client deletes at one process is gone at the others too, even for polls with its entity tag.

use reqwest::header::{ETAG, IF_NONE_MATCH};

use crate::support::consistency::assert_consistent;
use crate::support::deployment::{Deployment, Kind};
use crate::support::http::{assert_job_ends, client, delete_job, submit};
use crate::support::pictures::small_pngs;
use crate::support::servers::require;
use crate::support::wait_until;

#[test]
fn a_deleted_job_is_gone_at_every_process() {
    require!(PostgreSql);
    let deployment = Deployment::new(Kind::Postgres);
    let services = [deployment.start(), deployment.start()];
    let job = submit(&services[0], &small_pngs(2, 1));
    let client = client();
    let path = format!("/jobs/{job}");
    // Both processes know the job in its final state.
    let tags = services.each_ref().map(|service| {
        assert_job_ends(service, &job, 2, 0);
        let answer = client.get(service.url(&path)).send().unwrap();
        answer.headers()[ETAG].clone()
    });
    for (service, tag) in services.iter().zip(&tags) {
        let answer = client.get(service.url(&path)).header(IF_NONE_MATCH, tag).send().unwrap();
        assert_eq!(answer.status(), 304);
    }
    delete_job(&services[0], &job);
    for (service, tag) in services.iter().zip(&tags) {
        wait_until("a poll with the entity tag is answered 404", || {
            let answer = client.get(service.url(&path)).header(IF_NONE_MATCH, tag).send().unwrap();
            answer.status() == 404
        });
        let answer = client.get(service.url(&path)).send().unwrap();
        assert_eq!(answer.status(), 404);
    }
    assert_consistent(&services.iter().collect::<Vec<_>>(), &deployment.database());
}

#[test]
fn a_job_that_is_deleted_while_clients_poll_it_answers_200_and_then_404() {
    let deployment = Deployment::new(Kind::Embedded);
    let service = deployment.start();
    for seed in 0..20 {
        let job = submit(&service, &small_pngs(4, seed));
        assert_job_ends(&service, &job, 4, 0);
        let url = service.url(&format!("/jobs/{job}"));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let client = client();
                    let mut status = 200;
                    while status == 200 {
                        let answer = client.get(&url).send().unwrap();
                        status = answer.status().as_u16();
                        // The body may break off, since the cards are removed with the job.
                        let _ = answer.bytes();
                    }
                    assert_eq!(status, 404);
                });
            }
            std::thread::sleep(std::time::Duration::from_millis(u64::from(seed)));
            delete_job(&service, &job);
        });
    }
    // What a client causes is no error of the service.
    assert_eq!(service.logged("answer_broken"), Vec::<serde_json::Value>::new());
    assert_consistent(&[&service], &deployment.database());
}
