//! Everything that comes over the wire counts, not only bodies: a server cannot send without end, whatever it sends.

use huemill_actors::fault::{Code, Fault};
use huemill_actors::outbound::{AddressPolicy, OutboundError, PostLimits, RequestFailure};

use super::dns_server::DnsServer;
use super::harness::{CAP, fetch, policy};
use super::http_server::{HttpServer, Response};
use super::posts::post;
use super::tls::identity;
use crate::support::until;

/// More than the kernel's buffers of both ends hold, beside what is read. The servers of these tests have no end.
const MOST: usize = 16 << 20;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const EARLY: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";

/// What a server sends first, and then without end.
type Flood = (Vec<u8>, Vec<u8>);

fn extension() -> Flood {
    ([CHUNKED, b"1;"].concat(), vec![b'x'; 65_536])
}

/// Chunks of one byte, each with a long extension.
fn extensions() -> Flood {
    (CHUNKED.to_vec(), [b"1;", vec![b'x'; 30_000].as_slice(), b"\r\ny\r\n"].concat())
}

fn trailers() -> Flood {
    ([CHUNKED, b"1\r\ny\r\n0\r\n"].concat(), b"X-More: 1\r\n".repeat(1_000))
}

/// Chunks of one byte: the body reaches its own limit later than the wire's.
fn small_chunks() -> Flood {
    (CHUNKED.to_vec(), b"1\r\ny\r\n".repeat(10_000))
}

fn interim() -> Flood {
    (Vec::new(), EARLY.repeat(1_000))
}

fn headers() -> Flood {
    (OK.to_vec(), b"X-More: 1\r\n".repeat(1_000))
}

fn line() -> Flood {
    ([OK, b"X-More: "].concat(), vec![b'x'; 65_536])
}

async fn serve((first, again): Flood) -> HttpServer {
    HttpServer::start("127.0.0.2:0", move |_| Response::Flood(first.clone(), again.clone())).await
}

/// Waits until the client has closed the connection, and checks that it has not read much.
async fn assert_bounded(server: &HttpServer) {
    until(|| server.broken() == 1).await;
    assert!(server.written() < MOST, "{} bytes were written", server.written());
}

/// Whether it sent too much. The codec refuses many headers before that.
fn is_oversized(error: &OutboundError) -> bool {
    let refused = [RequestFailure::Oversized, RequestFailure::Malformed];
    matches!(error, OutboundError::Upstream { what, .. } if refused.contains(what))
}

#[actix_rt::test]
async fn o9_a_download_ends_whatever_comes_without_end() {
    for (name, flood) in [
        ("an extension", extension()),
        ("extensions", extensions()),
        ("trailers", trailers()),
        ("small chunks", small_chunks()),
        ("interim responses", interim()),
        ("headers", headers()),
        ("a line", line()),
    ] {
        let server = serve(flood).await;
        let policy = policy(&["127.0.0.2"], &[server.port()]);
        let error = fetch(&policy, &server.url("/x.png")).await.unwrap_err();
        assert!(is_oversized(&error), "{name}: {error}");
        let is_malformed = error == OutboundError::Upstream { status: None, what: RequestFailure::Malformed };
        assert_eq!(
            (is_malformed, error.may_retry()),
            (name == "headers", name == "headers"),
            "{name}: {error}"
        );
        assert_eq!(Fault::from(error).code, Code::UpstreamError);
        assert_bounded(&server).await;
    }
}

#[actix_rt::test]
async fn o9_tls_hides_nothing() {
    let (tls, root) = identity();
    let (first, again) = extension();
    let respond = move |_: &str| Response::Flood(first.clone(), again.clone());
    let server = HttpServer::start_tls("127.0.0.2:0", tls, respond).await;
    let dns = DnsServer::start(&[("secure.test", &[&["127.0.0.2"]])]).await;
    let roots = Some(root.path().to_owned());
    let policy =
        AddressPolicy { nameservers: vec![dns.address], roots, ..policy(&["127.0.0.2"], &[server.port()]) };
    let error = fetch(&policy, &format!("https://secure.test:{}/", server.port())).await.unwrap_err();
    assert!(is_oversized(&error), "{error}");
    assert_bounded(&server).await;
}

#[actix_rt::test]
async fn o9_the_response_to_a_webhook_ends_whatever_comes_without_end() {
    for flood in [interim(), headers(), line()] {
        let server = serve(flood).await;
        let error = post(&server, PostLimits::default()).await.unwrap_err();
        assert!(is_oversized(&error), "{error}");
        assert_bounded(&server).await;
    }
    // Once the head has come, its status counts.
    for flood in [extension(), extensions(), trailers()] {
        let server = serve(flood).await;
        assert_eq!(post(&server, PostLimits::default()).await.unwrap().status, 200);
        assert_bounded(&server).await;
    }
}

#[actix_rt::test]
async fn o9_a_redirect_is_followed_without_reading_its_body() {
    let head = b"HTTP/1.1 302 Found\r\nLocation: /next\r\n\r\n".to_vec();
    let last = [OK, b"Content-Length: 1\r\n\r\ny"].concat();
    let server = HttpServer::start("127.0.0.2:0", move |path| {
        if path == "/next" {
            Response::Once(last.clone())
        } else {
            Response::Flood(head.clone(), vec![7; 65_536])
        }
    })
    .await;
    let policy = policy(&["127.0.0.2"], &[server.port()]);
    assert_eq!(fetch(&policy, &server.url("/x.png")).await.unwrap().1, b"y");
    assert_bounded(&server).await;
}

#[actix_rt::test]
async fn a_few_interim_responses_are_accepted() {
    for (count, is_accepted) in [(8, true), (9, false)] {
        let response = [&EARLY.repeat(count), OK, b"Content-Length: 1\r\n\r\ny"].concat();
        let server = HttpServer::start("127.0.0.2:0", move |_| Response::Once(response.clone())).await;
        let outcome = fetch(&policy(&["127.0.0.2"], &[server.port()]), &server.url("/")).await;
        assert_eq!(outcome.is_ok(), is_accepted, "{count}");
    }
}

#[actix_rt::test]
async fn a_picture_of_the_maximum_size_arrives_in_chunks() {
    let chunk = [b"100;a=b\r\n".as_slice(), &[7; 256], b"\r\n"].concat();
    let count = CAP as usize / 256;
    let response = [CHUNKED, &chunk.repeat(count), b"0\r\nX-Checksum: 7\r\n\r\n"].concat();
    let server = HttpServer::start("127.0.0.2:0", move |_| Response::Once(response.clone())).await;
    let (download, _) = fetch(&policy(&["127.0.0.2"], &[server.port()]), &server.url("/")).await.unwrap();
    assert_eq!(download.bytes, (count * 256) as u64);
}
