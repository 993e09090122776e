//! Requests, and who makes them.

use std::time::Duration;

use huemill_observability::{Event, Poll, RequestFacts};

use super::{assert_lines, registry};

#[test]
fn a_request_counts_once_in_every_family() {
    let registry = registry();
    registry.record(&Event::RequestFinished(RequestFacts {
        endpoint: "/process",
        method: "POST",
        code: 503,
        error_code: Some("OVERLOADED"),
        duration: Duration::from_millis(1_500),
        bytes_in: 39,
        bytes_out: 79,
    }));
    assert_lines(
        &registry,
        &[
            r#"requests_total{code="503",endpoint="/process"} 1"#,
            r#"requests_total{code="200",endpoint="/process"} 0"#,
            r#"errors_total{endpoint="/process",error_code="OVERLOADED"} 1"#,
            r#"request_duration_ms_bucket{endpoint="/process",le="1000"} 0"#,
            r#"request_duration_ms_bucket{endpoint="/process",le="2000"} 1"#,
            r#"request_duration_ms_sum{endpoint="/process"} 1500"#,
            r#"http_server_request_duration_seconds_bucket{code="503",method="POST",route="/process",le="1"} 0"#,
            r#"http_server_request_duration_seconds_bucket{code="503",method="POST",route="/process",le="2"} 1"#,
            r#"http_server_request_duration_seconds_sum{code="503",method="POST",route="/process"} 1.5"#,
            r#"http_request_bytes_total{endpoint="/process"} 39"#,
            r#"http_response_bytes_total{endpoint="/process"} 79"#,
        ],
    );
}

#[test]
fn an_answer_that_broke_off_is_an_error_behind_a_good_status() {
    let registry = registry();
    registry.record(&Event::AnswerBroken { endpoint: "/process" });
    assert_lines(
        &registry,
        &[
            r#"answers_broken_total{endpoint="/process"} 1"#,
            r#"answers_broken_total{endpoint="unmatched"} 0"#,
        ],
    );
}

#[test]
fn a_good_answer_is_no_error() {
    let registry = registry();
    registry.record(&Event::RequestFinished(RequestFacts {
        endpoint: "/process",
        method: "POST",
        code: 200,
        error_code: None,
        duration: Duration::from_millis(3),
        bytes_in: 1,
        bytes_out: 1,
    }));
    let scrape = registry.render();
    let mut errors = scrape.lines().filter(|line| line.starts_with("errors_total{"));
    assert!(errors.all(|line| line.ends_with(" 0")), "{scrape}");
}

#[test]
fn a_caller_counts_once_in_each_window() {
    let registry = registry();
    for caller in [1 << 60, 2 << 60, 1 << 60] {
        registry.record(&Event::CallerSeen(caller));
    }
    assert_lines(&registry, &[r#"active_clients{window="1h"} 2"#, r#"active_clients{window="1d"} 2"#]);
}

#[test]
fn polls_downloads_and_refusals_show() {
    let registry = registry();
    for event in [
        Event::AuthFailed { reason: "link_forged" },
        Event::IdempotencyConflict,
        Event::StatusPolled(Poll::Changed),
        Event::StatusPolled(Poll::NotModified),
        Event::ResultsDownloaded { kind: "card" },
        Event::JobFetched,
        Event::RetryAfterTold { seconds: 2 },
        Event::RetryAfterTold { seconds: 7 },
        Event::RetryAfterTold { seconds: 86_400 },
    ] {
        registry.record(&event);
    }
    assert_lines(
        &registry,
        &[
            r#"auth_failures_total{reason="link_forged"} 1"#,
            "idempotency_conflicts_total 1",
            r#"status_polls_total{result="changed"} 1"#,
            r#"status_polls_total{result="unchanged"} 0"#,
            r#"status_polls_total{result="not_modified"} 1"#,
            "status_poll_304_total 1",
            r#"results_downloaded_total{kind="card"} 1"#,
            "jobs_fetched_total 1",
            r#"retry_after_seconds_observed_total{seconds="2"} 1"#,
            r#"retry_after_seconds_observed_total{seconds="10"} 1"#,
            r#"retry_after_seconds_observed_total{seconds="30"} 1"#,
        ],
    );
}
