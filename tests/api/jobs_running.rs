//! The results of a job while it runs: windows of the pictures that are settled, the same as in its body when it has ended.

use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use crate::answers::photo;
use crate::job_requests::{
    accepted, album, ended, id, path_of, paused, post_zip, spawn as spawn_operated, zip_form,
};
use crate::key_requests;
use crate::test_server::{TestServer, answer, ok, spawn};
use crate::test_service::{TestService, assert_problem};

/// Holds the answers to some requests until it is opened.
#[derive(Clone, Default)]
struct Barrier(Arc<(Mutex<bool>, Condvar)>);

impl Barrier {
    fn wait(&self) {
        let (is_open, changed) = &*self.0;
        drop(changed.wait_while(is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
    }

    fn open(&self) {
        let (is_open, changed) = &*self.0;
        *is_open.lock().unwrap() = true;
        changed.notify_all();
    }
}

fn window(service: &TestService, job: &str, query: &str) -> Value {
    let answer = service.get(&format!("/jobs/{job}/results{query}"));
    assert_eq!(answer.status(), 200, "{query}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    answer.json().unwrap()
}

fn indexes(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|picture| picture["index"].as_u64().unwrap()).collect()
}

/// The body of a job that has ended, with links to its cards.
fn linked(service: &TestService, job: &str) -> Value {
    ended(service, job);
    service.get(&format!("/jobs/{job}?cards=url")).json().unwrap()
}

#[test]
fn the_pictures_that_are_settled_are_there_while_others_are_in_work() {
    let barrier = Barrier::default();
    let held = barrier.clone();
    let server = TestServer::start(move |path| match path.as_bytes()[1] {
        b's' => {
            held.wait();
            ok(&photo("png"))
        }
        b'n' => answer("404 Not Found", "", b""),
        _ => ok(&photo("png")),
    });
    let service = spawn(&[server.port()], &[]);
    let urls = ["/slow-0", "/1.png", "/no-2", "/3.png", "/slow-4", "/5.png"].map(|path| server.url(path));
    let body = accepted(service.post("/jobs").json(&json!({ "urls": urls })).send().unwrap());
    let job = id(&body);
    service.wait_for("all but the slow pictures are settled", |service| {
        let all = window(service, job, "");
        all["results"].as_array().unwrap().len() + all["failed"].as_array().unwrap().len() == 4
    });
    let all = window(&service, job, "");
    assert_eq!((&all["job_id"], &all["status"]), (&json!(job), &json!("processing")));
    assert_eq!((indexes(&all["results"]), indexes(&all["failed"])), (vec![1, 3, 5], vec![2]));
    assert_eq!((&all["total"], &all["next"]), (&json!(6), &Value::Null));
    for (query, results, failed, next) in [
        ("?limit=2", vec![1], vec![], json!(2)),
        ("?from=2&limit=2", vec![3], vec![2], json!(4)),
        ("?from=4&limit=1", vec![], vec![], json!(5)),
        ("?from=4&limit=2", vec![5], vec![], Value::Null),
        ("?from=6", vec![], vec![], Value::Null),
    ] {
        let some = window(&service, job, query);
        assert_eq!((indexes(&some["results"]), indexes(&some["failed"])), (results, failed), "{query}");
        assert_eq!(some["next"], next, "{query}");
    }
    let status: Value = service.get(&format!("/jobs/{job}")).json().unwrap();
    assert_eq!((&status["total"], status.get("results")), (&json!(6), None), "{status}");
    let card = service.get(&path_of(&service, &all["results"][0]["social_image"]));
    assert_eq!(
        (card.status().as_u16(), &card.headers()["content-type"]),
        (200, &"image/png".parse().unwrap())
    );

    barrier.open();
    let whole = linked(&service, job);
    assert_eq!(indexes(&whole["results"]), [0, 1, 3, 4, 5]);
    let seen = |at: usize| &all["results"][at];
    assert_eq!((&whole["results"][1], &whole["results"][2]), (seen(0), seen(1)));
    let all = window(&service, job, "");
    assert_eq!((&all["results"], &all["failed"]), (&whole["results"], &whole["failed"]));
    assert_eq!(whole.get("total"), None);
    service.assert_healthy();
}

#[test]
fn the_windows_of_a_job_that_has_ended_are_its_results_in_parts() {
    let service = spawn_operated();
    let body = accepted(post_zip(&service, album(5, 2)).send().unwrap());
    let job = id(&body);
    let whole = linked(&service, job);
    let (mut results, mut failed, mut from) = (Vec::new(), Vec::new(), json!(0));
    while !from.is_null() {
        let some = window(&service, job, &format!("?from={from}&limit=3"));
        assert_eq!((&some["status"], &some["total"]), (&json!("completed"), &json!(7)));
        results.extend(some["results"].as_array().unwrap().clone());
        failed.extend(some["failed"].as_array().unwrap().clone());
        from = some["next"].clone();
    }
    assert_eq!((json!(results), json!(failed)), (whole["results"].clone(), whole["failed"].clone()));
    assert_eq!((results.len(), failed.len()), (5, 2));
    for query in ["?from=-1", "?from=x", "?limit=0", "?limit=101", "?from=0&from=1"] {
        let answer = service.get(&format!("/jobs/{job}/results{query}"));
        assert_problem(answer, 400, "INVALID_INPUT");
    }
}

#[test]
fn cards_are_links_also_where_the_body_embeds_them_and_null_where_there_are_none() {
    let service = spawn_operated();
    let body = accepted(post_zip(&service, album(1, 0)).send().unwrap());
    let embedded = ended(&service, id(&body));
    assert!(embedded["results"][0]["social_image"].as_str().unwrap().starts_with("data:"));
    let some = window(&service, id(&body), "");
    assert_eq!(service.get(&path_of(&service, &some["results"][0]["social_image"])).status(), 200);
    let form = zip_form(album(1, 0)).text("card", "none");
    let bare = accepted(service.post("/jobs").multipart(form).send().unwrap());
    ended(&service, id(&bare));
    assert_eq!(window(&service, id(&bare), "")["results"][0]["social_image"], Value::Null);
}

#[test]
fn a_job_without_results_has_failures_or_nothing_in_its_windows() {
    let service = spawn_operated();
    let broken = accepted(post_zip(&service, album(0, 2)).send().unwrap());
    let whole = ended(&service, id(&broken));
    let some = window(&service, id(&broken), "");
    assert_eq!((&some["status"], &some["results"]), (&json!("failed"), &json!([])));
    assert_eq!(some["failed"], whole["failed"]);

    let (service, job) = paused(2);
    let waiting = window(&service, &job, "");
    let nothing = |status: &str| {
        let (none, next): ([u8; 0], Option<u32>) = ([], None);
        json!({"job_id": job, "status": status, "results": none, "failed": none, "total": 2, "next": next})
    };
    assert_eq!(waiting, nothing("queued"));
    assert_eq!(service.post(&format!("/jobs/{job}/cancel")).send().unwrap().status(), 202);
    assert_eq!(window(&service, &job, ""), nothing("canceled"));
    let path = format!("/jobs/{job}");
    assert_eq!(service.client.delete(service.url(&path)).send().unwrap().status(), 204);
    assert_problem(service.get(&format!("{path}/results")), 404, "EXPIRED_JOB");
}

#[test]
fn a_key_sees_the_results_of_its_own_jobs() {
    let service = key_requests::spawn();
    let scopes = ["jobs:read", "jobs:write"];
    let own = key_requests::key(&service, &scopes);
    let job = key_requests::ended_job(&service, &own);
    let path = format!("/jobs/{}/results", id(&job));
    let get = |key: &str| key_requests::get(&service, &path, key);
    let some: Value = get(&own).json().unwrap();
    assert_eq!(indexes(&some["results"]), [0]);
    // An image sends no key: the link is enough.
    assert_eq!(service.get(&path_of(&service, &some["results"][0]["social_image"])).status(), 200);
    assert_problem(get(&key_requests::key(&service, &scopes)), 404, "JOB_NOT_FOUND");
    assert_problem(get(&key_requests::key(&service, &["jobs:write"])), 403, "FORBIDDEN");
    assert_problem(service.get(&path), 401, "UNAUTHORIZED");
}
