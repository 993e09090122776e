//! Hostile HTTP (rows H1 to H12): the service refuses it as documented and leaves nothing behind.

use std::io::{Read, Write};
use std::time::Duration;

use reqwest::blocking::multipart::{Form, Part};

use crate::answers::{assert_complete_answer, photo};
use crate::test_service::{TestService, assert_problem, spawn};

/// Settings with short time limits.
const SHORT_LIMITS: [(&str, &str); 5] = [
    ("HUEMILL__SERVER__LINGER_SECONDS", "1"),
    ("HUEMILL__SERVER__HEADER_SECONDS", "1"),
    ("HUEMILL__UPLOADS__IDLE_SECONDS", "1"),
    ("HUEMILL__UPLOADS__PACE_GRACE_SECONDS", "1"),
    ("HUEMILL__UPLOADS__MIN_BYTES_PER_SECOND", "4096"),
];

/// Writes a byte at a time until the server gives up, and returns its answer.
fn dribble(service: &TestService, head: &str, bytes: &[u8]) -> String {
    let mut socket = service.socket();
    socket.write_all(head.as_bytes()).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut answer = Vec::new();
    for byte in bytes.iter().cycle().take(600) {
        let gone = socket.write_all(&[*byte]).is_err();
        let mut chunk = [0; 4096];
        match socket.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&chunk[..count]),
            Err(_) if gone => break,
            Err(_) => {}
        }
        if !answer.is_empty() {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn h1_headers_that_arrive_a_byte_at_a_time_are_answered_408() {
    let service = TestService::start(&SHORT_LIMITS);
    let answer = dribble(&service, "GET /health HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    service.assert_healthy();
}

#[test]
fn h1_later_heads_of_a_connection_have_a_time_limit_too() {
    let service = TestService::start(&SHORT_LIMITS);
    let refused = "GET /health HTTP/1.1\r\nTransfer-Encoding: x\r\n";
    for beginning in ["GET /hea", "\r\n", refused] {
        let mut socket = service.socket();
        socket.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = [0; 4_096];
        assert!(socket.read(&mut answer).unwrap() > 0);
        socket.write_all(beginning.as_bytes()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // The connection is kept for 75 seconds if it is idle. This one is not.
        let end = socket.read(&mut answer);
        assert!(!end.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "{beginning:?}");
    }
    service.assert_healthy();
}

#[test]
fn h1_a_client_whose_heads_each_come_in_time_is_served_for_longer_than_one_may_take() {
    let service = crate::test_service::spawn();
    let (mut socket, started) = (service.socket(), std::time::Instant::now());
    // A head may take five seconds.
    while started.elapsed() < Duration::from_secs(7) {
        socket.write_all(b"GET /health HT").unwrap();
        std::thread::sleep(Duration::from_millis(500));
        socket.write_all(b"TP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = [0; 4_096];
        assert!(socket.read(&mut answer).unwrap() > 0);
    }
    service.assert_healthy();
}

#[test]
fn h2_a_body_that_is_too_slow_is_answered_408() {
    let service = TestService::start(&SHORT_LIMITS);
    let head =
        "POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 100000\r\n\r\n";
    let dribbled = dribble(&service, head, b"x");
    let stopped = service.raw(head.as_bytes());
    let chunked = service.raw(b"POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    let form = service.raw(b"POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 5000\r\n\r\n--b\r\n");
    for answer in [dribbled, stopped, chunked, form] {
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("REQUEST_TIMEOUT"), "{answer}");
    }
    service.assert_healthy();
}

#[test]
fn h3_too_many_or_too_long_headers_are_refused() {
    let service = spawn();
    let many = "X-One: y\r\n".repeat(97);
    let long = format!("X-Long: {}\r\n", "y".repeat(200_000));
    for headers in [many, long] {
        let answer = service.raw(format!("GET /health HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes());
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.1 431"),
            "{answer}"
        );
    }
    service.assert_healthy();
}

#[test]
fn h4_ambiguous_lengths_are_refused() {
    let service = spawn();
    for head in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: +4\r\n",
        "Content-Length: 4, 4\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
    ] {
        let answer = service.raw(
            format!("POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n{head}\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                .as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 400"), "{head:?}: {answer}");
        assert!(!answer.contains("\"healthy\""), "the smuggled request was answered: {answer}");
    }
    let chunked = |chunks: &str| {
        service.raw(format!("POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunks}").as_bytes())
    };
    let extended = chunked("1;a=b\r\nx\r\n0\r\n\r\n");
    assert!(extended.starts_with("HTTP/1.1 415"), "a chunk extension must be ignored: {extended}");
    let broken = chunked("1;a=\r\nb\r\nx\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(broken.is_empty() || broken.starts_with("HTTP/1.1 400"), "{broken}");
    assert!(!broken.contains("\"healthy\""), "{broken}");
    service.assert_healthy();
}

#[test]
fn h5_a_body_that_is_too_large_is_refused_and_the_client_gets_the_answer() {
    let service = spawn();
    let large = vec![b'A'; 53_000_000];
    let form = Form::new().part("image", Part::bytes(large.clone()).file_name("large.png"));
    assert_problem(service.post("/process").multipart(form).send().unwrap(), 413, "PAYLOAD_TOO_LARGE");
    assert_problem(service.process(large.clone()), 413, "PAYLOAD_TOO_LARGE");
    let json = format!("{{\"image\": \"{}\"}}", String::from_utf8(vec![b'A'; 75_000_000]).unwrap());
    let answer =
        service.post("/process").header("content-type", "application/json").body(json).send().unwrap();
    assert_problem(answer, 413, "PAYLOAD_TOO_LARGE");
    let chunked = reqwest::blocking::Body::new(std::io::Cursor::new(large));
    let answer = service.post("/process").header("content-type", "image/png").body(chunked).send().unwrap();
    assert_problem(answer, 413, "PAYLOAD_TOO_LARGE");
    service.assert_healthy();
    assert!(service.peak_kib() < 150_000, "{} KiB", service.peak_kib());
}

#[test]
fn h5_a_zip_over_the_limit_is_refused_and_the_client_gets_the_answer() {
    let service = TestService::start(&[("HUEMILL__LIMITS__ZIP_BYTES", "60000000")]);
    let large = vec![0; 61_000_000];
    assert_problem(service.process_zip(large.clone()), 413, "PAYLOAD_TOO_LARGE");
    let chunked = reqwest::blocking::Body::new(std::io::Cursor::new(large));
    let answer =
        service.post("/process_zip").header("content-type", "application/zip").body(chunked).send().unwrap();
    assert_problem(answer, 413, "PAYLOAD_TOO_LARGE");
    service.assert_healthy();
}

fn multipart(service: &TestService, boundary: &str, body: &[u8]) -> reqwest::blocking::Response {
    let kind = format!("multipart/form-data{boundary}");
    service.post("/process").header("content-type", kind).body(body.to_vec()).send().unwrap()
}

#[test]
fn h6_malformed_forms_are_refused_as_invalid_input() {
    let service = spawn();
    let part = |head: &str| format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\nx\r\n");
    let end = "--b--\r\n";
    let twice = [part("name=\"image\""), part("name=\"image\"")].concat() + end;
    for (boundary, body) in [
        ("", part("name=\"image\"") + end),
        ("; boundary=b", part("name=\"x\"").repeat(10_000) + end),
        ("; boundary=b", part(&format!("name=\"image\"; filename=\"{}\"", "x".repeat(1_000_000))) + end),
        ("; boundary=b", part("filename=\"a.png\"") + end),
        ("; boundary=b", twice),
        ("; boundary=b", part("name=\"image\"; filename=\"../../x.png\"") + end),
        ("; boundary=b", part("name=\"image\"; filename=\"a%0D%0Ab.png\"") + end),
        ("; boundary=b", part("name=\"image\"; filename*=UTF-8''a%0d%0ab.png") + end),
        ("; boundary=b", part("name=\"image\"")),
        ("; boundary=b", "garbage without any boundary".to_owned()),
    ] {
        assert_problem(multipart(&service, boundary, body.as_bytes()), 400, "INVALID_INPUT");
    }
    service.assert_healthy();
}

#[test]
fn h7_hostile_json_is_refused_as_invalid_input() {
    let service = spawn();
    let deep = format!("{{\"image\": {}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        &deep,
        "{\"image\": \"a\", \"image\": \"b\"}",
        "{\"image\": 1e400}",
        "{\"image\": NaN}",
        "{\"image\": \"\\ud800\"}",
        "[\"image\"]",
        "{\"image\": \"====\"}",
        "{\"image\": \"a*b\"}",
        "{\"image\": \"data:image/png,notbase64\"}",
        "\u{feff}\u{feff}{}",
    ] {
        let answer = service
            .post("/process")
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send()
            .unwrap();
        assert_problem(answer, 400, "INVALID_INPUT");
    }
    service.assert_healthy();
}

#[test]
fn h8_control_characters_in_headers_are_refused_by_the_parser() {
    let service = spawn();
    for value in ["a\x1b[31mb", "a\0b"] {
        let answer = service
            .raw(format!("GET /health HTTP/1.1\r\nHost: x\r\nX-Request-Id: {value}\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    service.assert_healthy();
}

#[test]
fn h10_requests_beyond_the_queue_are_refused_and_health_still_answers() {
    let service = TestService::start(&[
        ("HUEMILL__WORKERS__COUNT", "1"),
        ("HUEMILL__WORKERS__QUEUE", "4"),
        ("HUEMILL__UPLOADS__IN_FLIGHT", "64"),
    ]);
    let picture = photo("png");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = || {
            let answer = service.process(picture.clone());
            let status = answer.status().as_u16();
            if status == 429 {
                assert!(answer.headers().contains_key("retry-after"));
                let problem = assert_problem(answer, 429, "RATE_LIMITED");
                let message = problem["user_message"].as_str().unwrap();
                assert!(message.contains(" at the moment (limit `"), "{message}");
            }
            status
        };
        let all: Vec<_> = (0..200).map(|_| scope.spawn(ask)).collect();
        assert_eq!(service.get("/health").status(), 200);
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
    assert!(statuses.contains(&200) && statuses.contains(&429), "{statuses:?}");
    assert_complete_answer(&service.process(picture).json().unwrap(), 10);
    service.assert_healthy();
}

#[test]
fn h10_idle_connections_do_not_block_requests() {
    let service = spawn();
    let idle: Vec<_> = (0..500).map(|_| service.socket()).collect();
    assert_eq!(service.process(photo("png")).status(), 200);
    drop(idle);
    service.assert_healthy();
}

#[test]
fn h11_a_client_that_disconnects_during_its_upload_leaves_nothing_behind() {
    let service = spawn();
    let mut sockets: Vec<_> = (0..4)
        .map(|_| {
            let mut socket = service.socket();
            socket.write_all(b"POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 20000000\r\n\r\n").unwrap();
            socket.write_all(&vec![0; 4_000_000]).unwrap();
            socket
        })
        .collect();
    service.wait_for("there are temporary files", |service| service.temporary_files() > 0);
    service.wait_for("uploads are in flight", |service| service.metric("uploads_in_flight_bytes") > 0);
    sockets.clear();
    service.wait_for("no upload is in flight", |service| service.metric("uploads_in_flight_bytes") == 0);
    service.wait_for("no request is active", |service| {
        service.get("/ready").json::<serde_json::Value>().unwrap()["active_requests"] == 0
    });
    service.wait_for("each request is logged", |service| {
        let gone = |line: &serde_json::Value| {
            line["event"] == "http_request" && (line["status_code"] == 400 || line["status_code"] == 499)
        };
        service.log().iter().filter(|line| gone(line)).count() == 4
    });
    service.assert_healthy();
}

#[test]
fn h11_a_client_that_disconnects_during_processing_frees_its_worker() {
    let service = TestService::start(&[("HUEMILL__WORKERS__COUNT", "1")]);
    let picture = crate::photos::jpeg(4000, 3000, 1);
    for _ in 0..3 {
        let mut socket = service.socket();
        let head = format!(
            "POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
            picture.len()
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(&picture).unwrap();
    }
    service.wait_for("all workers are idle", |service| {
        service.metric("worker_slots_busy") == 0 && service.metric("queue_depth") == 0
    });
    assert_complete_answer(&service.process(photo("png")).json().unwrap(), 10);
    service.assert_healthy();
}
