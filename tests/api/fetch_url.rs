//! `POST /fetch_url`, and `/process` with a URL: which requests they accept and what they answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::answers::{assert_complete_answer, photo};
use crate::test_server::{Script, TestServer, answer, ok, spawn};
use crate::test_service::{TestService, assert_problem};

fn fetch(service: &TestService, url: &str) -> Response {
    service.post("/fetch_url").json(&json!({"url": url})).send().unwrap()
}

fn process(service: &TestService, url: &str) -> Response {
    service.post("/process").json(&json!({"url": url})).send().unwrap()
}

#[test]
fn a_downloaded_picture_is_returned_and_process_accepts_it() {
    let server = TestServer::start(|path| ok(&photo(path.rsplit('.').next().unwrap())));
    let service = spawn(&[server.port()], &[]);
    for format in ["jpeg", "png", "webp", "gif", "bmp", "tiff"] {
        let answer = fetch(&service, &server.url(&format!("/a.{format}")));
        assert_eq!(answer.status(), 200, "{format}");
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let body: Value = answer.json().unwrap();
        let bytes = photo(format);
        assert_eq!(body["success"], true);
        assert_eq!(body["content_type"], format!("image/{format}"));
        assert_eq!(body["image"], format!("data:image/{format};base64,{}", STANDARD.encode(&bytes)));
        let hundredths = (bytes.len() as f64 / 1_048_576.0 * 100.0).round() as u64;
        assert_eq!((body["size_mb"].as_f64().unwrap() * 100.0).round() as u64, hundredths);
        let processed = service.post("/process").json(&json!({"image": body["image"]})).send().unwrap();
        let processed: Value = processed.json().unwrap();
        assert_complete_answer(&processed, 10);
        assert_eq!(
            process(&service, &server.url(&format!("/b.{format}"))).json::<Value>().unwrap(),
            processed
        );
    }
    let head = server.requests().remove(0).to_ascii_lowercase();
    assert!(head.starts_with("get /a.jpeg http/1.1\r\n") && head.contains("user-agent: huemill/"), "{head}");
    assert_eq!(service.metric("images_processed_total{endpoint=\"/process\"}"), 12);
    service.assert_healthy();
}

#[test]
fn invalid_requests_are_refused() {
    let service = spawn(&[], &[]);
    let post = || service.post("/fetch_url");
    assert_problem(post().send().unwrap(), 400, "NO_INPUT");
    for nothing in [json!({}), json!({"url": null}), json!({"url": ""}), json!({"image": "aGk="})] {
        assert_problem(post().json(&nothing).send().unwrap(), 400, "NO_INPUT");
    }
    for other in [json!({"url": 5}), json!({"url": ["http://example.org/"]}), json!(["http://example.org/"])]
    {
        let problem = assert_problem(post().json(&other).send().unwrap(), 400, "INVALID_INPUT");
        assert!(problem["detail"].as_str().unwrap().contains("https://"), "{problem}");
    }
    let form = reqwest::blocking::multipart::Form::new().text("url", "http://example.org/");
    for other in [post().multipart(form), post().header("content-type", "text/plain").body("x")] {
        assert_problem(other.send().unwrap(), 415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let large = format!("{{\"url\": \"http://example.org/{}\"}}", "x".repeat(3_000_000));
    let large = post().header("content-type", "application/json").body(large).send().unwrap();
    assert_problem(large, 413, "PAYLOAD_TOO_LARGE");
    for method in ["GET", "HEAD", "PUT"] {
        let other =
            service.client.request(method.parse().unwrap(), service.url("/fetch_url")).send().unwrap();
        assert_eq!(
            (other.status().as_u16(), &other.headers()["allow"]),
            (405, &"POST, OPTIONS".parse().unwrap())
        );
    }
    service.assert_healthy();
}

#[test]
fn process_accepts_a_picture_or_a_url_but_not_both() {
    let server = TestServer::start(|_| ok(&photo("png")));
    let service = spawn(&[server.port()], &[]);
    let image = STANDARD.encode(photo("png"));
    let both =
        service.post("/process").json(&json!({"image": image, "url": server.url("/")})).send().unwrap();
    let problem = assert_problem(both, 400, "INVALID_INPUT");
    assert!(problem["detail"].as_str().unwrap().contains("image and url"), "{problem}");
    assert!(server.requests().is_empty());
    for nothing in [json!({"url": ""}), json!({"url": null}), json!({})] {
        assert_problem(service.post("/process").json(&nothing).send().unwrap(), 400, "NO_INPUT");
    }
    let one = service.post("/process").json(&json!({"image": null, "url": server.url("/")})).send().unwrap();
    assert_complete_answer(&one.json().unwrap(), 10);
    let card = service
        .post("/process?aspect=1:1")
        .header("accept", "image/webp")
        .json(&json!({"url": server.url("/")}))
        .send()
        .unwrap();
    assert_eq!(
        (card.status().as_u16(), &card.headers()["content-type"]),
        (200, &"image/webp".parse().unwrap())
    );
    service.assert_healthy();
}

#[test]
fn a_download_that_exceeds_the_time_of_the_request_is_a_408() {
    let server = TestServer::start(|path| match path {
        "/drip" => Script::Drip(b"HTTP/1.1 200 OK\r\n\r\n\x89PNG\r\n\x1a\n".to_vec(), b"x".to_vec()),
        _ => ok(&photo("png")),
    });
    let service = spawn(&[server.port()], &[("HUEMILL__LIMITS__REQUEST_SECONDS", "2")]);
    assert_problem(process(&service, &server.url("/drip")), 408, "URL_TIMEOUT");
    // On a busy machine a good download may exceed the time too.
    service.wait_for("a good URL is processed", |service| {
        process(service, &server.url("/good")).status() == 200
    });
    assert_eq!(service.get("/health").status(), 200);
}

#[test]
fn a_large_picture_is_never_held_in_memory_as_a_whole() {
    let bytes: Vec<u8> = [
        b"\x89PNG\r\n\x1a\n".as_slice(),
        &(0..45_000_001_u32).map(|at| (at ^ (at >> 7)) as u8).collect::<Vec<_>>(),
    ]
    .concat();
    let served = bytes.clone();
    let server = TestServer::start(move |_| ok(&served));
    let service = spawn(&[server.port()], &[]);
    let before = service.resident_kib();
    let body: Value = fetch(&service, &server.url("/large")).json().unwrap();
    let text = body["image"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
    assert!(STANDARD.decode(text).unwrap() == bytes, "the bytes differ");
    assert_eq!(body["size_mb"], json!(42.92));
    let more = service.peak_kib().saturating_sub(before);
    assert!(more < 30_000, "{more} KiB more for 45 MB");
    service.assert_healthy();
}

#[test]
fn the_url_appears_in_no_log_line_and_no_metric() {
    let server = TestServer::start(|path| match path {
        _ if path.contains("bad") => answer("404 Not Found", "", b""),
        _ => ok(&photo("png")),
    });
    let service = spawn(&[server.port()], &[]);
    assert_eq!(fetch(&service, &server.url("/hidden-path?token=hunter2")).status(), 200);
    assert_problem(fetch(&service, &server.url("/hidden-path/bad?token=hunter2")), 502, "UPSTREAM_ERROR");
    assert_problem(fetch(&service, "http://10.0.0.1/hidden-path?token=hunter2"), 400, "INVALID_URL");
    assert_problem(fetch(&service, "hidden-path?token=hunter2"), 400, "INVALID_URL");
    service.wait_for("the blocked request is counted", |service| {
        service.metric("outbound_blocked_total{reason=\"private\"}") == 1
    });
    let blocked = service.wait_for_event("outbound_blocked", |line| line["reason"] == "form");
    assert_eq!(blocked["host"], "");
    service.wait_for("all requests are logged", |service| {
        service
            .log()
            .iter()
            .filter(|line| line["endpoint"] == "/fetch_url" && line["event"] == "http_request")
            .count()
            == 4
    });
    let scrape = service.get("/metrics").text().unwrap();
    let log = service.log().iter().map(Value::to_string).collect::<String>();
    for text in [&scrape, &log] {
        assert!(!text.contains("hunter2") && !text.contains("hidden-path"), "{text}");
    }
}

#[test]
fn s22_only_the_failure_of_a_server_is_retryable() {
    for (status, retryable) in [(500, true), (404, false)] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                use std::io::{Read, Write};
                let _ = socket.read(&mut [0; 1024]);
                let _ = write!(socket, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
            }
        });
        let service = crate::test_service::TestService::start(&[
            ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
            ("HUEMILL__OUTBOUND__ALLOW_PORTS", &port.to_string()),
        ]);
        let url = serde_json::json!({ "url": format!("http://127.0.0.1:{port}/") });
        let answer = service.post("/fetch_url").json(&url).send().unwrap();
        assert_eq!(answer.status(), 502);
        let body: serde_json::Value = answer.json().unwrap();
        assert_eq!((&body["error_code"], &body["retryable"]), (&"UPSTREAM_ERROR".into(), &retryable.into()));
    }
}
