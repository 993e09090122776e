//! What every answer has in common: request ids, cross-origin headers, methods, encodings, the shape of errors.

use std::collections::HashSet;
use std::io::{Read, Write};

use reqwest::Method;
use serde_json::Value;

use crate::answers::photo;
use crate::support::wait_until;
use crate::test_service::{assert_problem, spawn};

#[test]
fn a_valid_request_id_is_returned_and_an_invalid_one_is_replaced() {
    let service = spawn();
    let id = |sent: &str| {
        let answer = service.client.get(service.url("/health")).header("X-Request-Id", sent).send().unwrap();
        answer.headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(id("my-request.1"), "my-request.1");
    for unusable in ["short", "a b;${jndi:x}", &"x".repeat(10_000)] {
        let fresh = id(unusable);
        assert!(fresh.len() == 8 && fresh.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{fresh}");
    }
    let fresh: HashSet<String> = (0..50).map(|_| id("short")).collect();
    assert!(fresh.len() > 45, "the ids are not random");
}

#[test]
fn every_answer_has_a_request_id_and_cross_origin_headers() {
    let service = spawn();
    for (method, path) in [
        (Method::GET, "/health"),
        (Method::GET, "/nowhere"),
        (Method::GET, "/process"),
        (Method::POST, "/process"),
        (Method::OPTIONS, "/process"),
        (Method::HEAD, "/ready"),
        (Method::TRACE, "/health"),
    ] {
        let answer = service.client.request(method.clone(), service.url(path)).send().unwrap();
        let headers = answer.headers();
        assert!(headers.contains_key("x-request-id"), "{method} {path}");
        assert_eq!(headers["access-control-allow-origin"], "*", "{method} {path}");
        assert!(headers["access-control-expose-headers"].to_str().unwrap().contains("X-Request-Id"));
        assert_eq!(headers["cache-control"], "no-store", "{method} {path}");
    }
}

#[test]
fn a_preflight_request_is_answered_with_the_allowed_methods_and_headers() {
    let service = spawn();
    let answer = service
        .client
        .request(Method::OPTIONS, service.url("/process"))
        .header("Origin", "https://app.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "content-type,x-api-key,baggage,sentry-trace")
        .send()
        .unwrap();
    assert_eq!(answer.status(), 204);
    let headers = answer.headers();
    assert_eq!(headers["access-control-max-age"], "600");
    assert_eq!(headers["access-control-allow-methods"], "GET, HEAD, POST, DELETE, OPTIONS");
    assert_eq!(headers["access-control-allow-headers"], "content-type, x-api-key, baggage, sentry-trace");
    assert_eq!(
        headers["access-control-expose-headers"],
        "ETag, Retry-After, X-Request-Id, Location, Idempotency-Replayed, RateLimit, RateLimit-Policy, \
         Content-Disposition, Content-Range, Accept-Ranges"
    );
}

#[test]
fn only_configured_origins_may_read_answers() {
    let service = crate::test_service::TestService::start(&[(
        "HUEMILL__CORS__ORIGINS",
        "https://app.example,https://*.b.example",
    )]);
    let origin = |origin: &str| {
        let answer = service.client.get(service.url("/nowhere")).header("Origin", origin).send().unwrap();
        assert_eq!(answer.headers()["vary"], "origin");
        answer.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(origin("https://app.example").as_deref(), Some("https://app.example"));
    assert_eq!(origin("https://www.b.example").as_deref(), Some("https://www.b.example"));
    assert_eq!(origin("https://evil.example"), None);
}

#[test]
fn unknown_methods_and_paths_are_refused() {
    let service = spawn();
    let ask = |method: Method, path: &str| service.client.request(method, service.url(path)).send().unwrap();
    let allow = |answer: &reqwest::blocking::Response| answer.headers()["allow"].to_str().unwrap().to_owned();

    let answer = ask(Method::GET, "/process");
    assert!(allow(&answer).contains("POST"));
    assert_problem(answer, 405, "METHOD_NOT_ALLOWED");
    let answer = ask(Method::DELETE, "/health");
    assert!(allow(&answer).contains("GET"));
    assert_problem(answer, 405, "METHOD_NOT_ALLOWED");
    for method in [Method::TRACE, Method::from_bytes(b"BREW").unwrap()] {
        for path in ["/process", "/nowhere"] {
            let answer = ask(method.clone(), path);
            assert!(answer.headers().contains_key("allow"));
            assert_problem(answer, 405, "METHOD_NOT_ALLOWED");
        }
    }
    for path in ["/nowhere", "//process", "/process/", "/health/x"] {
        assert_problem(ask(Method::POST, path), 404, "NOT_FOUND");
    }
    let dotted = service.raw(b"GET /%2e%2e/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(dotted.starts_with("HTTP/1.1 404"), "{dotted}");
    assert!(service.metric("requests_total{code=\"404\",endpoint=\"unmatched\"}") >= 5);
}

#[test]
fn head_requests_of_probes_are_answered_as_get_without_a_body() {
    let service = spawn();
    for path in ["/health", "/ready", "/metrics"] {
        let answer =
            service.raw(format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200") && body.is_empty(), "{answer}");
        assert!(head.to_lowercase().contains("content-length"), "{head}");
    }
}

#[test]
fn errors_reveal_nothing_internal() {
    let service = spawn();
    let answer = service.process(b"GIF89a broken".to_vec());
    let body: Value = assert_problem(answer, 422, "PROCESSING_ERROR");
    let text = body.to_string();
    for internal in ["gif", "Damaged", "/src/", "panicked", "unexpected"] {
        assert!(!text.contains(internal), "{internal} in {text}");
    }
}

#[test]
fn h12_answers_are_never_compressed() {
    let service = spawn();
    let answer = service
        .post("/process")
        .header("accept-encoding", "gzip, br")
        .header("content-type", "image/png")
        .body(photo("png"));
    let answer = answer.send().unwrap();
    assert!(!answer.headers().contains_key("content-encoding"));
}

#[test]
fn expect_100_continue_is_answered_before_the_body_is_sent() {
    let service = spawn();
    let mut socket = service.socket();
    let head = "POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 60000000\r\nExpect: 100-continue\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    wait_until("the service answers", || {
        let mut chunk = [0; 4096];
        let count = socket.read(&mut chunk).unwrap();
        answer.extend_from_slice(&chunk[..count]);
        String::from_utf8_lossy(&answer).contains("PAYLOAD_TOO_LARGE") || count == 0
    });
    assert!(String::from_utf8_lossy(&answer).contains("413"), "{}", String::from_utf8_lossy(&answer));
}
