//! Malformed HTTP (rows H4 and O10): bad chunks are answered, nothing behind them is a request, and nonsense is no error of
//! the service.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use serde_json::Value;

use crate::test_service::{TestService, spawn};

/// Routes whose handlers receive a body in different ways.
const WITH_BODIES: [(&str, &str); 5] = [
    ("/process", "image/png"),
    ("/process", "application/json"),
    ("/process", "multipart/form-data; boundary=x"),
    ("/process_zip", "application/zip"),
    ("/jobs", "application/json"),
];

#[test]
fn h4_a_malformed_chunk_is_answered() {
    let service = spawn();
    for (path, kind) in WITH_BODIES {
        // With the head at once, and later; the rest of the body is still being sent.
        for (first, then) in [("nonsense\r\n", ""), ("3\r\n{\"a\r\n", "3\r\n\"b\"x\r\n"), ("5;a=b\u{1}", "")]
        {
            let mut socket = service.socket();
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
            );
            socket.write_all(format!("{head}{first}").as_bytes()).unwrap();
            if !then.is_empty() {
                std::thread::sleep(Duration::from_millis(100));
                socket.write_all(then.as_bytes()).unwrap();
            }
            let _ = socket.write_all(&vec![b'x'; 1_000_000]);
            let _ = socket.shutdown(Shutdown::Write);
            let mut answer = String::new();
            socket.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 400"), "{path} {kind} {first:?}: {answer}");
            assert!(
                answer.contains("application/problem+json") && answer.contains("INVALID_INPUT"),
                "{answer}"
            );
            assert!(answer.contains("x-request-id") && answer.contains("chunk"), "{answer}");
            assert!(!answer[12..].contains("HTTP/1.1 "), "one answer: {answer}");
        }
    }
    service.assert_healthy();
    assert_eq!(error_lines(&service), Vec::<Value>::new());
}

#[test]
fn h4_what_follows_a_malformed_chunk_is_no_request() {
    let service = spawn();
    let answer = service.raw(
        b"POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n\
          3\r\nabcd\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 400") && !answer.contains("healthy"), "{answer}");
    let good = service.raw(
        b"POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n\
          3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    assert!(good.starts_with("HTTP/1.1 415") || good.starts_with("HTTP/1.1 422"), "{good}");
    assert!(good.contains("healthy"), "the next request is answered: {good}");
    service.assert_healthy();
}

#[test]
fn o10_nonsense_is_no_error_of_the_service() {
    let service = spawn();
    for nonsense in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let answer = service.raw(nonsense);
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    let huge = [&b"GET / HTTP/1.1\r\nX: "[..], &vec![b'x'; 140_000]].concat();
    assert!(service.raw(&huge).starts_with("HTTP/1.1 431"));
    service.assert_healthy();
    assert_eq!(error_lines(&service), Vec::<Value>::new());
}

fn error_lines(service: &TestService) -> Vec<Value> {
    service.log().into_iter().filter(|line| line["level"] == "error" || line["level"] == "warn").collect()
}
