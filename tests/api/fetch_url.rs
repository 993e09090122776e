//! `POST /fetch_url`, and `/process` with a URL: what is taken, what comes out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::app::{App, assert_problem};
use crate::cards::{check_answer, photo};
use crate::site::{Say, Site, answer, ok, spawn};

fn fetch(app: &App, url: &str) -> Response {
    app.post("/fetch_url").json(&json!({"url": url})).send().unwrap()
}

fn process(app: &App, url: &str) -> Response {
    app.post("/process").json(&json!({"url": url})).send().unwrap()
}

#[test]
fn what_a_url_leads_to_is_handed_on_and_taken_by_process() {
    let site = Site::open(|path| ok(&photo(path.rsplit('.').next().unwrap())));
    let app = spawn(&[site.port()], &[]);
    for format in ["jpeg", "png", "webp", "gif", "bmp", "tiff"] {
        let answer = fetch(&app, &site.url(&format!("/a.{format}")));
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
        let processed = app.post("/process").json(&json!({"image": body["image"]})).send().unwrap();
        let processed: Value = processed.json().unwrap();
        check_answer(&processed, 10);
        assert_eq!(process(&app, &site.url(&format!("/b.{format}"))).json::<Value>().unwrap(), processed);
    }
    let head = site.requests().remove(0).to_ascii_lowercase();
    assert!(head.starts_with("get /a.jpeg http/1.1\r\n") && head.contains("user-agent: huemill/"), "{head}");
    assert_eq!(app.metric("images_processed_total{endpoint=\"/process\"}"), 12);
    app.assert_well();
}

#[test]
fn what_is_no_request_for_a_url_is_refused() {
    let app = spawn(&[], &[]);
    let post = || app.post("/fetch_url");
    assert_problem(post().send().unwrap(), 400, "NO_INPUT");
    for nothing in [json!({}), json!({"url": null}), json!({"url": ""}), json!({"image": "aGk="})] {
        assert_problem(post().json(&nothing).send().unwrap(), 400, "NO_INPUT");
    }
    for other in [json!({"url": 5}), json!({"url": ["http://example.org/"]}), json!(["http://example.org/"])]
    {
        let told = assert_problem(post().json(&other).send().unwrap(), 400, "INVALID_INPUT");
        assert!(told["user_message"].as_str().unwrap().contains("https://"), "{told}");
    }
    let form = reqwest::blocking::multipart::Form::new().text("url", "http://example.org/");
    for other in [post().multipart(form), post().header("content-type", "text/plain").body("x")] {
        assert_problem(other.send().unwrap(), 415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let large = format!("{{\"url\": \"http://example.org/{}\"}}", "x".repeat(3_000_000));
    let large = post().header("content-type", "application/json").body(large).send().unwrap();
    assert_problem(large, 413, "PAYLOAD_TOO_LARGE");
    for method in ["GET", "HEAD", "PUT"] {
        let other = app.client.request(method.parse().unwrap(), app.url("/fetch_url")).send().unwrap();
        assert_eq!(
            (other.status().as_u16(), &other.headers()["allow"]),
            (405, &"POST, OPTIONS".parse().unwrap())
        );
    }
    app.assert_well();
}

#[test]
fn process_takes_a_picture_or_a_url_and_not_both() {
    let site = Site::open(|_| ok(&photo("png")));
    let app = spawn(&[site.port()], &[]);
    let image = STANDARD.encode(photo("png"));
    let both = app.post("/process").json(&json!({"image": image, "url": site.url("/")})).send().unwrap();
    let told = assert_problem(both, 400, "INVALID_INPUT");
    assert!(told["user_message"].as_str().unwrap().contains("image and url"), "{told}");
    assert!(site.requests().is_empty());
    for nothing in [json!({"url": ""}), json!({"url": null}), json!({})] {
        assert_problem(app.post("/process").json(&nothing).send().unwrap(), 400, "NO_INPUT");
    }
    let one = app.post("/process").json(&json!({"image": null, "url": site.url("/")})).send().unwrap();
    check_answer(&one.json().unwrap(), 10);
    let card = app
        .post("/process?aspect=1:1")
        .header("accept", "image/webp")
        .json(&json!({"url": site.url("/")}))
        .send()
        .unwrap();
    assert_eq!(
        (card.status().as_u16(), &card.headers()["content-type"]),
        (200, &"image/webp".parse().unwrap())
    );
    app.assert_well();
}

#[test]
fn a_url_that_takes_longer_than_the_request_may_is_too_slow() {
    let site = Site::open(|path| match path {
        "/drip" => Say::Drip(b"HTTP/1.1 200 OK\r\n\r\n\x89PNG\r\n\x1a\n".to_vec(), b"x".to_vec()),
        _ => ok(&photo("png")),
    });
    let app = spawn(&[site.port()], &[("HUEMILL__LIMITS__REQUEST_SECONDS", "1")]);
    assert_problem(process(&app, &site.url("/drip")), 408, "URL_TIMEOUT");
    assert_eq!(process(&app, &site.url("/good")).status(), 200);
    assert_eq!(app.get("/health").status(), 200);
}

#[test]
fn a_large_picture_passes_without_being_whole_in_memory() {
    let bytes: Vec<u8> = [
        b"\x89PNG\r\n\x1a\n".as_slice(),
        &(0..45_000_001_u32).map(|at| (at ^ (at >> 7)) as u8).collect::<Vec<_>>(),
    ]
    .concat();
    let served = bytes.clone();
    let site = Site::open(move |_| ok(&served));
    let app = spawn(&[site.port()], &[]);
    let before = app.resident_kib();
    let body: Value = fetch(&app, &site.url("/large")).json().unwrap();
    let text = body["image"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
    assert!(STANDARD.decode(text).unwrap() == bytes, "the bytes are the same");
    assert_eq!(body["size_mb"], json!(42.92));
    let more = app.peak_kib() - before;
    assert!(more < 30_000, "{more} KiB more for 45 MB");
    app.assert_well();
}

#[test]
fn the_url_is_in_no_log_and_no_metric() {
    let site = Site::open(|path| match path {
        _ if path.contains("bad") => answer("404 Not Found", "", b""),
        _ => ok(&photo("png")),
    });
    let app = spawn(&[site.port()], &[]);
    assert_eq!(fetch(&app, &site.url("/hidden-path?token=hunter2")).status(), 200);
    assert_problem(fetch(&app, &site.url("/hidden-path/bad?token=hunter2")), 502, "UPSTREAM_ERROR");
    assert_problem(fetch(&app, "http://10.0.0.1/hidden-path?token=hunter2"), 400, "INVALID_URL");
    assert_problem(fetch(&app, "hidden-path?token=hunter2"), 400, "INVALID_URL");
    app.wait_for("the counters", |app| app.metric("outbound_blocked_total{reason=\"private\"}") == 1);
    let blocked = app.wait_for_event("outbound_blocked", |line| line["reason"] == "form");
    assert_eq!(blocked["host"], "");
    app.wait_for("all lines", |app| {
        app.log()
            .iter()
            .filter(|line| line["endpoint"] == "/fetch_url" && line["event"] == "http_request")
            .count()
            == 4
    });
    let scrape = app.get("/metrics").text().unwrap();
    let log = app.log().iter().map(Value::to_string).collect::<String>();
    for text in [&scrape, &log] {
        assert!(!text.contains("hunter2") && !text.contains("hidden-path"), "{text}");
    }
}

#[test]
fn s22_a_server_that_failed_is_told_apart_from_one_that_has_nothing() {
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
        let app = crate::app::App::start(&[
            ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
            ("HUEMILL__OUTBOUND__ALLOW_PORTS", &port.to_string()),
        ]);
        let url = serde_json::json!({ "url": format!("http://127.0.0.1:{port}/") });
        let answer = app.post("/fetch_url").json(&url).send().unwrap();
        assert_eq!(answer.status(), 502);
        let body: serde_json::Value = answer.json().unwrap();
        assert_eq!((&body["error_code"], &body["retryable"]), (&"UPSTREAM_ERROR".into(), &retryable.into()));
    }
}
