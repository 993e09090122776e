//! What every answer has in common: request ids, cross-origin headers, methods, encodings, the shape of errors.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;

use reqwest::Method;
use serde_json::Value;

use crate::answers::photo;
use crate::archives::{Member, zip};
use crate::job_requests::{accepted, album, ended, id, post_zip};
use crate::support::wait_until;
use crate::test_service::{TestService, assert_problem, spawn};

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

/// The body of an answer that is compressed.
fn unpacked(answer: reqwest::blocking::Response) -> Vec<u8> {
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    assert!(answer.headers().get_all("vary").iter().any(|vary| vary == "Accept-Encoding"));
    let (mut packed, mut body) = (answer, Vec::new());
    flate2::read::GzDecoder::new(&mut packed).read_to_end(&mut body).unwrap();
    body
}

#[test]
fn json_and_metrics_are_compressed_for_clients_that_ask() {
    let service = spawn();
    let ask = |path: &str, encoding: &str| {
        service.client.get(service.url(path)).header("accept-encoding", encoding).send().unwrap()
    };
    let metrics = String::from_utf8(unpacked(ask("/metrics", "gzip, deflate, br"))).unwrap();
    assert!(metrics.contains("requests_total") && metrics.ends_with('\n'), "{metrics}");
    let post = |encoding: &str| {
        let request = service.post("/process").header("content-type", "image/png");
        request.header("accept-encoding", encoding).body(photo("png")).send().unwrap()
    };
    crate::answers::assert_complete_answer(
        &serde_json::from_slice(&unpacked(post("gzip;q=0.5"))).unwrap(),
        10,
    );
    for encoding in ["", "identity", "gzip;q=0", "br"] {
        let plain = post(encoding);
        assert!(!plain.headers().contains_key("content-encoding"), "{encoding}");
        assert!(plain.headers().get_all("vary").iter().any(|vary| vary == "Accept-Encoding"), "{encoding}");
    }
    let member = Member::stored("a.png", &photo("png"));
    let zipped = service.post("/process_zip").header("content-type", "application/zip");
    let zipped =
        zipped.header("accept-encoding", "gzip").body(zip(&[member.clone(), member])).send().unwrap();
    let zipped: Value = serde_json::from_slice(&unpacked(zipped)).unwrap();
    assert_eq!(zipped["processed_count"], 2);
    let head = service
        .raw(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n");
    let (head, body) = head.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains("content-encoding: gzip") && body.is_empty(), "{head}");
}

#[test]
fn h12_archives_pictures_and_what_holds_secrets_are_never_compressed() {
    let service = spawn();
    let picture = service.post("/process").header("accept", "image/png").header("content-type", "image/png");
    let job = ended(&service, id(&accepted(post_zip(&service, album(2, 1)).send().unwrap())));
    let path = format!("/jobs/{}", id(&job));
    let get =
        |path: &str| service.client.get(service.url(path)).header("accept-encoding", "gzip").send().unwrap();
    for answer in [
        picture.header("accept-encoding", "gzip").body(photo("png")).send().unwrap(),
        get(&path),
        get(&format!("{path}/results.zip")),
        get(&format!("{path}/results/0/card")),
        get("/nowhere"),
    ] {
        assert!(!answer.headers().contains_key("content-encoding"), "{:?}", answer.headers());
    }
    let range =
        service.client.get(service.url(&format!("{path}/results.zip"))).header("accept-encoding", "gzip");
    assert_eq!(range.header("range", "bytes=0-3").send().unwrap().bytes().unwrap(), b"PK\x03\x04"[..]);
}

/// Sends the head of a request and returns the answer's head, or what comes before it.
fn answer_to_head(service: &TestService, head: &str) -> (TcpStream, String) {
    let mut socket = service.socket();
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    wait_until("the service answers", || {
        let mut chunk = [0; 4096];
        let count = socket.read(&mut chunk).unwrap();
        answer.extend_from_slice(&chunk[..count]);
        answer.windows(4).any(|end| end == b"\r\n\r\n") || count == 0
    });
    (socket, String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn h12a_a_client_that_asks_before_it_sends_its_body_is_refused_at_once() {
    let service = spawn();
    for (request, status) in [
        ("POST /process HTTP/1.1\r\nContent-Type: image/png\r\nContent-Length: 60000000", 413),
        ("POST /process HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 10", 415),
        (
            "POST /process HTTP/1.1\r\nContent-Type: image/png\r\nContent-Encoding: gzip\r\nContent-Length: 10",
            415,
        ),
        ("POST /nowhere HTTP/1.1\r\nContent-Type: image/png\r\nContent-Length: 10", 404),
        ("POST /health HTTP/1.1\r\nContent-Type: image/png\r\nContent-Length: 10", 405),
        ("POST /process?colors=1 HTTP/1.1\r\nContent-Type: image/png\r\nContent-Length: 10", 400),
        ("POST /keys HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 10", 401),
    ] {
        let head =
            format!("{request}\r\nHost: x\r\nX-Request-Id: my-request\r\nExpect: 100-continue\r\n\r\n");
        let (mut socket, answer) = answer_to_head(&service, &head);
        let lower = answer.to_lowercase();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        for header in ["x-request-id: my-request", "access-control-allow-origin: *", "connection: close"] {
            assert!(lower.contains(header), "{request}: {answer}");
        }
        assert!(lower.contains("application/problem+json"), "{answer}");
        let mut rest = Vec::new();
        assert!(socket.read_to_end(&mut rest).is_ok(), "the connection is not closed");
    }
    service.wait_for_event("http_request", |line| line["status_code"] == 413);
    service.assert_healthy();
}

#[test]
fn h12a_a_client_that_asks_before_it_sends_its_body_is_told_to_go_on() {
    let service = spawn();
    let picture = photo("png");
    let head = format!(
        "POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        picture.len()
    );
    let (mut socket, answer) = answer_to_head(&service, &head);
    assert_eq!(answer, "HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(&picture).unwrap();
    // The connection goes on: the next request is answered too, and asks for nothing.
    socket
        .write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n")
        .unwrap();
    let mut answers = Vec::new();
    socket.read_to_end(&mut answers).unwrap();
    let answers = String::from_utf8_lossy(&answers);
    assert!(answers.starts_with("HTTP/1.1 200 OK") && answers.contains("\"palette\""), "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 2);
    assert!(answers.contains("\"healthy\""));
    // A body that comes without waiting is read as well.
    let eager =
        service.raw(&[head.replace("Host: x", "Host: x\r\nConnection: close").as_bytes(), &picture].concat());
    assert!(eager.contains("HTTP/1.1 200 OK"), "{eager}");
    service.assert_healthy();
}

#[test]
fn a_head_request_with_a_body_is_answered_and_the_connection_goes_on() {
    let service = spawn();
    for body in [
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "Content-Length: 5\r\n\r\nhello",
        "Content-Length: 0\r\n\r\n",
    ] {
        let requests = format!(
            "HEAD /health HTTP/1.1\r\nHost: x\r\n{body}GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        );
        let answers = service.raw(requests.as_bytes());
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{body}: {answers}");
        assert_eq!(answers.matches("\"healthy\"").count(), 1, "{body}: {answers}");
    }
}

#[test]
fn a_location_is_below_the_path_of_the_public_url() {
    let service = TestService::start(&[("PUBLIC_URL", "https://example.org/api/huemill/")]);
    let answer = post_zip(&service, album(1, 0)).send().unwrap();
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let body: Value = answer.json().unwrap();
    assert_eq!(location, format!("/api/huemill/jobs/{}", id(&body)));
}
