//! Jobs of pictures by URL (row J2): each picture has its own outcome.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::answers::{assert_complete_result, photo};
use crate::job_requests::{accepted, ended, id};
use crate::test_server::{Script, TestServer, answer, ok, spawn};
use crate::test_service::{TestService, assert_problem};

fn submit(service: &TestService, urls: &[String]) -> Value {
    accepted(service.post("/jobs").json(&json!({"urls": urls})).send().unwrap())
}

fn filenames(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["filename"].as_str().unwrap()).collect()
}

/// The error codes of the failed pictures by their names.
fn codes(job: &Value) -> BTreeMap<&str, &str> {
    let failed = job["failed"].as_array().unwrap().iter();
    failed.map(|one| (one["filename"].as_str().unwrap(), one["error_code"].as_str().unwrap())).collect()
}

#[test]
fn urls_become_a_job_with_results() {
    let server = TestServer::start(|path| {
        if path.contains("no") { answer("404 Not Found", "", b"") } else { ok(&photo("png")) }
    });
    let service = spawn(&[server.port()], &[]);
    let urls =
        ["/trip/one.png", "/two.jpg?size=3#top", "/caf%C3%A9.png", "/other/one.png", "/", "/?2", "/no.png"];
    let body = submit(&service, &urls.map(|path| server.url(path)));
    let job = ended(&service, id(&body));
    assert_eq!((&job["type"], &job["status"]), (&json!("url_batch"), &json!("completed")));
    let names = ["one.png", "two.jpg", "caf\u{e9}.png", "one (2).png", "127.0.0.2", "127.0.0.2 (2)"];
    assert_eq!(filenames(&job["results"]), names);
    assert_eq!(codes(&job), BTreeMap::from([("no.png", "UPSTREAM_ERROR")]));
    let message = job["failed"][0]["user_message"].as_str().unwrap();
    assert!(message.contains("404") && !message.contains("127.0.0.2"), "{message}");
    assert_complete_result(
        &service.get(&format!("/jobs/{}?cards=inline", id(&body))).json::<Value>().unwrap()["results"][0],
        10,
    );
    let zip = service.get(&format!("/jobs/{}/results.zip", id(&body)));
    assert_eq!(zip.status(), 200);
    service.assert_healthy();
}

#[test]
fn j2_a_url_that_is_named_twice_is_downloaded_once_and_has_a_result_for_each_name() {
    let server = TestServer::start(|path| {
        if path.contains("no") { answer("404 Not Found", "", b"") } else { ok(&photo("png")) }
    });
    let service = spawn(&[server.port()], &[]);
    let upper = server.url("/a.png").replace("http://", "HTTP://");
    let urls = [
        server.url("/a.png"),
        server.url("/no.png"),
        server.url("/a.png"),
        upper,
        server.url("/no.png"),
        server.url("/x/../a.png#part"),
        server.url("/a.png?b"),
    ];
    let job = ended(&service, id(&submit(&service, &urls)));
    assert_eq!(filenames(&job["results"]), ["a.png", "a (2).png", "a (3).png", "a (4).png", "a (5).png"]);
    let of = |list: &str, member: &str| -> Vec<Value> {
        job[list].as_array().unwrap().iter().map(|row| row[member].clone()).collect()
    };
    assert_eq!(of("results", "index"), [0, 2, 3, 5, 6]);
    assert_eq!(of("failed", "index"), [1, 4]);
    assert_eq!(of("results", "url"), [0, 2, 3, 5, 6].map(|at: usize| Value::from(urls[at].clone())));
    assert_eq!(of("failed", "url"), [1, 4].map(|at: usize| Value::from(urls[at].clone())));
    assert_eq!((&job["results_count"], &job["failed_count"]), (&json!(5), &json!(2)));
    assert_eq!(server.requests().len(), 3);
    let cards = of("results", "social_image");
    assert!(cards.iter().all(|card| card == &cards[0]), "the same picture has different cards");
    service.wait_for("nothing waits", |service| service.metric("jobs_queued_images") == 0);
}

#[test]
fn j2_a_url_that_cannot_be_used_fails_alone() {
    let server = TestServer::start(|_| ok(&photo("png")));
    let service = spawn(&[server.port()], &[]);
    let long = format!("http://example.org/{}?token=secret", "x".repeat(5_000));
    let bad = [
        "http://10.0.0.7/secret.png",
        "ftp://example.org/secret.png",
        "secret.png",
        "",
        "http://example.org:22/secret",
        "http://127.0.0.1/",
        &long,
    ];
    let urls: Vec<String> = bad.iter().map(|url| (*url).to_owned()).chain([server.url("/a.png")]).collect();
    let job = ended(&service, id(&submit(&service, &urls)));
    assert_eq!(job["status"], "completed", "{job}");
    let failed = job["failed"].as_array().unwrap();
    assert_eq!(failed.len(), bad.len());
    for (at, row) in failed.iter().enumerate() {
        assert_eq!((&row["index"], &row["error_code"]), (&json!(at), &json!("INVALID_URL")), "{row}");
        let url = row["url"].as_str().unwrap();
        assert!(
            url == urls[at] || (url.len() < 2_100 && urls[at].starts_with(url.trim_end_matches('…'))),
            "{row}"
        );
    }
    assert_eq!(
        (&job["results"][0]["index"], &job["results"][0]["url"]),
        (&json!(7), &json!(server.url("/a.png")))
    );
    assert_eq!(server.requests().len(), 1);
    service.wait_for("the blocked URLs are counted", |service| {
        service.metric("outbound_blocked_total{reason=\"form\"}") == 3
    });
    service.wait_for_event("outbound_blocked", |line| line["reason"] == "port");
    assert!(!service.log().iter().any(|line| line.to_string().contains("secret")));

    let unusable = service.post("/jobs").json(&json!({"urls": bad})).send().unwrap();
    let problem = assert_problem(unusable, 400, "INVALID_URL");
    assert!(!problem.to_string().contains("secret"), "{problem}");
}

#[test]
fn j2_a_job_has_up_to_a_thousand_urls() {
    let service = spawn(&[], &[]);
    let urls =
        |count: usize| (0..count).map(|at| format!("http://example.org:81/{at}.png")).collect::<Vec<_>>();
    for count in [1_001, 10_001, 20_000] {
        let answer = service.post("/jobs").json(&json!({"urls": urls(count)})).send().unwrap();
        assert_problem(answer, 400, "INVALID_INPUT");
    }
    // The port is not allowed, so none of them can be used.
    let answer = service.post("/jobs").json(&json!({"urls": urls(1_000)})).send().unwrap();
    assert_problem(answer, 400, "INVALID_URL");
    let server = TestServer::start(|_| ok(&photo("png")));
    let service = spawn(&[server.port()], &[]);
    let mut urls = urls(999);
    urls.insert(500, server.url("/a.png"));
    let job = ended(&service, id(&submit(&service, &urls)));
    assert_eq!((&job["results_count"], &job["failed_count"]), (&json!(1), &json!(999)));
    assert_eq!(job["results"][0]["index"], 500);
}

#[test]
fn a_key_finds_its_job_of_urls() {
    let server = TestServer::start(|_| ok(&photo("png")));
    let service = spawn(&[server.port()], &[]);
    let send = |path: &str| {
        service
            .post("/jobs")
            .header("idempotency-key", "k")
            .json(&json!({"urls": [server.url(path)]}))
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
fn a_job_fails_where_no_url_leads_to_a_picture() {
    let server = TestServer::start(|_| answer("404 Not Found", "", b""));
    let service = spawn(&[server.port()], &[]);
    let job = ended(&service, id(&submit(&service, &[server.url("/a.png")])));
    assert_eq!((&job["status"], &job["error_code"]), (&json!("failed"), &json!("UPSTREAM_ERROR")));
}

#[test]
fn fifty_urls_of_which_some_are_bad_complete_each_with_its_own_outcome() {
    let large = [b"\x89PNG\r\n\x1a\n".as_slice(), &vec![7; 1_000_000]].concat();
    let server = TestServer::start(move |path| match path.as_bytes()[1] {
        b's' => {
            let Script::Once(bytes) = ok(&photo("jpeg")) else { unreachable!() };
            Script::Late(Duration::from_millis(400), bytes)
        }
        b'm' => answer("404 Not Found", "", b"gone"),
        b'h' => answer("200 OK", "Content-Type: image/png\r\n", b"<!doctype html><title>x</title>"),
        b'l' => Script::Flood(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), large.clone(), 60),
        b'd' => Script::Drip(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), b"x".to_vec()),
        b'b' => ok(b"\x89PNG\r\n\x1a\nnot really"),
        _ => ok(&photo("png")),
    });
    let service = spawn(&[server.port()], &[("HUEMILL__OUTBOUND__TOTAL_SECONDS", "10")]);
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
    let body = submit(&service, &paths.iter().map(|path| server.url(path)).collect::<Vec<_>>());
    let job = ended(&service, id(&body));
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
    service.assert_healthy();
}
