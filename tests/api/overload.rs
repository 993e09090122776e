//! Overload by one caller (rows O1, O2 and O6): another caller beside it is served as if it were alone, and what is slow
//! without need ends. The stranger calls from 127.0.0.2, the honest caller from 127.0.0.1.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::answers::{assert_complete_answer, photo};
use crate::archives::{Member, zip};
use crate::job_requests::{OPERATOR, accepted, album, ended, id, path_of, post_zip};
use crate::support::pictures::noise_png;
use crate::support::{TIMEOUT, connect_from, wait_until};
use crate::test_service::{TestService, assert_problem};

/// Sends a request from the stranger's address, and reads nothing.
fn stranger(service: &TestService, request: &[u8]) -> TcpStream {
    let mut socket = connect_from([127, 0, 0, 2].into(), service.address);
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    // A server that refuses may close before it has read everything.
    let _ = socket.write_all(request);
    socket
}

fn upload(length: u64) -> Vec<u8> {
    let head = format!(
        "POST /process_zip HTTP/1.1\r\nHost: x\r\nContent-Type: application/zip\r\nContent-Length: {length}\r\n\r\n"
    );
    head.into_bytes()
}

/// Reads the head of the answer.
fn status_line(socket: &mut TcpStream) -> String {
    let mut answer = [0; 64];
    let read = socket.read(&mut answer).unwrap_or(0);
    String::from_utf8_lossy(&answer[..read]).lines().next().unwrap_or_default().to_owned()
}

fn assert_served(service: &TestService) {
    assert_complete_answer(&service.process(photo("png")).json().unwrap(), 10);
    assert_eq!(service.get("/ready").status(), 200);
}

#[test]
fn o1_uploads_that_are_only_announced_hold_nobody_up() {
    let service = TestService::start(&[
        ("HUEMILL__UPLOADS__IN_FLIGHT", "30"),
        ("HUEMILL__UPLOADS__IN_FLIGHT_BYTES", "524288000"),
    ]);
    let large = (0..8).map(|_| stranger(&service, &upload(500_000_000)));
    let mut held: Vec<_> = large.chain((0..40).map(|_| stranger(&service, &upload(10)))).collect();
    // One caller gets two thirds of the places.
    let mut refused = 0;
    wait_until("the stranger has its share only", || {
        held.retain_mut(|socket| {
            socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
            let is_refused = status_line(socket).contains(" 429 ");
            refused += usize::from(is_refused);
            !is_refused
        });
        refused >= 28
    });
    assert_served(&service);
    drop(held);
}

#[test]
fn o1_a_large_upload_must_come_fast_enough_to_end() {
    let service = TestService::start(&[
        ("HUEMILL__UPLOADS__PACE_GRACE_SECONDS", "1"),
        ("HUEMILL__UPLOADS__TOTAL_SECONDS", "100"),
    ]);
    // 50 kB a second would do for a small upload, but not for 500 MB.
    let mut socket = stranger(&service, &upload(500_000_000));
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let answer = std::iter::repeat_with(|| {
        let _ = socket.write_all(&[0; 5_000]);
        status_line(&mut socket)
    })
    .find(|line| !line.is_empty());
    assert!(answer.is_some_and(|line| line.contains(" 408 ")));
    service.wait_for("its bytes are free", |service| service.metric("uploads_in_flight_bytes") == 0);
}

/// An archive whose answer is larger than the buffers of a connection.
fn large_answer() -> Vec<u8> {
    let pictures: Vec<_> = (0..12).map(|n| Member::stored(format!("{n}.png"), &noise_png(900, n))).collect();
    let archive = zip(&pictures);
    [upload(archive.len() as u64), archive].concat()
}

#[test]
fn o2_admission_ends_with_the_work_and_not_with_the_last_byte_read() {
    let service = TestService::start(&[("HUEMILL__UPLOADS__IN_FLIGHT", "6")]);
    let request = large_answer();
    let readers: Vec<_> = (0..4).map(|_| stranger(&service, &request)).collect();
    service.wait_for("the pictures are processed", |service| {
        service.metric("images_processed_total{endpoint=\"/process_zip\"}") == 48
    });
    service.wait_for("no upload is in flight", |service| service.metric("uploads_in_flight_bytes") == 0);
    assert_served(&service);
    drop(readers);
}

#[test]
fn o2_a_client_that_does_not_read_is_cut_off() {
    let service = TestService::start(&[("HUEMILL__ANSWERS__IDLE_SECONDS", "1")]);
    let mut socket = stranger(&service, &large_answer());
    // Where pictures take long, the end comes before the last of them is processed.
    service.wait_for("the connection is closed", |service| {
        service.get("/ready").json::<serde_json::Value>().unwrap()["active_requests"] == 0
            && service.metric("images_processed_total{endpoint=\"/process_zip\"}") > 0
    });
    let mut answer = Vec::new();
    match socket.read_to_end(&mut answer) {
        Ok(_) => assert!(!answer.ends_with(b"0\r\n\r\n"), "the answer is complete"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    service.assert_healthy();
}

#[test]
fn o2_readers_of_results_that_do_not_read_hold_little() {
    let service = TestService::start(&[]);
    let pictures: Vec<_> = (0..12).map(|n| Member::stored(format!("{n}.png"), &noise_png(900, n))).collect();
    let job = accepted(post_zip(&service, zip(&pictures)).send().unwrap());
    let path = path_of(&service, &ended(&service, id(&job))["download_url"]);
    let whole = service.get(&path).bytes().unwrap();
    let rest = service.resident_kib();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let readers: Vec<_> = (0..200).map(|_| stranger(&service, request.as_bytes())).collect();
    service.wait_for("all downloads have started", |service| {
        service.metric("results_downloaded_total{kind=\"zip\"}") >= 201
    });
    service.wait_for("no blob is open", |service| service.open_files("blobs") == 0);
    assert_served(&service);
    let grown = service.resident_kib().saturating_sub(rest);
    assert!(grown < 200 * 200, "{grown} KiB for 200 readers");
    // Whoever goes on reading after a pause gets the same bytes as everybody.
    let mut reader = readers.into_iter().next().unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(&whole) {
        let mut part = vec![0; 1 << 20];
        let read = reader.read(&mut part).unwrap();
        assert!(read > 0, "the answer ends after {} bytes", answer.len());
        answer.extend_from_slice(&part[..read]);
    }
}

#[test]
fn o6_one_caller_cannot_have_all_connections() {
    let service = TestService::start(&[("HUEMILL__SERVER__MAX_CONNECTIONS", "120")]);
    let mut held: Vec<_> = (0..150).map(|_| stranger(&service, b"")).collect();
    for socket in &held {
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    }
    let refused = held.iter_mut().map(status_line).filter(|line| line.contains(" 503 ")).count();
    assert!(refused >= 60, "{refused} of 150 were refused");
    assert_eq!(service.get("/health").status(), 200);
    assert_served(&service);
}

#[test]
fn o6_one_caller_cannot_have_all_event_streams() {
    let service = TestService::start(&[
        ("OPERATOR_TOKEN", OPERATOR),
        ("HUEMILL__SERVER__EVENT_STREAMS", "30"),
        ("HUEMILL__ACCESS__EVENT_STREAMS", "3"),
    ]);
    assert_eq!(service.post("/queue/pause").bearer_auth(OPERATOR).send().unwrap().status(), 200);
    let job = accepted(post_zip(&service, album(1, 0)).send().unwrap());
    let path = format!("/jobs/{}/events", id(&job));
    let open = || {
        let mut socket = stranger(&service, format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        let line = status_line(&mut socket);
        (socket, line)
    };
    let mut held: Vec<_> = (0..5).map(|_| open()).collect();
    assert_eq!(held.iter().filter(|(_, line)| line.contains(" 200 ")).count(), 3);
    assert_eq!(held.iter().filter(|(_, line)| line.contains(" 429 ")).count(), 2);
    assert_eq!(service.metric("rate_limited_total{policy=\"event_streams\"}"), 2);
    assert_eq!(service.get(&path).status(), 200, "another caller has streams of its own");
    held.clear();
    service.wait_for("the places are free again", |_| open().1.contains(" 200 "));
}

#[test]
fn a_caller_that_sends_too_many_requests_is_told_when_to_come_back() {
    let service = TestService::start(&[("HUEMILL__ACCESS__REQUESTS_PER_MINUTE", "5")]);
    for _ in 0..5 {
        assert_eq!(service.get("/jobs/nothing").status(), 404);
    }
    let refused = service.get("/jobs/nothing");
    let headers = refused.headers().clone();
    assert_eq!(headers["ratelimit-policy"], "\"requests\";q=5;w=60");
    let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=12).contains(&wait), "{wait}");
    assert_eq!(headers["ratelimit"], format!("\"requests\";r=0;t={wait}").as_str());
    let body = assert_problem(refused, 429, "RATE_LIMITED");
    let message = format!(
        "You have sent too much in a short time: 5 requests a minute are allowed (limit `requests`). Try again in \
         {wait} s."
    );
    assert_eq!(body["user_message"], message);
    assert_eq!(body["violated-policies"], serde_json::json!(["requests"]));
    assert_eq!(body["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_eq!(service.get("/health").status(), 200, "probes are not limited");
    assert!(service.metric("rate_limited_total{policy=\"requests\"}") >= 1);
    let line = status_line(&mut stranger(&service, b"GET /jobs/nothing HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert!(line.contains(" 404 "), "another caller is not limited: {line}");
}

#[test]
fn only_a_trusted_proxy_says_who_calls() {
    for (trusted, expected) in [("127.0.0.1", 404), ("10.0.0.0/8", 429)] {
        let service = TestService::start(&[
            ("HUEMILL__ACCESS__REQUESTS_PER_MINUTE", "1"),
            ("HUEMILL__SERVER__TRUSTED_PROXIES", trusted),
        ]);
        let ask = |client: &str| {
            let request = service.client.get(service.url("/jobs/nothing")).header("x-forwarded-for", client);
            request.send().unwrap().status().as_u16()
        };
        assert_eq!(ask("198.51.100.1"), 404);
        assert_eq!(ask("198.51.100.2"), expected, "{trusted}");
    }
}
