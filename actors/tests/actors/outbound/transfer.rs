//! Downloads: complete or an error, and bounded in time and bytes whatever the server does.

use std::process::Command;

use huemill_actors::fault::{Code, Fault};
use huemill_actors::outbound::{AddressPolicy, OutboundError, RequestFailure, RequestPhase};
use tokio::net::TcpListener;

use super::harness::{CAP, ForbiddenServer, fetch, policy, with_short_limits};
use super::http_server::{HttpServer, Response, answer, ok};
use crate::support::until;

type Outcome = (HttpServer, Result<Vec<u8>, OutboundError>);

async fn from(script: impl Fn(&str) -> Response + 'static) -> Outcome {
    from_with(|policy| policy, script).await
}

/// The same with short time limits.
async fn from_with_short_limits(script: impl Fn(&str) -> Response + 'static) -> Outcome {
    from_with(with_short_limits, script).await
}

async fn from_with(
    change: impl FnOnce(AddressPolicy) -> AddressPolicy,
    script: impl Fn(&str) -> Response + 'static,
) -> Outcome {
    let server = HttpServer::start("127.0.0.2:0", script).await;
    let policy = change(policy(&["127.0.0.2"], &[server.port()]));
    let outcome = fetch(&policy, &server.url("/x.png")).await;
    (server, outcome.map(|(_, bytes)| bytes))
}

fn head(headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes()
}

#[actix_rt::test]
async fn a_picture_arrives_complete() {
    let body: Vec<u8> = (0..CAP).map(|n| n as u8).collect();
    let (known, chunked, open) = (body.clone(), body.clone(), body.clone());
    assert!(from(move |_| ok(&known)).await.1.unwrap() == body);
    let (_, bytes) = from(move |_| {
        let mut bytes = head("Transfer-Encoding: chunked\r\n");
        for piece in chunked.chunks(10_000) {
            bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        Response::Once(bytes)
    })
    .await;
    assert!(bytes.unwrap() == body);
    let (_, bytes) = from(move |_| Response::Once([head(""), open.clone()].concat())).await;
    assert!(bytes.unwrap() == body);
    assert_eq!(from(|_| ok(b"")).await.1.unwrap(), b"");
    let old = b"HTTP/1.0 200 OK\r\n\r\nold".to_vec();
    assert_eq!(from(move |_| Response::Once(old.clone())).await.1.unwrap(), b"old");
    let early = [
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".to_vec(),
        head("Content-Length: 1\r\n"),
        b"x".to_vec(),
    ];
    assert_eq!(from(move |_| Response::Once(early.concat())).await.1.unwrap(), b"x");
}

#[actix_rt::test]
async fn the_request_has_only_the_expected_headers() {
    let server = HttpServer::start("127.0.0.2:0", |_| ok(b"")).await;
    let url = server.url("/a%0d%0aX-Evil:%20b?c=%0d%0a#d");
    fetch(&policy(&["127.0.0.2"], &[server.port()]), &url).await.unwrap();
    let request = server.requests().remove(0);
    let mut lines: Vec<_> = request.to_lowercase().lines().map(str::to_owned).collect();
    assert_eq!(lines.remove(0), "get /a%0d%0ax-evil:%20b?c=%0d%0a http/1.1");
    let mut names: Vec<_> = lines.iter().filter_map(|line| line.split_once(": ")).collect();
    names.sort_unstable();
    let host = server.address.to_string();
    let accept = "image/jpeg, image/png, image/webp, image/gif, image/bmp, image/tiff, */*;q=0.1";
    let agent = concat!("huemill/", env!("CARGO_PKG_VERSION"));
    let mut expected = vec![
        ("accept", accept),
        ("accept-encoding", "identity"),
        ("connection", "close"),
        ("host", &host),
        ("user-agent", agent),
    ];
    // The codec may add a date.
    expected.extend(names.iter().filter(|(name, _)| *name == "date"));
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[actix_rt::test]
async fn s19_an_endless_response_is_abandoned_at_the_deadline() {
    let (server, outcome) =
        from_with_short_limits(|_| Response::Drip(head("Content-Length: 90000\r\n"), b"x".to_vec())).await;
    assert_eq!(outcome.unwrap_err(), OutboundError::Timeout(RequestPhase::Body));
    until(|| server.broken() == 1).await;
    let (server, outcome) = from_with_short_limits(|_| {
        Response::Drip(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-More: 1\r\n".to_vec())
    })
    .await;
    let error = outcome.unwrap_err();
    assert_eq!(error, OutboundError::Timeout(RequestPhase::Head));
    assert_eq!(Fault::from(error).code, Code::UrlTimeout);
    until(|| server.broken() == 1).await;
}

#[actix_rt::test]
async fn s19_endless_headers_are_bounded_too() {
    let (server, outcome) =
        from(|_| Response::Flood(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-More: 1\r\n".repeat(1_000))).await;
    assert_eq!(
        outcome.unwrap_err(),
        OutboundError::Upstream { status: None, what: RequestFailure::Malformed }
    );
    until(|| server.broken() == 1).await;
}

#[actix_rt::test]
async fn a_server_that_never_answers_is_abandoned_at_the_deadline() {
    // The kernel accepts the connection, but the server never reads or writes.
    let silent = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let policy = with_short_limits(policy(&["127.0.0.2"], &[address.port()]));
    let http = fetch(&policy, &format!("http://{address}/")).await;
    assert_eq!(http.unwrap_err(), OutboundError::Timeout(RequestPhase::Head));
    let https = fetch(&policy, &format!("https://{address}/")).await;
    assert!(matches!(https, Err(OutboundError::Timeout(_))));
}

#[actix_rt::test]
async fn s20_no_more_bytes_than_the_cap_are_read() {
    let (_, outcome) = from(|_| Response::Flood(head("Content-Length: 10\r\n"), vec![7; 65_536])).await;
    assert_eq!(outcome.unwrap(), [7; 10], "bytes beyond the declared length are ignored");

    let large = OutboundError::TooLarge { limit: CAP };
    let (server, outcome) = from(|_| Response::Flood(head(""), vec![7; 65_536])).await;
    assert_eq!(outcome.unwrap_err(), large);
    until(|| server.broken() == 1).await;

    let chunk = [b"10000\r\n".to_vec(), vec![7; 65_536], b"\r\n".to_vec()].concat();
    let (server, outcome) =
        from(move |_| Response::Flood(head("Transfer-Encoding: chunked\r\n"), chunk.clone())).await;
    assert_eq!(outcome.unwrap_err(), large);
    until(|| server.broken() == 1).await;

    // If the declared length is too large, the body is not read at all.
    let (_, outcome) = from(|_| Response::Drip(head("Content-Length: 100001\r\n"), Vec::new())).await;
    assert_eq!(outcome.unwrap_err(), large);
    assert_eq!(Fault::from(large).code, Code::PayloadTooLarge);
    assert!(!large.may_retry());
}

#[actix_rt::test]
async fn s20_nothing_is_decompressed() {
    let compressed = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04\x00\x43\xbe\xb7\xe8\x01\x00\x00\x00";
    for encoding in ["gzip", "br", "zstd"] {
        let headers = format!("Content-Encoding: {encoding}\r\n");
        let (_, outcome) = from(move |_| answer("200 OK", &headers, compressed)).await;
        assert_eq!(outcome.unwrap(), compressed);
    }
}

#[actix_rt::test]
async fn s21_the_content_type_is_ignored() {
    let (_, outcome) = from(|_| answer("200 OK", "Content-Type: text/html\r\n", b"\x89PNG")).await;
    assert_eq!(outcome.unwrap(), b"\x89PNG");
}

#[actix_rt::test]
async fn s22_any_other_status_is_an_upstream_error() {
    let rows = [
        ("204 No Content", 204, false),
        ("206 Partial Content", 206, false),
        ("404 Not Found", 404, false),
        ("429 Too Many Requests", 429, true),
        ("500 Internal Server Error", 500, true),
        ("503 Service Unavailable", 503, true),
    ];
    for (line, status, retry) in rows {
        let (_, outcome) = from(move |_| answer(line, "", b"body")).await;
        let error = outcome.unwrap_err();
        assert_eq!(error, OutboundError::Upstream { status: Some(status), what: RequestFailure::Status });
        assert_eq!(error.may_retry(), retry, "{status}");
        assert_eq!(Fault::from(error).code, Code::UpstreamError);
    }
}

#[actix_rt::test]
async fn s22_a_broken_connection_is_not_a_complete_response() {
    let cut = OutboundError::Upstream { status: Some(200), what: RequestFailure::Cut };
    let (_, outcome) = from(|_| Response::Once([head("Content-Length: 10\r\n"), vec![7; 9]].concat())).await;
    assert_eq!(outcome.unwrap_err(), cut);
    let chunked = || head("Transfer-Encoding: chunked\r\n");
    let (_, outcome) = from(move |_| Response::Once([chunked(), b"5\r\nhello\r\n".to_vec()].concat())).await;
    assert_eq!(outcome.unwrap_err(), cut);
    let (_, outcome) = from(move |_| Response::Once([chunked(), b"5\r\nhel".to_vec()].concat())).await;
    assert_eq!(outcome.unwrap_err(), cut);
    let (_, outcome) = from(|_| Response::Reset([head("Content-Length: 10\r\n"), vec![7; 9]].concat())).await;
    assert!(matches!(outcome.unwrap_err(), OutboundError::Upstream { what: RequestFailure::Cut, .. }));
    assert!(cut.may_retry());
    assert_eq!(Fault::from(cut).code, Code::UpstreamError);
}

#[actix_rt::test]
async fn s22_an_invalid_response_or_none_is_an_upstream_error() {
    let (_, outcome) = from(|_| Response::Once(b"\x00\x01SSH-2.0\r\n\r\n".to_vec())).await;
    assert_eq!(
        outcome.unwrap_err(),
        OutboundError::Upstream { status: None, what: RequestFailure::Malformed }
    );
    let (_, outcome) = from(|_| Response::Once(Vec::new())).await;
    assert_eq!(outcome.unwrap_err(), OutboundError::Upstream { status: None, what: RequestFailure::Cut });
    let free = TcpListener::bind("127.0.0.2:0").await.unwrap().local_addr().unwrap();
    let policy = policy(&["127.0.0.2"], &[free.port()]);
    let error = fetch(&policy, &format!("http://{free}/")).await.unwrap_err();
    assert_eq!(error, OutboundError::Upstream { status: None, what: RequestFailure::Connect });
    assert!(error.may_retry());
}

#[actix_rt::test]
async fn s23_proxies_in_the_environment_are_ignored() {
    let forbidden = ForbiddenServer::start().await;
    let proxy = format!("http://{}", forbidden.address);
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "outbound::transfer::a_picture_arrives_complete", "--test-threads=1"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        child.env(name, &proxy);
    }
    let output = child.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
    forbidden.assert_untouched().await;
}
