//! Jobs of pictures by URL (row J2): each with its own verdict.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{App, assert_problem};
use crate::cards::{check_picture, photo};
use crate::jobs_app::{accepted, ended, id};
use crate::site::{Say, Site, answer, ok, spawn};

fn submit(app: &App, urls: &[String]) -> Value {
    accepted(app.post("/jobs").json(&json!({"urls": urls})).send().unwrap())
}

fn filenames(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["filename"].as_str().unwrap()).collect()
}

/// The failed pictures' codes by their names.
fn codes(job: &Value) -> BTreeMap<&str, &str> {
    let failed = job["failed"].as_array().unwrap().iter();
    failed.map(|one| (one["filename"].as_str().unwrap(), one["error_code"].as_str().unwrap())).collect()
}

#[test]
fn urls_become_a_job_and_its_results() {
    let site =
        Site::open(
            |path| if path.contains("no") { answer("404 Not Found", "", b"") } else { ok(&photo("png")) },
        );
    let app = spawn(&[site.port()], &[]);
    let urls = ["/trip/one.png", "/two.jpg?size=3#top", "/caf%C3%A9.png", "/other/one.png", "/", "/no.png"];
    let body = submit(&app, &urls.map(|path| site.url(path)));
    let job = ended(&app, id(&body));
    assert_eq!((&job["type"], &job["status"]), (&json!("url_batch"), &json!("completed")));
    let names = ["one.png", "two.jpg", "caf\u{e9}.png", "one (2).png", "127.0.0.2"];
    assert_eq!(filenames(&job["results"]), names);
    assert_eq!(codes(&job), BTreeMap::from([("no.png", "UPSTREAM_ERROR")]));
    let told = job["failed"][0]["user_message"].as_str().unwrap();
    assert!(told.contains("404") && !told.contains("127.0.0.2"), "{told}");
    check_picture(
        &app.get(&format!("/jobs/{}?cards=inline", id(&body))).json::<Value>().unwrap()["results"][0],
        10,
    );
    let zip = app.get(&format!("/jobs/{}/results.zip", id(&body)));
    assert_eq!(zip.status(), 200);
    app.assert_well();
}

#[test]
fn j2_the_same_url_twice_is_one_picture() {
    let site = Site::open(|_| ok(&photo("png")));
    let app = spawn(&[site.port()], &[]);
    let upper = site.url("/a.png").replace("http://", "HTTP://");
    let urls =
        [site.url("/a.png"), site.url("/a.png"), upper, site.url("/x/../a.png#part"), site.url("/a.png?b")];
    let job = ended(&app, id(&submit(&app, &urls)));
    assert_eq!(filenames(&job["results"]), ["a.png", "a (2).png"]);
    assert_eq!(site.requests().len(), 2);
}

#[test]
fn j2_the_first_url_that_cannot_be_used_is_named_and_not_repeated() {
    let site = Site::open(|_| ok(&photo("png")));
    let app = spawn(&[site.port()], &[]);
    let good = site.url("/a.png");
    for bad in [
        "http://10.0.0.7/secret.png",
        "ftp://example.org/secret.png",
        "secret.png",
        "",
        "http://example.org:22/secret",
    ] {
        let answer =
            app.post("/jobs").json(&json!({"urls": [good, good, bad, "http://127.0.0.1/"]})).send().unwrap();
        let told = assert_problem(answer, 400, "INVALID_URL");
        let told = told["user_message"].as_str().unwrap();
        assert!(
            told.contains("number 3") && !told.contains("secret") && !told.contains("10.0.0.7"),
            "{told}"
        );
    }
    assert!(site.requests().is_empty(), "a job that is refused asks nobody");
    app.wait_for("the counter", |app| app.metric("outbound_blocked_total{reason=\"form\"}") == 2);
    app.wait_for_event("outbound_blocked", |line| line["reason"] == "port");
    assert!(!app.log().iter().any(|line| line.to_string().contains("secret")));
}

#[test]
fn j2_more_urls_than_a_job_may_have_are_refused() {
    let app = spawn(&[], &[]);
    let urls =
        |count: usize| (0..count).map(|at| format!("http://example.org:81/{at}.png")).collect::<Vec<_>>();
    for count in [201, 10_001, 20_000] {
        let answer = app.post("/jobs").json(&json!({"urls": urls(count)})).send().unwrap();
        assert_problem(answer, 400, "INVALID_INPUT");
    }
    // Of as many as there may be the first is judged, not the number.
    assert_problem(app.post("/jobs").json(&json!({"urls": urls(200)})).send().unwrap(), 400, "INVALID_URL");
}

#[test]
fn a_key_finds_its_job_of_urls_again() {
    let site = Site::open(|_| ok(&photo("png")));
    let app = spawn(&[site.port()], &[]);
    let send = |path: &str| {
        app.post("/jobs")
            .header("idempotency-key", "k")
            .json(&json!({"urls": [site.url(path)]}))
            .send()
            .unwrap()
    };
    let first = accepted(send("/a.png"));
    let again = send("/a.png");
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(accepted(again)["job_id"], first["job_id"]);
    assert_problem(send("/b.png"), 409, "IDEMPOTENCY_VIOLATION");
}

#[test]
fn a_job_of_which_no_url_gives_a_picture_fails() {
    let site = Site::open(|_| answer("404 Not Found", "", b""));
    let app = spawn(&[site.port()], &[]);
    let job = ended(&app, id(&submit(&app, &[site.url("/a.png")])));
    assert_eq!((&job["status"], &job["error_code"]), (&json!("failed"), &json!("UPSTREAM_ERROR")));
}

#[test]
fn fifty_urls_of_which_some_are_bad_complete_each_with_its_own_verdict() {
    let large = [b"\x89PNG\r\n\x1a\n".as_slice(), &vec![7; 1_000_000]].concat();
    let site = Site::open(move |path| match path.as_bytes()[1] {
        b's' => {
            let Say::Once(bytes) = ok(&photo("jpeg")) else { unreachable!() };
            Say::Late(Duration::from_millis(400), bytes)
        }
        b'm' => answer("404 Not Found", "", b"gone"),
        b'h' => answer("200 OK", "Content-Type: image/png\r\n", b"<!doctype html><title>x</title>"),
        b'l' => Say::Flood(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), large.clone(), 60),
        b'd' => Say::Drip(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), b"x".to_vec()),
        b'b' => ok(b"\x89PNG\r\n\x1a\nnot really"),
        _ => ok(&photo("png")),
    });
    let app = spawn(&[site.port()], &[("HUEMILL__OUTBOUND__TOTAL_SECONDS", "4")]);
    let kinds = [
        ("good", 31),
        ("slow", 6),
        ("missing", 5),
        ("html", 4),
        ("large", 1),
        ("dripping", 1),
        ("broken", 2),
    ];
    let paths: Vec<String> =
        kinds.iter().flat_map(|(kind, count)| (0..*count).map(move |at| format!("/{kind}-{at}"))).collect();
    assert_eq!(paths.len(), 50);
    let body = submit(&app, &paths.iter().map(|path| site.url(path)).collect::<Vec<_>>());
    let job = ended(&app, id(&body));
    assert_eq!(job["status"], "completed", "{job}");
    assert_eq!((&job["results_count"], &job["failed_count"]), (&json!(37), &json!(13)), "{}", job["failed"]);
    let good = filenames(&job["results"]);
    assert!(good.iter().all(|name| name.starts_with("good-") || name.starts_with("slow-")), "{good:?}");
    for (name, code) in codes(&job) {
        let expected = match &name[..1] {
            "m" => "UPSTREAM_ERROR",
            "h" => "UNSUPPORTED_MEDIA_TYPE",
            "l" => "PAYLOAD_TOO_LARGE",
            "d" => "URL_TIMEOUT",
            _ => "PROCESSING_ERROR",
        };
        assert_eq!(code, expected, "{name}");
    }
    app.assert_well();
}
