//! Requests behind one whose body was not read (row H4): the answer closes the connection, and what follows is no request,
//! since it may be the rest of that body. The client can read the answer: no reset destroys it.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::job_requests::{OPERATOR, paused_with, resume};
use crate::test_service::{TestService, spawn};

const NEXT: &str = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

/// A request that is answered before its body is read: what refuses it, the status, its head and its body.
type Refused = (&'static str, u16, &'static str, &'static str);

const REFUSED: [Refused; 15] = [
    ("no such route", 404, "POST /nothing HTTP/1.1\r\nContent-Length: 3", "abc"),
    ("no such method", 405, "PUT /process HTTP/1.1\r\nContent-Length: 3", "abc"),
    ("a type", 415, "POST /process HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 3", "abc"),
    (
        "a type, in chunks",
        415,
        "POST /process HTTP/1.1\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked",
        "3\r\nabc\r\n0\r\n\r\n",
    ),
    (
        "an encoding",
        415,
        "POST /process HTTP/1.1\r\nContent-Type: image/png\r\nContent-Encoding: gzip\r\nContent-Length: 3",
        "abc",
    ),
    (
        "an encoding, in chunks",
        415,
        "POST /jobs HTTP/1.1\r\nContent-Type: image/png\r\nContent-Encoding: br\r\nTransfer-Encoding: chunked",
        "3\r\nabc\r\n0\r\n\r\n",
    ),
    ("a credential", 401, "POST /queue/pause HTTP/1.1\r\nContent-Length: 3", "abc"),
    (
        "a length",
        413,
        "POST /process HTTP/1.1\r\nContent-Type: image/png\r\nContent-Length: 99000000",
        "the beginning",
    ),
    (
        "a route with Expect",
        404,
        "POST /nothing HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3",
        "abc",
    ),
    (
        "a type with Expect",
        415,
        "POST /process HTTP/1.1\r\nExpect: 100-continue\r\nContent-Type: text/plain\r\nContent-Length: 3",
        "abc",
    ),
    (
        "a route with Expect, in chunks",
        404,
        "POST /nothing HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked",
        "",
    ),
    (
        "a type with Expect, in chunks that go on",
        415,
        "POST /process HTTP/1.1\r\nExpect: 100-continue\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked",
        "7fffffff\r\nabc",
    ),
    (
        "a type with Expect whose body the client leaves out",
        415,
        "POST /process HTTP/1.1\r\nExpect: 100-continue\r\nContent-Type: text/plain\r\nContent-Length: 36",
        "",
    ),
    (
        "an encoding with Expect",
        415,
        "POST /process HTTP/1.1\r\nExpect: 100-continue\r\nContent-Type: image/png\r\nContent-Encoding: gzip\r\nContent-Length: 3",
        "abc",
    ),
    (
        "a length with Expect",
        413,
        "POST /process HTTP/1.1\r\nExpect: 100-continue\r\nContent-Type: image/png\r\nContent-Length: 99000000",
        "",
    ),
];

/// How the client sends what follows the head.
#[derive(Debug, Clone, Copy)]
enum Timing {
    /// All at once.
    Together,
    /// The body and the next request behind the head, in a packet of their own.
    BodyApart,
    /// The next request once the answer has begun.
    AfterTheAnswer,
}

fn send(service: &TestService, (_, _, head, body): Refused, timing: Timing) -> String {
    let mut socket = service.socket();
    socket.set_nodelay(true).unwrap();
    let (line, fields) = head.split_once("\r\n").unwrap();
    let head = format!("{line}\r\nHost: x\r\n{fields}\r\n\r\n");
    let mut answer = Vec::new();
    match timing {
        Timing::Together => write(&mut socket, &format!("{head}{body}{NEXT}")),
        Timing::BodyApart => {
            write(&mut socket, &head);
            write(&mut socket, &format!("{body}{NEXT}"));
        }
        Timing::AfterTheAnswer => {
            write(&mut socket, &format!("{head}{body}"));
            let mut first = [0];
            socket.read_exact(&mut first).unwrap();
            answer.extend(first);
            write(&mut socket, NEXT);
        }
    }
    socket.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

/// The server may have closed the connection already.
fn write(socket: &mut TcpStream, text: &str) {
    let _ = socket.write_all(text.as_bytes());
}

#[test]
fn h4_what_follows_an_unread_body_is_no_request() {
    let service =
        TestService::start(&[("OPERATOR_TOKEN", OPERATOR), ("HUEMILL__SERVER__LINGER_SECONDS", "1")]);
    for refused in REFUSED {
        let (what, status, ..) = refused;
        for timing in [Timing::Together, Timing::BodyApart, Timing::AfterTheAnswer] {
            let answer = send(&service, refused, timing);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}, {timing:?}: {answer}");
            let (head, _) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.to_ascii_lowercase().contains("connection: close"), "{what}, {timing:?}: {head}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}, {timing:?}: {answer}");
            assert!(answer.contains("request_id"), "the answer is whole: {what}, {timing:?}: {answer}");
        }
    }
    service.assert_healthy();
}

#[test]
fn h4_a_body_that_no_handler_reads_is_read_or_closes_the_connection() {
    let service = spawn();
    let head = "GET /health HTTP/1.1\r\nHost: x\r\nContent-Length:";
    let last = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (request, answers) in [
        (format!("{head} 3\r\n\r\nabc{last}"), 2),
        // More than is dropped, and a body that is not complete.
        (format!("{head} 100000\r\n\r\n{}{last}", "x".repeat(100_000)), 1),
        (format!("{head} 1000\r\n\r\n{last}"), 1),
    ] {
        let answer = service.raw(request.as_bytes());
        assert_eq!(answer.matches("\"healthy\"").count(), answers, "{answer}");
        let first = answer.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
        assert_eq!(first.contains("connection: close"), answers == 1, "{first}");
    }
}

#[test]
fn h4_what_follows_a_request_that_closes_is_no_request() {
    let service = spawn();
    let answer =
        service.raw(format!("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n{NEXT}").as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[test]
fn requests_in_a_pipeline_are_answered_in_their_order() {
    let service = spawn();
    let post = |body: &str| {
        let length = body.len();
        format!(
            "POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let chunked = "POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n0\r\n\r\n";
    let last = "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let large = post(&"x".repeat(300_000));
    let requests = [NEXT, &post("abc"), NEXT, chunked, &large, NEXT, last].concat();
    let answer = service.raw(requests.as_bytes());
    let statuses: Vec<_> = answer.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "415", "200", "415", "415", "200", "404"], "{answer}");
}

#[test]
fn a_blank_line_behind_a_request_does_not_end_its_answer() {
    let (service, id) = paused_with(2, &[("HUEMILL__SERVER__HEADER_SECONDS", "1")]);
    let mut stream = service.socket();
    write(&mut stream, &format!("GET /jobs/{id}/events HTTP/1.1\r\nHost: x\r\n\r\n\r\n"));
    // When a head that begins later has run out of time, the blank line has been there for as long.
    let mut late = service.socket();
    write(&mut late, &format!("{NEXT}G"));
    late.read_to_end(&mut Vec::new()).unwrap();

    resume(&service);
    let mut events = Vec::new();
    while !String::from_utf8_lossy(&events).contains("event: completed") {
        let mut part = [0; 4_096];
        let length = stream.read(&mut part).unwrap();
        assert!(length > 0, "the stream was cut off: {}", String::from_utf8_lossy(&events));
        events.extend_from_slice(&part[..length]);
    }
}

#[test]
fn an_upgrade_that_is_not_made_closes_the_connection_and_says_so() {
    let service = spawn();
    let head =
        "GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n";
    let answer = service.raw(format!("{head}{NEXT}").as_bytes());
    let first = answer.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
    assert!(first.starts_with("http/1.1 200 ") && first.contains("connection: close"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}
