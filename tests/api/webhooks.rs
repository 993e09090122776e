//! The operator's routes of webhooks: the list, and sending anew. What is sent is tested elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::app::{App, PATIENCE, assert_problem, wait};
use crate::cards::photo;
use crate::jobs_app::{OPERATOR, SECRET, Signing, accepted, ended, id};
use crate::site::{Site, answer, ok, spawn};

fn list(app: &App, query: &str) -> Response {
    app.client.get(app.url(&format!("/webhooks/deliveries{query}"))).bearer_auth(OPERATOR).send().unwrap()
}

fn rows(app: &App, query: &str) -> Vec<Value> {
    let body: Value = list(app, query).json().unwrap();
    body["deliveries"].as_array().unwrap_or_else(|| panic!("{body}")).clone()
}

fn redeliver(app: &App, id: &str) -> Response {
    app.post(&format!("/webhooks/deliveries/{id}/redeliver")).bearer_auth(OPERATOR).send().unwrap()
}

/// A job that has ended, whose end is told there.
fn told(app: &App, site: &Site, path: &str) -> String {
    let body = json!({"urls": [site.url("/a.png")], "callback_url": site.url(path)});
    let job = accepted(app.post("/jobs").json(&body).send().unwrap());
    ended(app, id(&job));
    id(&job).to_owned()
}

/// The job's delivery once it stands so.
fn stands(app: &App, job: &str, status: &str) -> Value {
    let row = || rows(app, &format!("?job_id={job}")).into_iter().find(|row| row["status"] == status);
    wait(PATIENCE, row).unwrap_or_else(|| panic!("{:?}", rows(app, "")))
}

/// Takes webhooks or says 410, as it is told.
fn receiver() -> (Site, Arc<AtomicBool>) {
    let takes = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&takes);
    let site = Site::open(move |path| match path {
        "/a.png" => ok(&photo("png")),
        _ if told.load(Ordering::SeqCst) => answer("202 Accepted", "", b"thank you"),
        _ => answer("410 Gone", "", b"no longer"),
    });
    (site, takes)
}

#[test]
fn deliveries_are_listed_with_their_tries_for_the_operator_alone() {
    let (site, takes) = receiver();
    let app = spawn(&[site.port()], &[]);
    let first = told(&app, &site, "/hook?key=hunter2");
    let taken = stands(&app, &first, "delivered");
    takes.store(false, Ordering::SeqCst);
    let second = told(&app, &site, "/hook?key=hunter2");
    let dead = stands(&app, &second, "dead");
    assert_eq!(dead["job_id"], second.as_str());
    assert_eq!(dead["host"], site.url(""));
    assert!(dead["next_attempt_at"].is_null() && dead["finished_at"].is_i64() && dead["created_at"].is_i64());
    let attempt = &dead["attempts"][0];
    assert_eq!(
        (&attempt["number"], &attempt["status_code"], &attempt["reason"], &attempt["answer"]),
        (&json!(1), &json!(410), &json!("gone"), &json!("no longer"))
    );
    assert!(attempt["at"].is_i64() && attempt["duration_ms"].is_u64(), "{attempt}");
    assert_eq!(
        (&taken["attempts"][0]["reason"], &taken["attempts"][0]["answer"]),
        (&Value::Null, &json!("thank you"))
    );
    let ids = |query: &str| rows(&app, query).iter().map(|row| row["job_id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(""), [second.as_str(), first.as_str()]);
    assert_eq!(ids("?status=dead"), [second.as_str()]);
    assert_eq!(ids("?status=pending"), [] as [&str; 0]);
    let page: Value = list(&app, "?limit=1").json().unwrap();
    let next = page["next_cursor"].as_str().unwrap();
    let last: Value = list(&app, &format!("?limit=1&cursor={next}")).json().unwrap();
    assert_eq!((&last["deliveries"][0]["job_id"], &last["next_cursor"]), (&json!(first), &Value::Null));
    for query in ["?status=done", "?limit=0", "?cursor=x", "?job_id=1", "?status=dead&status=dead"] {
        assert_problem(list(&app, query), 400, "INVALID_INPUT");
    }
    for path in ["/webhooks/deliveries", "/webhooks/deliveries?status=x"] {
        assert_problem(app.get(path), 401, "UNAUTHORIZED");
    }
    let everything = format!("{}{:?}", list(&app, "").text().unwrap(), app.log());
    assert!(!everything.contains("hunter2"), "a URL's query is told nobody");
    let head = app.client.head(app.url("/webhooks/deliveries")).bearer_auth(OPERATOR).send().unwrap();
    assert_eq!(head.status(), 200);
}

#[test]
fn what_was_given_up_is_sent_anew() {
    let (site, takes) = receiver();
    let app = spawn(&[site.port()], &[]);
    takes.store(false, Ordering::SeqCst);
    let job = told(&app, &site, "/hook");
    let dead = stands(&app, &job, "dead");
    let id = dead["id"].as_str().unwrap();
    takes.store(true, Ordering::SeqCst);
    let answer = redeliver(&app, id);
    assert_eq!(answer.status(), 202);
    assert_eq!(answer.json::<Value>().unwrap()["id"], id);
    let taken = stands(&app, &job, "delivered");
    assert_eq!(taken["attempts"].as_array().unwrap().len(), 2, "{taken}");
    assert_eq!(redeliver(&app, id).status(), 202, "whatever became of it");
    wait(PATIENCE, || (rows(&app, "")[0]["attempts"].as_array().unwrap().len() == 3).then_some(())).unwrap();
    let hooks: Vec<_> = site.requests().into_iter().filter(|head| head.starts_with("POST /hook ")).collect();
    let same = format!("webhook-id: {id}");
    assert!(
        hooks.len() == 3 && hooks.iter().all(|head| head.to_ascii_lowercase().contains(&same)),
        "{hooks:?}"
    );
}

#[test]
fn sending_anew_is_the_operators_and_of_what_is_there() {
    let (site, _) = receiver();
    let app = spawn(&[site.port()], &[]);
    let job = told(&app, &site, "/hook");
    let id = stands(&app, &job, "delivered")["id"].as_str().unwrap().to_owned();
    let path = format!("/webhooks/deliveries/{id}/redeliver");
    assert_problem(app.post(&path).send().unwrap(), 401, "UNAUTHORIZED");
    assert_problem(app.post(&path).bearer_auth("another").send().unwrap(), 401, "UNAUTHORIZED");
    let neighbour = format!("{}{}", &id[..id.len() - 1], if id.ends_with('0') { '1' } else { '0' });
    for unknown in [&neighbour, "dlv_1", "1", &job, "%2e%2e", "'%20OR%201=1--", "%00"] {
        assert_problem(redeliver(&app, unknown), 404, "NOT_FOUND");
    }
    let other = app.get(&path);
    assert_eq!(other.headers()["allow"], "POST, OPTIONS");
    assert_problem(other, 405, "METHOD_NOT_ALLOWED");
    assert_problem(app.get(&format!("/webhooks/deliveries/{id}")), 404, "NOT_FOUND");
    assert_eq!(rows(&app, "")[0]["attempts"].as_array().unwrap().len(), 1, "nothing was sent anew");
}

#[test]
fn where_requests_are_signed_so_is_sending_anew() {
    let app = App::start(&[
        ("REQUIRE_SIGNATURE", "true"),
        ("WEBHOOK_SECRET", SECRET),
        ("OPERATOR_TOKEN", OPERATOR),
    ]);
    let path = "/webhooks/deliveries/dlv_018c0000000000112233445566778899aabbccddeeff/redeliver";
    assert_problem(app.post(path).bearer_auth(OPERATOR).send().unwrap(), 401, "MISSING_SIGNATURE");
    let signing = Signing::new("POST", path, b"", "a-redelivery");
    let signed = signing.with(&app, &signing.signature());
    assert_problem(signed.bearer_auth(OPERATOR).send().unwrap(), 404, "NOT_FOUND");
    let signing = Signing::new("POST", &path.replace("ff/", "fe/"), b"", "without-a-token");
    assert_problem(signing.send(&app), 401, "UNAUTHORIZED");
    assert_eq!(list(&app, "").status(), 200, "reading needs no signature");
}
