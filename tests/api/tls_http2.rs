//! HTTP/2: that it is spoken, and that its connections have the limits and ends of those of HTTP/1.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use awc::http::Version;
use awc::{Client, ClientResponse, Connector};
use futures_util::future::join_all;
use rustls::{ClientConnection, StreamOwned};
use serde_json::Value;

use crate::answers::photo;
use crate::support::{TIMEOUT, wait_until};
use crate::tls_service::{IMPATIENT, TlsService, large_answer};

/// Runs a client of HTTP/2.
fn with_http2<T>(tls: &TlsService, run: impl AsyncFnOnce(Client) -> T) -> T {
    let config = tls.authority.client(None, &["h2"]);
    actix_web::rt::System::new().block_on(async {
        let connector = Connector::new().rustls_0_23(config);
        run(Client::builder().connector(connector).timeout(TIMEOUT).finish()).await
    })
}

fn is_http2<S>(answer: &ClientResponse<S>) -> bool {
    answer.version() == Version::HTTP_2
}

#[test]
fn http2_is_spoken_where_the_client_can() {
    let tls = TlsService::start(&[]);
    with_http2(&tls, async |client| {
        let mut answer = client.get(tls.url("/health")).send().await.unwrap();
        assert!(is_http2(&answer) && answer.status() == 200, "{answer:?}");
        assert_eq!(answer.json::<Value>().await.unwrap()["status"], "healthy");
        assert_eq!(answer.headers().get("referrer-policy").unwrap(), "no-referrer");
        let post = || client.post(tls.url("/process")).content_type("image/png");
        let mut answer = post().send_body(photo("png")).await.unwrap();
        assert!(is_http2(&answer) && answer.status() == 200, "{answer:?}");
        let body: Value = answer.json().limit(10_000_000).await.unwrap();
        crate::answers::assert_complete_answer(&body, 10);
        let mut answer = client.get(tls.url("/metrics")).send().await.unwrap();
        assert_eq!(answer.status(), 404);
        assert_eq!(answer.json::<Value>().await.unwrap()["error_code"], "NOT_FOUND");
        let refused = post().send_body(vec![0_u8; 60_000_000]).await.unwrap();
        assert_eq!(refused.status(), 413, "the refusal of a large body arrives");
    });
    let line = tls.service.wait_for_event("http_request", |line| line["endpoint"] == "/health");
    assert_eq!(line["status_code"], 200);
    tls.assert_no_error_logged();
}

#[test]
fn requests_of_one_connection_have_the_places_of_connections() {
    let tls = TlsService::start(&[("HUEMILL__SERVER__MAX_CONNECTIONS", "12")]);
    let statuses = actix_web::rt::System::new().block_on(async {
        let stream = tokio::net::TcpStream::connect(tls.service.address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(tls.authority.client(None, &["h2"]));
        let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
        actix_web::rt::spawn(connection);
        let (mut answers, mut bodies) = (Vec::new(), Vec::new());
        for _ in 0..30 {
            client = client.ready().await.unwrap();
            let request = http::Request::post(tls.url("/process")).header("content-type", "image/png");
            let (answer, body) = client.send_request(request.body(()).unwrap(), false).unwrap();
            answers.push(tokio::time::timeout(Duration::from_secs(5), answer));
            // An upload that neither goes on nor ends.
            bodies.push(body);
        }
        let answers = join_all(answers).await;
        answers.into_iter().flatten().map(|answer| answer.unwrap().status().as_u16()).collect::<Vec<_>>()
    });
    // A caller alone has two thirds of the places: here eight, one of which is the connection's own.
    assert_eq!(statuses, [503; 22]);
    tls.wait_for_rest();
}

#[test]
fn o2_a_client_that_does_not_read_is_cut_off_on_http2_too() {
    let tls = TlsService::start(&IMPATIENT);
    with_http2(&tls, async |client| {
        let post = client.post(tls.url("/process_zip")).content_type("application/zip");
        let mut answer = post.send_body(large_answer()).await.unwrap();
        assert!(is_http2(&answer) && answer.status() == 200, "{answer:?}");
        // The connection is alive and the client answers its pings; it only does not read this answer.
        let ended = async {
            while active_requests(&tls).await != Some(0) {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(TIMEOUT, ended).await.expect("the request ends");
        assert!(answer.body().limit(1 << 30).await.is_err(), "the answer broke off");
    });
    tls.assert_no_error_logged();
}

#[test]
fn h3_too_many_or_too_long_headers_are_refused_on_http2_too() {
    let tls = TlsService::start(&[]);
    with_http2(&tls, async |client| {
        let get = || client.get(tls.url("/health"));
        let many = (0..97).fold(get(), |request, n| request.insert_header((format!("x-{n}"), "y")));
        let long =
            (0..3).fold(get(), |request, n| request.insert_header((format!("x-{n}"), "y".repeat(60_000))));
        for request in [many, long] {
            let mut answer = request.send().await.unwrap();
            assert!(is_http2(&answer) && answer.status() == 400, "{answer:?}");
            assert_eq!(answer.json::<Value>().await.unwrap()["error_code"], "INVALID_INPUT");
        }
        assert_eq!(get().send().await.unwrap().status(), 200);
    });
    tls.assert_no_error_logged();
}

/// A frame on stream 1: a header block, or a part of one.
fn header_frame(kind: u8, flags: u8, block: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = (block.len() as u32).to_be_bytes();
    [&[high, middle, low, kind, flags, 0, 0, 0, 1], block].concat()
}

#[test]
fn h3_header_blocks_without_end_cost_little_memory() {
    let tls = TlsService::start(&[]);
    let before = tls.service.resident_kib();
    // A short header, and then its index again and again: each byte stands for an entry of the parser's map.
    let first = [0x82, 0x87, 0x84, 0x41, 1, b'h', 0x40, 1, b'x', 0];
    let mut held = Vec::new();
    for _ in 0..24 {
        let mut stream = tls.connect(tls.authority.client(None, &["h2"]));
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let mut bytes = [&preface[..], &header_frame(1, 0, &first)].concat();
        for _ in 0..30 {
            bytes.extend(header_frame(9, 0, &[0xbe; 16_000]));
        }
        // A connection that has been refused takes no more.
        let _ = stream.write_all(&bytes).and_then(|()| stream.flush());
        held.push(stream);
    }
    // Two thirds of the places are for one client. All its other connections end.
    let has_ended = |stream: &mut StreamOwned<ClientConnection, TcpStream>| loop {
        match stream.read(&mut [0; 4_096]) {
            Ok(1..) => {}
            Ok(0) => return true,
            Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    };
    for stream in &mut held {
        stream.sock.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    }
    let mut most = 0;
    wait_until("all but a few connections end", || {
        most = most.max(tls.service.resident_kib());
        held.iter_mut().filter_map(|stream| has_ended(stream).then_some(())).count() >= 20
    });
    assert!(most < before + (200 << 10), "24 connections took {before} to {most} KiB");
    with_http2(&tls, async |client| {
        assert_eq!(client.get(tls.url("/health")).send().await.unwrap().status(), 200);
    });
    drop(held);
}

#[test]
fn an_idle_http2_connection_ends_and_holds_no_shutdown_up() {
    let mut tls = TlsService::start(&[("HUEMILL__SERVER__KEEP_ALIVE_SECONDS", "2")]);
    let mut stream = tls.connect(tls.authority.client(None, &["h2"]));
    // The preface and empty settings: a connection without a request.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    stream.flush().unwrap();
    let started = Instant::now();
    let mut rest = Vec::new();
    let end = stream.read_to_end(&mut rest);
    assert!(!end.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)));
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());

    let config = tls.authority.client(None, &["h2"]);
    let mut stream = tls.connect(config);
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    stream.flush().unwrap();
    let stopped = Instant::now();
    tls.service.signal("-TERM");
    assert!(tls.service.wait_for_exit().success());
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());
}

/// The number of requests in progress, for code that must not block.
async fn active_requests(tls: &TlsService) -> Option<u64> {
    let plain = Client::builder().timeout(TIMEOUT).finish();
    let mut answer = plain.get(format!("http://{}/ready", tls.operations)).send().await.ok()?;
    answer.json::<Value>().await.ok()?["active_requests"].as_u64()
}
