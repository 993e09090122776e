//! Posts: one request, no redirects followed, and only the beginning of the response is read.

use std::time::Duration;

use bytes::Bytes;
use huemill_actors::outbound::{
    HeaderName, HeaderValue, Outbound, OutboundError, PostLimits, PostResponse, RequestFailure, RequestPhase,
    Target,
};

use super::harness::{ForbiddenServer, admit_all, policy};
use super::http_server::{HttpServer, Response, answer, redirect};
use crate::support::until;

pub(crate) async fn post(server: &HttpServer, limits: PostLimits) -> Result<PostResponse, OutboundError> {
    let policy = policy(&["127.0.0.2"], &[server.port()]);
    let target = Target::parse(&server.url("/hook?token=t"), &policy).unwrap();
    let headers = [
        (HeaderName::from_static("user-agent"), HeaderValue::from_static("Huemill-Webhook/1")),
        (HeaderName::from_static("webhook-id"), HeaderValue::from_static("msg_1")),
    ];
    let body = Bytes::from_static(b"{\"job_id\":\"job_1\"}");
    Outbound::new(policy).unwrap().post(&target, &headers, body, limits, &admit_all()).await
}

fn short() -> PostLimits {
    PostLimits { total: Duration::from_millis(300), ..PostLimits::default() }
}

#[actix_rt::test]
async fn a_post_arrives_with_its_headers_and_its_body() {
    let server =
        HttpServer::start("127.0.0.2:0", |_| answer("202 Accepted", "Retry-After: 7\r\n", b"thanks")).await;
    let answer = post(&server, PostLimits::default()).await.unwrap();
    assert_eq!(
        answer,
        PostResponse { status: 202, retry_after: Some("7".to_owned()), body: Bytes::from_static(b"thanks") }
    );
    let request = server.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "{\"job_id\":\"job_1\"}");
    let head = head.to_lowercase();
    assert!(head.starts_with("post /hook?token=t http/1.1\r\n"), "{head}");
    for line in ["user-agent: huemill-webhook/1", "webhook-id: msg_1", "content-length: 18"] {
        assert!(head.contains(line), "{head}");
    }
}

#[actix_rt::test]
async fn every_status_is_a_response() {
    for (line, status) in [("204 No Content", 204), ("410 Gone", 410), ("500 Oops", 500)] {
        let server = HttpServer::start("127.0.0.2:0", move |_| answer(line, "", b"")).await;
        assert_eq!(post(&server, PostLimits::default()).await.unwrap().status, status);
    }
}

#[actix_rt::test]
async fn w2_a_redirect_is_a_response_and_not_followed() {
    let forbidden = ForbiddenServer::start().await;
    let location = format!("http://{}/", forbidden.address);
    let server = HttpServer::start("127.0.0.2:0", move |_| redirect("302 Found", &location)).await;
    assert_eq!(post(&server, PostLimits::default()).await.unwrap().status, 302);
    assert_eq!(server.requests().len(), 1);
    forbidden.assert_untouched().await;
}

#[actix_rt::test]
async fn w3_a_response_without_end_is_abandoned() {
    let server = HttpServer::start("127.0.0.2:0", |_| Response::Drip(Vec::new(), Vec::new())).await;
    assert_eq!(post(&server, short()).await.unwrap_err(), OutboundError::Timeout(RequestPhase::Head));

    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let slow_head = head.clone();
    let server =
        HttpServer::start("127.0.0.2:0", move |_| Response::Drip(slow_head.clone(), b"x".to_vec())).await;
    assert_eq!(post(&server, short()).await.unwrap_err(), OutboundError::Timeout(RequestPhase::Body));
    until(|| server.broken() == 1).await;

    let server =
        HttpServer::start("127.0.0.2:0", move |_| Response::Flood(head.clone(), vec![b'y'; 65_536])).await;
    let answer = post(&server, PostLimits::default()).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 16_384));
    until(|| server.broken() == 1).await;
}

#[actix_rt::test]
async fn a_response_that_breaks_off_after_its_head_counts_by_its_status() {
    let server = HttpServer::start("127.0.0.2:0", |_| {
        Response::Once(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec())
    })
    .await;
    let answer = post(&server, PostLimits::default()).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"half"[..]));
    let server = HttpServer::start("127.0.0.2:0", |_| Response::Once(Vec::new())).await;
    let error = post(&server, PostLimits::default()).await.unwrap_err();
    assert_eq!(error, OutboundError::Upstream { status: None, what: RequestFailure::Cut });
}
