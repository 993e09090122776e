//! Overload by one caller through jobs and servers of its own (rows O3, O4, O7, O8 and O9): another caller beside it is
//! served. The stranger calls from 127.0.0.2, the honest caller from 127.0.0.1.

use std::net::IpAddr;

use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

use crate::answers::{assert_complete_answer, photo};
use crate::job_requests::{OPERATOR, accepted, album, ended, id, post_zip};
use crate::support::http::client_builder;
use crate::support::receiver::{Receiver, Reply};
use crate::support::wait_until;
use crate::test_server::{self, Script, TestServer};
use crate::test_service::{TestService, assert_problem};

/// A service that may reach these ports of this machine.
fn start(ports: &[u16], more: &[(&str, &str)]) -> TestService {
    let ports = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
    let mut settings = vec![("OPERATOR_TOKEN", OPERATOR), ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.0/8")];
    settings.push(("HUEMILL__OUTBOUND__ALLOW_PORTS", &ports));
    settings.extend_from_slice(more);
    TestService::start(&settings)
}

fn stranger() -> Client {
    let address = IpAddr::from([127, 0, 0, 2]);
    client_builder().local_address(address).build().unwrap()
}

fn submit_zip(service: &TestService, client: &Client, pictures: usize) -> Response {
    let request = client.post(service.url("/jobs")).header("content-type", "application/zip");
    request.body(album(pictures, 0)).send().unwrap()
}

fn post_json(service: &TestService, client: &Client, path: &str, body: &Value) -> Response {
    client.post(service.url(path)).json(body).send().unwrap()
}

/// Sends this as the stranger, from a thread of its own, and waits for no answer.
fn send_and_forget(service: &TestService, path: &str, body: Value) {
    let url = service.url(path);
    std::thread::spawn(move || {
        let _ = stranger().post(url).json(&body).send();
    });
}

/// URLs at which the server is a different host each time.
fn urls_of_hosts(server: &Receiver, count: usize) -> Vec<String> {
    (1..=count).map(|host| format!("http://127.0.1.{host}:{}/picture.png", server.port())).collect()
}

fn silent() -> Receiver {
    Receiver::start_everywhere(|_, _| Reply::Silence)
}

fn picture_server() -> Receiver {
    Receiver::start(|_, _| Reply::Whole(200, "", photo("png")))
}

/// Checks that the honest caller's picture and its job of one picture are processed.
#[track_caller]
fn assert_served(service: &TestService) {
    assert_complete_answer(&service.process(photo("png")).json().unwrap(), 10);
    let job = accepted(post_zip(service, album(1, 0)).send().unwrap());
    assert_eq!(ended(service, id(&job))["status"], "completed");
    assert_eq!(service.get("/ready").status(), 200);
}

#[test]
fn o3_cards_that_are_expected_count_before_they_are_made() {
    let service = start(&[80], &[("HUEMILL__QUOTAS__STORED_BYTES", "6000000")]);
    let stranger = stranger();
    let order = |order: &str| {
        let answer = service.post(&format!("/queue/{order}")).bearer_auth(OPERATOR).send().unwrap();
        assert_eq!(answer.status(), 200);
    };
    order("pause");
    // The pictures are small, but four cards may take 4.8 MB.
    let first = accepted(submit_zip(&service, &stranger, 4));
    assert_problem(submit_zip(&service, &stranger, 4), 429, "RATE_LIMITED");
    let own = accepted(post_zip(&service, album(4, 0)).send().unwrap());
    order("resume");
    for job in [&first, &own] {
        assert_eq!(ended(&service, id(job))["status"], "completed");
    }
    let deleted = stranger.delete(service.url(&format!("/jobs/{}", id(&first)))).send().unwrap();
    assert_eq!(deleted.status(), 204);
    wait_until("the stranger may submit again", || submit_zip(&service, &stranger, 4).status() == 202);
    assert_served(&service);
}

#[test]
fn o4_jobs_of_urls_at_a_silent_server_hold_nobody_up() {
    let (silent, pictures) = (silent(), picture_server());
    let service = start(&[silent.port(), pictures.port()], &[]);
    let stranger = stranger();
    let urls: Vec<_> = (0..200).map(|n| format!("http://127.0.0.1:{}/{n}.png", silent.port())).collect();
    for _ in 0..2 {
        let answer = post_json(&service, &stranger, "/jobs", &json!({"urls": urls, "priority": "high"}));
        accepted(answer);
    }
    wait_until("the server is asked", || silent.connections() > 0);
    for _ in 0..3 {
        assert_served(&service);
    }
    let job =
        accepted(service.post("/jobs").json(&json!({"urls": [pictures.url("/a.png")]})).send().unwrap());
    assert_eq!(ended(&service, id(&job))["status"], "completed");
}

#[test]
fn o7_one_caller_cannot_have_all_open_jobs() {
    let silent = silent();
    let quotas = [("HUEMILL__QUOTAS__OPEN_JOBS", "5"), ("HUEMILL__QUOTAS__OPEN_PICTURES", "500")];
    let service = start(&[silent.port()], &quotas);
    let stranger = stranger();
    let submit = |count: usize| {
        let urls: Vec<_> =
            (0..count).map(|n| format!("http://127.0.0.1:{}/{n}.png", silent.port())).collect();
        post_json(&service, &stranger, "/jobs", &json!({"urls": urls}))
    };
    // 400 pictures are open, and 200 more would be too many.
    for _ in 0..2 {
        accepted(submit(200));
    }
    assert_problem(submit(200), 429, "RATE_LIMITED");
    for _ in 0..3 {
        accepted(submit(1));
    }
    for _ in 0..10 {
        assert_problem(submit(1), 429, "RATE_LIMITED");
    }
    assert_served(&service);
    for policy in ["open_jobs", "open_pictures"] {
        let series = format!("rate_limited_total{{policy=\"{policy}\"}}");
        assert!(service.metric(&series) > 0, "{policy}");
    }
}

#[test]
fn o8_one_caller_cannot_have_all_downloads() {
    let (silent, pictures) = (silent(), picture_server());
    let service = start(&[silent.port(), pictures.port()], &[("HUEMILL__OUTBOUND__DOWNLOADS", "6")]);
    for url in urls_of_hosts(&silent, 10) {
        send_and_forget(&service, "/fetch_url", json!({"url": url}));
    }
    // Two thirds of the places are the stranger's share.
    service.wait_for("the stranger has its share and no more", |service| {
        silent.connections() == 4 && service.metric("rate_limited_total{policy=\"downloads\"}") == 6
    });
    for _ in 0..3 {
        let answer = service.post("/fetch_url").json(&json!({"url": pictures.url("/a.png")})).send().unwrap();
        assert_eq!(answer.status(), 200);
    }
    assert_served(&service);
    assert_eq!(silent.connections(), 4);
}

#[test]
fn o8_one_caller_cannot_have_all_webhook_attempts() {
    let (silent, receiver) = (silent(), Receiver::start(|_, _| Reply::status(204)));
    let settings = [("HUEMILL__WEBHOOKS__AT_ONCE", "6"), ("HUEMILL__WEBHOOKS__TRY_SECONDS", "600")];
    let service = start(&[silent.port(), receiver.port()], &settings);
    let stranger = stranger();
    for url in urls_of_hosts(&silent, 10) {
        let body = json!({"urls": [format!("http://127.0.2.1:{}/", silent.port())], "callback_url": url});
        let job = accepted(post_json(&service, &stranger, "/jobs", &body));
        let cancel = stranger.post(service.url(&format!("/jobs/{}/cancel", id(&job)))).send().unwrap();
        assert_eq!(cancel.status(), 202);
    }
    let attempts = || silent.requests().iter().filter(|request| request.body.starts_with(b"{")).count();
    wait_until("the stranger has its share", || attempts() == 4);
    for number in 0..3 {
        let form = crate::job_requests::zip_form(album(1, 0)).text("callback_url", receiver.url("/hook"));
        accepted(service.post("/jobs").multipart(form).send().unwrap());
        wait_until("the webhook arrives", || receiver.requests().len() > number);
    }
    assert_served(&service);
    assert_eq!(attempts(), 4);
}

#[test]
fn o9_servers_that_send_without_end_hold_nobody_up() {
    let server = TestServer::start(|path| {
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        match path {
            "/extensions" => {
                let chunk = [b"1;".as_slice(), &b"x".repeat(60_000), b"\r\na\r\n"].concat();
                Script::Flood(chunked, chunk, 10_000)
            }
            "/trailers" => {
                Script::Flood([chunked, b"0\r\n".to_vec()].concat(), b"X-More: 1\r\n".to_vec(), 1_000_000)
            }
            _ => Script::Flood(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), 1_000_000),
        }
    });
    let service = test_server::spawn(&[server.port()], &[]);
    std::thread::scope(|scope| {
        for path in ["/extensions", "/trailers", "/interim"] {
            let (service, url) = (&service, server.url(path));
            scope.spawn(move || {
                for _ in 0..4 {
                    let answer = post_json(service, &stranger(), "/fetch_url", &json!({"url": url}));
                    assert_problem(answer, 502, "UPSTREAM_ERROR");
                }
            });
        }
        for _ in 0..3 {
            assert_served(&service);
        }
    });
    assert!(service.peak_kib() < 300 * 1024, "{} KiB", service.peak_kib());
}
