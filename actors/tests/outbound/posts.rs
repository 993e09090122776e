//! Posts: one request, nothing followed, a short look at the answer.

use std::time::Duration;

use bytes::Bytes;
use huemill_actors::outbound::{
    Answer, HeaderName, HeaderValue, Outbound, OutboundError, PostLimits, RequestFailure, RequestPhase,
    Target,
};

use crate::ground::{Canary, on_actix, policy, until};
use crate::site::{Say, Site, answer, redirect};

async fn post(site: &Site, limits: PostLimits) -> Result<Answer, OutboundError> {
    let policy = policy(&["127.0.0.2"], &[site.port()]);
    let target = Target::parse(&site.url("/hook?token=t"), &policy).unwrap();
    let headers = [
        (HeaderName::from_static("user-agent"), HeaderValue::from_static("Huemill-Webhook/1")),
        (HeaderName::from_static("webhook-id"), HeaderValue::from_static("msg_1")),
    ];
    let body = Bytes::from_static(b"{\"job_id\":\"job_1\"}");
    Outbound::new(policy).unwrap().post(&target, &headers, body, limits).await
}

fn short() -> PostLimits {
    PostLimits { total: Duration::from_millis(300), ..PostLimits::default() }
}

#[test]
fn a_post_arrives_with_its_headers_and_its_body() {
    on_actix(async {
        let site =
            Site::open("127.0.0.2:0", |_| answer("202 Accepted", "Retry-After: 7\r\n", b"thanks")).await;
        let answer = post(&site, PostLimits::default()).await.unwrap();
        assert_eq!(
            answer,
            Answer { status: 202, retry_after: Some("7".to_owned()), body: Bytes::from_static(b"thanks") }
        );
        let request = site.requests().remove(0);
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "{\"job_id\":\"job_1\"}");
        let head = head.to_lowercase();
        assert!(head.starts_with("post /hook?token=t http/1.1\r\n"), "{head}");
        for line in ["user-agent: huemill-webhook/1", "webhook-id: msg_1", "content-length: 18"] {
            assert!(head.contains(line), "{head}");
        }
    });
}

#[test]
fn every_status_is_an_answer() {
    on_actix(async {
        for (line, status) in [("204 No Content", 204), ("410 Gone", 410), ("500 Oops", 500)] {
            let site = Site::open("127.0.0.2:0", move |_| answer(line, "", b"")).await;
            assert_eq!(post(&site, PostLimits::default()).await.unwrap().status, status);
        }
    });
}

#[test]
fn w2_a_redirect_is_an_answer_and_not_followed() {
    on_actix(async {
        let canary = Canary::new().await;
        let location = format!("http://{}/", canary.address);
        let site = Site::open("127.0.0.2:0", move |_| redirect("302 Found", &location)).await;
        assert_eq!(post(&site, PostLimits::default()).await.unwrap().status, 302);
        assert_eq!(site.requests().len(), 1);
        canary.is_untouched().await;
    });
}

#[test]
fn w3_a_receiver_without_end_is_left() {
    on_actix(async {
        let site = Site::open("127.0.0.2:0", |_| Say::Drip(Vec::new(), Vec::new())).await;
        assert_eq!(post(&site, short()).await.unwrap_err(), OutboundError::Timeout(RequestPhase::Head));

        let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        let dribble = head.clone();
        let site = Site::open("127.0.0.2:0", move |_| Say::Drip(dribble.clone(), b"x".to_vec())).await;
        assert_eq!(post(&site, short()).await.unwrap_err(), OutboundError::Timeout(RequestPhase::Body));
        until(|| site.broken() == 1).await;

        let site = Site::open("127.0.0.2:0", move |_| Say::Flood(head.clone(), vec![b'y'; 65_536])).await;
        let answer = post(&site, PostLimits::default()).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, 16_384));
        until(|| site.broken() == 1).await;
    });
}

#[test]
fn an_answer_that_breaks_behind_its_head_counts_by_its_status() {
    on_actix(async {
        let site = Site::open("127.0.0.2:0", |_| {
            Say::Once(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec())
        })
        .await;
        let answer = post(&site, PostLimits::default()).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (200, &b"half"[..]));
        let site = Site::open("127.0.0.2:0", |_| Say::Once(Vec::new())).await;
        let error = post(&site, PostLimits::default()).await.unwrap_err();
        assert_eq!(error, OutboundError::Upstream { status: None, what: RequestFailure::Cut });
    });
}
