//! Limits that a caller has reached: each answer states its limit in the fields of the draft on rate limits. A quota has no
//! window, so that it states neither one nor when it is reset.

use std::io::{Read, Write};
use std::net::TcpStream;

use reqwest::blocking::Response;
use serde_json::json;

use crate::job_requests::{OPERATOR, accepted, album, id, post_zip};
use crate::test_service::{TestService, assert_problem};

/// Starts a service with this setting whose queue is paused, so that jobs stay open.
fn paused(setting: (&str, &str)) -> TestService {
    let service = TestService::start(&[("OPERATOR_TOKEN", OPERATOR), setting]);
    assert_eq!(service.post("/queue/pause").bearer_auth(OPERATOR).send().unwrap().status(), 200);
    service
}

/// Checks that the answer states this limit.
#[track_caller]
fn assert_limited(answer: Response, policy: &str, fields: (&str, &str)) {
    let headers = answer.headers().clone();
    let field = |name: &str| headers.get(name).map_or("none", |value| value.to_str().unwrap()).to_owned();
    assert_eq!((field("ratelimit-policy").as_str(), field("ratelimit").as_str()), fields);
    assert!(headers.contains_key("retry-after"), "{policy}");
    let body = assert_problem(answer, 429, "RATE_LIMITED");
    assert_eq!(body["violated-policies"], json!([policy]));
    assert_eq!(body["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
}

#[test]
fn a_quota_of_jobs_pictures_or_bytes_is_stated() {
    for (setting, allowed, policy, fields) in [
        (
            ("HUEMILL__QUOTAS__OPEN_JOBS", "1"),
            Some(1),
            "open_jobs",
            ("\"open_jobs\";q=1;qu=\"jobs\"", "\"open_jobs\";r=0"),
        ),
        (
            ("HUEMILL__QUOTAS__OPEN_PICTURES", "3"),
            Some(2),
            "open_pictures",
            ("\"open_pictures\";q=3;qu=\"pictures\"", "\"open_pictures\";r=1"),
        ),
        (
            ("HUEMILL__QUOTAS__STORED_BYTES", "1000000"),
            None,
            "stored_bytes",
            ("\"stored_bytes\";q=1000000;qu=\"content-bytes\"", "\"stored_bytes\";r=1000000"),
        ),
    ] {
        let service = paused(setting);
        if let Some(pictures) = allowed {
            accepted(post_zip(&service, album(pictures, 0)).send().unwrap());
        }
        assert_limited(post_zip(&service, album(2, 0)).send().unwrap(), policy, fields);
    }
}

#[test]
fn a_quota_of_event_streams_is_stated() {
    let service = paused(("HUEMILL__ACCESS__EVENT_STREAMS", "1"));
    let job = accepted(post_zip(&service, album(1, 0)).send().unwrap());
    let path = format!("/jobs/{}/events", id(&job));
    let open = service.get(&path);
    let fields = ("\"event_streams\";q=1;qu=\"concurrent-requests\"", "\"event_streams\";r=0");
    assert_limited(service.get(&path), "event_streams", fields);
    drop(open);
}

#[test]
fn a_share_of_the_uploads_is_stated() {
    let service = TestService::start(&[("HUEMILL__UPLOADS__IN_FLIGHT", "3")]);
    let announce = || -> TcpStream {
        let mut socket = service.socket();
        let head = "POST /process HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n";
        socket.write_all(head.as_bytes()).unwrap();
        // It gets the 100 once it has its place.
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 100");
        socket
    };
    let held: Vec<_> = (0..2).map(|_| announce()).collect();
    let fields = ("\"uploads\";q=2;qu=\"concurrent-requests\"", "\"uploads\";r=0");
    assert_limited(service.process(b"x".to_vec()), "uploads", fields);
    drop(held);
}

#[test]
fn a_rate_of_pictures_states_its_window_and_what_it_counts() {
    let service = paused(("HUEMILL__ACCESS__PICTURES_PER_MINUTE", "1"));
    accepted(post_zip(&service, album(1, 0)).send().unwrap());
    let refused = post_zip(&service, album(1, 0)).send().unwrap();
    let wait = refused.headers()["retry-after"].to_str().unwrap().to_owned();
    let left = format!("\"pictures\";r=0;t={wait}");
    assert_limited(refused, "pictures", ("\"pictures\";q=1;qu=\"pictures\";w=60", &left));
}
