//! Downloads: whole or an error, bounded by time and by bytes whatever the server does.

use std::process::Command;

use huemill_actors::fault::{Code, Fault};
use huemill_actors::outbound::{AddressPolicy, OutboundError, RequestFailure, RequestPhase};
use tokio::net::TcpListener;

use crate::ground::{CAP, Canary, fetch, hasty, on_actix, policy, until};
use crate::site::{Say, Site, answer, ok};

type Outcome = (Site, Result<Vec<u8>, OutboundError>);

async fn from(say: impl Fn(&str) -> Say + 'static) -> Outcome {
    under(|policy| policy, say).await
}

/// The same with little patience.
async fn soon_from(say: impl Fn(&str) -> Say + 'static) -> Outcome {
    under(hasty, say).await
}

async fn under(
    change: impl FnOnce(AddressPolicy) -> AddressPolicy,
    say: impl Fn(&str) -> Say + 'static,
) -> Outcome {
    let site = Site::open("127.0.0.2:0", say).await;
    let policy = change(policy(&["127.0.0.2"], &[site.port()]));
    let outcome = fetch(&policy, &site.url("/x.png")).await;
    (site, outcome.map(|(_, bytes)| bytes))
}

fn head(headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into_bytes()
}

#[test]
fn a_picture_arrives_whole() {
    on_actix(async {
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
            Say::Once(bytes)
        })
        .await;
        assert!(bytes.unwrap() == body);
        let (_, bytes) = from(move |_| Say::Once([head(""), open.clone()].concat())).await;
        assert!(bytes.unwrap() == body);
        assert_eq!(from(|_| ok(b"")).await.1.unwrap(), b"");
        let old = b"HTTP/1.0 200 OK\r\n\r\nold".to_vec();
        assert_eq!(from(move |_| Say::Once(old.clone())).await.1.unwrap(), b"old");
        let early = [
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".to_vec(),
            head("Content-Length: 1\r\n"),
            b"x".to_vec(),
        ];
        assert_eq!(from(move |_| Say::Once(early.concat())).await.1.unwrap(), b"x");
    });
}

#[test]
fn what_is_sent_is_plain() {
    on_actix(async {
        let site = Site::open("127.0.0.2:0", |_| ok(b"")).await;
        let url = site.url("/a%0d%0aX-Evil:%20b?c=%0d%0a#d");
        fetch(&policy(&["127.0.0.2"], &[site.port()]), &url).await.unwrap();
        let request = site.requests().remove(0);
        let mut lines: Vec<_> = request.to_lowercase().lines().map(str::to_owned).collect();
        assert_eq!(lines.remove(0), "get /a%0d%0ax-evil:%20b?c=%0d%0a http/1.1");
        let mut names: Vec<_> = lines.iter().filter_map(|line| line.split_once(": ")).collect();
        names.sort_unstable();
        let host = site.address.to_string();
        let accept = "image/jpeg, image/png, image/webp, image/gif, image/bmp, image/tiff, */*;q=0.1";
        let agent = concat!("huemill/", env!("CARGO_PKG_VERSION"));
        let mut expected = vec![
            ("accept", accept),
            ("accept-encoding", "identity"),
            ("connection", "close"),
            ("host", &host),
            ("user-agent", agent),
        ];
        // The codec names the date of its own accord.
        expected.extend(names.iter().filter(|(name, _)| *name == "date"));
        expected.sort_unstable();
        assert_eq!(names, expected);
    });
}

#[test]
fn s19_a_server_without_end_is_left_at_the_deadline() {
    on_actix(async {
        let (site, outcome) =
            soon_from(|_| Say::Drip(head("Content-Length: 90000\r\n"), b"x".to_vec())).await;
        assert_eq!(outcome.unwrap_err(), OutboundError::Timeout(RequestPhase::Body));
        until(|| site.broken() == 1).await;
        let (site, outcome) =
            soon_from(|_| Say::Drip(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-More: 1\r\n".to_vec())).await;
        let error = outcome.unwrap_err();
        assert_eq!(error, OutboundError::Timeout(RequestPhase::Head));
        assert_eq!(Fault::from(error).code, Code::UrlTimeout);
        until(|| site.broken() == 1).await;
    });
}

#[test]
fn s19_headers_without_end_are_bounded_as_well() {
    on_actix(async {
        let (site, outcome) =
            from(|_| Say::Flood(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-More: 1\r\n".repeat(1_000))).await;
        assert_eq!(
            outcome.unwrap_err(),
            OutboundError::Upstream { status: None, what: RequestFailure::Malformed }
        );
        until(|| site.broken() == 1).await;
    });
}

#[test]
fn a_server_that_never_answers_is_left_at_the_deadline() {
    on_actix(async {
        // It is connected by the kernel and never spoken to.
        let silent = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        let policy = hasty(policy(&["127.0.0.2"], &[address.port()]));
        let http = fetch(&policy, &format!("http://{address}/")).await;
        assert_eq!(http.unwrap_err(), OutboundError::Timeout(RequestPhase::Head));
        let https = fetch(&policy, &format!("https://{address}/")).await;
        assert!(matches!(https, Err(OutboundError::Timeout(_))));
    });
}

#[test]
fn s20_no_more_than_the_cap_is_taken() {
    on_actix(async {
        let (_, outcome) = from(|_| Say::Flood(head("Content-Length: 10\r\n"), vec![7; 65_536])).await;
        assert_eq!(outcome.unwrap(), [7; 10], "what comes behind the declared end does not exist");

        let large = OutboundError::TooLarge { limit: CAP };
        let (site, outcome) = from(|_| Say::Flood(head(""), vec![7; 65_536])).await;
        assert_eq!(outcome.unwrap_err(), large);
        until(|| site.broken() == 1).await;

        let chunk = [b"10000\r\n".to_vec(), vec![7; 65_536], b"\r\n".to_vec()].concat();
        let (site, outcome) =
            from(move |_| Say::Flood(head("Transfer-Encoding: chunked\r\n"), chunk.clone())).await;
        assert_eq!(outcome.unwrap_err(), large);
        until(|| site.broken() == 1).await;

        // Declared as too long: not a byte of it is waited for.
        let (_, outcome) = from(|_| Say::Drip(head("Content-Length: 100001\r\n"), Vec::new())).await;
        assert_eq!(outcome.unwrap_err(), large);
        assert_eq!(Fault::from(large).code, Code::PayloadTooLarge);
        assert!(!large.may_retry());
    });
}

#[test]
fn s20_nothing_is_decompressed() {
    on_actix(async {
        let squeezed =
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04\x00\x43\xbe\xb7\xe8\x01\x00\x00\x00";
        for encoding in ["gzip", "br", "zstd"] {
            let headers = format!("Content-Encoding: {encoding}\r\n");
            let (_, outcome) = from(move |_| answer("200 OK", &headers, squeezed)).await;
            assert_eq!(outcome.unwrap(), squeezed);
        }
    });
}

#[test]
fn s21_the_content_type_is_not_looked_at() {
    on_actix(async {
        let (_, outcome) = from(|_| answer("200 OK", "Content-Type: text/html\r\n", b"\x89PNG")).await;
        assert_eq!(outcome.unwrap(), b"\x89PNG");
    });
}

#[test]
fn s22_any_other_status_is_the_server_s_failure() {
    on_actix(async {
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
    });
}

#[test]
fn s22_a_broken_connection_is_told_from_a_whole_answer() {
    on_actix(async {
        let cut = OutboundError::Upstream { status: Some(200), what: RequestFailure::Cut };
        let (_, outcome) = from(|_| Say::Once([head("Content-Length: 10\r\n"), vec![7; 9]].concat())).await;
        assert_eq!(outcome.unwrap_err(), cut);
        let chunked = || head("Transfer-Encoding: chunked\r\n");
        let (_, outcome) = from(move |_| Say::Once([chunked(), b"5\r\nhello\r\n".to_vec()].concat())).await;
        assert_eq!(outcome.unwrap_err(), cut);
        let (_, outcome) = from(move |_| Say::Once([chunked(), b"5\r\nhel".to_vec()].concat())).await;
        assert_eq!(outcome.unwrap_err(), cut);
        let (_, outcome) = from(|_| Say::Reset([head("Content-Length: 10\r\n"), vec![7; 9]].concat())).await;
        assert!(matches!(outcome.unwrap_err(), OutboundError::Upstream { what: RequestFailure::Cut, .. }));
        assert!(cut.may_retry());
        assert_eq!(Fault::from(cut).code, Code::UpstreamError);
    });
}

#[test]
fn s22_no_answer_at_all() {
    on_actix(async {
        let (_, outcome) = from(|_| Say::Once(b"\x00\x01SSH-2.0\r\n\r\n".to_vec())).await;
        assert_eq!(
            outcome.unwrap_err(),
            OutboundError::Upstream { status: None, what: RequestFailure::Malformed }
        );
        let (_, outcome) = from(|_| Say::Once(Vec::new())).await;
        assert_eq!(outcome.unwrap_err(), OutboundError::Upstream { status: None, what: RequestFailure::Cut });
        let free = TcpListener::bind("127.0.0.2:0").await.unwrap().local_addr().unwrap();
        let policy = policy(&["127.0.0.2"], &[free.port()]);
        let error = fetch(&policy, &format!("http://{free}/")).await.unwrap_err();
        assert_eq!(error, OutboundError::Upstream { status: None, what: RequestFailure::Connect });
        assert!(error.may_retry());
    });
}

#[test]
fn s23_proxies_in_the_environment_are_not_asked() {
    on_actix(async {
        let canary = Canary::new().await;
        let proxy = format!("http://{}", canary.address);
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "transfer::a_picture_arrives_whole", "--test-threads=1"]);
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
            child.env(name, &proxy);
        }
        let output = child.output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{told}");
        canary.is_untouched().await;
    });
}
