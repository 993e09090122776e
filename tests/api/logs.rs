//! The log: one JSON object per line, with its keys in the documented order and without secrets.

use std::io::{Read, Write};

use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::answers::photo;
use crate::archives::hostile;
use crate::job_requests::{ended, paused, resume};
use crate::support::connect_from;
use crate::support::http::client_builder;
use crate::test_service::{TestService, spawn};

const KEYS: [&str; 16] = [
    "ts",
    "level",
    "event",
    "request_id",
    "endpoint",
    "method",
    "status_code",
    "duration_ms",
    "success",
    "error_code",
    "bytes_in",
    "bytes_out",
    "client",
    "key_id",
    "user_agent",
    "lines_left_out",
];

#[test]
fn a_request_is_one_line_with_keys_in_the_documented_order() {
    let service = spawn();
    let picture = photo("png");
    let length = picture.len();
    let answer = service
        .post("/process")
        .header("X-Request-Id", "line-test")
        .header("User-Agent", "a browser/1.0")
        .header("content-type", "image/png")
        .body(picture);
    let bytes_out = answer.send().unwrap().bytes().unwrap().len();
    let line = service.wait_for_event("http_request", |line| line["request_id"] == "line-test");
    let text = service.raw_line("line-test");
    let places: Vec<_> =
        KEYS.iter().map(|key| text.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{key}"))).collect();
    assert_eq!(line.as_object().unwrap().len(), KEYS.len(), "{line}");
    assert!(places.is_sorted(), "{text}");
    assert_eq!(
        (&line["endpoint"], &line["method"], &line["level"]),
        (&"/process".into(), &"POST".into(), &"info".into())
    );
    assert_eq!(
        (&line["status_code"], &line["success"], &line["error_code"]),
        (&200.into(), &true.into(), &Value::Null)
    );
    assert_eq!(
        (&line["client"], &line["key_id"], &line["user_agent"], &line["lines_left_out"]),
        (&"127.0.0.1".into(), &Value::Null, &"a browser/1.0".into(), &0.into())
    );
    assert_eq!((&line["bytes_in"], &line["bytes_out"]), (&length.into(), &bytes_out.into()));
    assert_eq!(service.log().iter().filter(|line| line["request_id"] == "line-test").count(), 1);
}

#[test]
fn an_error_is_logged_with_its_code_and_in_a_separate_line() {
    let service = spawn();
    let answer = service
        .post("/process?token=secret-in-query")
        .header("X-Request-Id", "line-error")
        .header("content-type", "image/png");
    assert_eq!(answer.body(b"GIF89a broken".to_vec()).send().unwrap().status(), 422);
    let line = service.wait_for_event("http_request", |line| line["request_id"] == "line-error");
    assert_eq!((&line["success"], &line["error_code"]), (&false.into(), &"PROCESSING_ERROR".into()));
    let line = service.wait_for_event("http_error", |line| line["request_id"] == "line-error");
    assert_eq!(line["level"], "info");
    assert!(service.log().iter().all(|line| !line.to_string().contains("secret-in-query")));
}

#[test]
fn the_address_in_the_log_is_the_one_that_a_trusted_proxy_reports() {
    let service = TestService::start(&[("HUEMILL__SERVER__TRUSTED_PROXIES", "127.0.0.1")]);
    let request = service.client.get(service.url("/nowhere")).header("X-Request-Id", "line-proxy");
    let long = "x".repeat(500);
    request.header("X-Forwarded-For", "198.51.100.7").header("User-Agent", &long).send().unwrap();
    let line = service.wait_for_event("http_request", |line| line["request_id"] == "line-proxy");
    assert_eq!((&line["client"], &line["user_agent"]), (&"198.51.100.7".into(), &long[..200].into()));
}

#[test]
fn the_log_shows_no_more_of_an_address_than_the_setting_allows() {
    for (form, expected) in [("network", Some("127.0.0.0/24")), ("off", None), ("hashed", None)] {
        let service = TestService::start(&[("HUEMILL__LOG__CLIENT_ADDRESS", form)]);
        service.client.get(service.url("/jobs")).header("X-Request-Id", "line-address").send().unwrap();
        for event in ["http_request", "security_violation"] {
            let line = service.wait_for_event(event, |line| line["request_id"] == "line-address");
            let client = line["client"].as_str();
            match form {
                "hashed" => assert!(client.is_some_and(|hash| hash.len() == 16), "{line}"),
                _ => assert_eq!(client, expected, "{line}"),
            }
            assert!(!line.to_string().contains("127.0.0.1"), "{line}");
        }
    }
}

#[test]
fn o10_a_flood_of_requests_is_sampled_and_another_callers_are_all_logged() {
    // Nobody asks whether it is ready: that would be lines of a caller, too, and as many as it takes.
    let service = TestService::start_unready(&[("HUEMILL__LOG__REQUESTS_PER_SECOND", "2")]);
    let honest = client_builder().local_address(std::net::IpAddr::from([127, 0, 0, 3])).build().unwrap();
    let mut flood = connect_from([127, 0, 0, 2].into(), service.address);
    let mut reader = flood.try_clone().unwrap();
    // The connection is closed when its last request is counted.
    let read = std::thread::spawn(move || reader.read_to_end(&mut Vec::new()).unwrap());
    flood.write_all(&b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_999)).unwrap();
    flood.write_all(b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    for at in 0..15 {
        let id = format!("honest-{at:02}");
        honest.get(service.url("/nowhere")).header("X-Request-Id", &id).send().unwrap();
        service.wait_for_event("http_request", |line| line["request_id"] == id.as_str());
    }
    assert!(read.join().unwrap() > 2_000);
    // One scrape alone: scrapes are lines as well, which may be left out.
    let left_out = service.metric("log_lines_sampled_total");
    assert_eq!(left_out % 2, 0, "{left_out} lines were left out of requests that have two");
    let logged = 2_000 - (left_out / 2) as usize;
    assert!((20..200).contains(&logged), "{logged} of 2,000 requests were logged");
    service.wait_for("as many lines as were not left out", |service| {
        let is_of_flood = |line: &&Value| line["client"] == "127.0.0.2" && line["event"] == "http_request";
        service.log().iter().filter(is_of_flood).count() == logged
    });
    // The next line after a pause says how many lines are missing.
    service.wait_for("a line says how many are missing", |service| {
        let mut later = connect_from([127, 0, 0, 2].into(), service.address);
        later.write_all(b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        later.read_to_end(&mut Vec::new()).unwrap();
        service.log().iter().any(|line| line["lines_left_out"].as_u64() > Some(100))
    });
}

#[test]
fn o10_what_one_callers_urls_and_archives_cause_is_sampled_with_its_requests() {
    const FLOOD: &str = "of-the-flood";
    const HONEST: &str = "of-the-honest-caller";
    let service = TestService::start(&[("HUEMILL__LOG__REQUESTS_PER_SECOND", "1")]);
    let archives = hostile::table(&photo("png"));
    let ambiguous = &archives.iter().find(|archive| archive.id == "Z11").unwrap().bytes;
    let attempt = |client: &Client, id: &str| {
        let post = |path| client.post(service.url(path)).header("X-Request-Id", id);
        post("/fetch_url").json(&json!({"url": "http://127.0.0.1/"})).send().unwrap();
        post("/jobs").json(&json!({"urls": ["http://127.0.0.1/"]})).send().unwrap();
        post("/process_zip")
            .header("content-type", "application/zip")
            .body(ambiguous.clone())
            .send()
            .unwrap();
    };
    let from =
        |address: [u8; 4]| client_builder().local_address(std::net::IpAddr::from(address)).build().unwrap();
    let flood = from([127, 0, 0, 2]);
    for _ in 0..40 {
        attempt(&flood, FLOOD);
    }
    attempt(&from([127, 0, 0, 3]), HONEST);
    let count = |id: &str, event: &str| {
        let is_one = |line: &&Value| line["request_id"] == id && line["event"] == event;
        service.log().iter().filter(is_one).count()
    };
    service.wait_for("all lines of the other caller", |_| {
        (count(HONEST, "outbound_blocked"), count(HONEST, "zip_ambiguous")) == (2, 1)
            && count(HONEST, "http_request") == 3
    });
    let blocked = "outbound_blocked_total{reason=\"loopback\"}";
    assert_eq!(service.metric(blocked), 82, "all are counted");
    for (event, caused) in [("outbound_blocked", 80), ("zip_ambiguous", 40)] {
        let written = count(FLOOD, event);
        assert!(written < caused / 2, "{written} of {caused} lines {event} were written");
    }
    // Two of the three requests have a second line, for their error.
    let all = 80 + 40 + 40 * 5;
    service.wait_for("each line is written or counted", |service| {
        let written = service.log().iter().filter(|line| line["request_id"] == FLOOD).count() as u64;
        written + service.metric("log_lines_sampled_total") >= all
    });
}

#[test]
fn the_violations_of_anonymous_callers_are_no_errors() {
    let service = crate::job_requests::spawn_signed();
    let refused = service.post("/jobs").header("X-Request-Id", "line-unsigned").send().unwrap();
    assert_eq!(refused.status(), 401);
    let line = service.wait_for_event("security_violation", |line| line["request_id"] == "line-unsigned");
    assert_eq!((&line["level"], &line["client"]), (&"info".into(), &"127.0.0.1".into()));
    assert!(service.log().iter().all(|line| line["level"] != "error"));
}

#[test]
fn malformed_heads_are_no_errors() {
    let service = spawn();
    for bytes in [&b"\x16\x03\x01\x02nonsense\r\n\r\n"[..], b"GET / HTTP/9.9\r\n\r\n", b"\0\r\n\r\n"] {
        service.raw(bytes);
    }
    service.assert_healthy();
    let bad = |line: &Value| line["level"] == "error" || line["level"] == "warn";
    assert!(!service.log().iter().any(bad), "{:#?}", service.log());
}

#[test]
fn a_pause_of_the_dispatcher_is_logged_with_the_job_and_the_cause() {
    let (service, live) = paused(8);
    let staging = service.data.path().join("blobs/staging");
    std::fs::remove_dir_all(&staging).unwrap();
    std::fs::write(&staging, "not a folder").unwrap();
    resume(&service);
    let line = service.wait_for_event("dispatch_paused", |line| line["level"] == "warn");
    assert_eq!(line["job_id"], live.as_str());
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.starts_with("OVERLOADED: the blob store is unavailable: "), "{cause}");
    std::fs::remove_file(&staging).unwrap();
    std::fs::create_dir(&staging).unwrap();
    assert_eq!(ended(&service, &live)["results_count"], 8);
}

#[test]
fn the_line_of_a_route_without_a_success_member_has_null() {
    let service = spawn();
    service.client.get(service.url("/health")).header("X-Request-Id", "line-health").send().unwrap();
    let line = service.wait_for_event("http_request", |line| line["request_id"] == "line-health");
    assert_eq!((&line["success"], &line["error_code"]), (&Value::Null, &Value::Null));
}

#[test]
fn hostile_header_values_break_no_line() {
    let service = spawn();
    for value in ["a b;${jndi:x}", "\"},{\"event\":\"forged\"", "ääääääää"] {
        service
            .client
            .get(service.url("/nowhere\"%0a{}"))
            .header("X-Request-Id", value.as_bytes())
            .send()
            .unwrap();
    }
    service.wait_for_event("http_request", |line| line["endpoint"] == "unmatched");
    assert!(service.log().iter().all(|line| line["event"] != "forged"));
}
