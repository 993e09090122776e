//! Tests of the metrics of requests and their clients.

use std::time::Duration;

use huemill_observability::{Event, PollResult, RequestFacts};

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
fn a_broken_response_is_counted_by_route() {
    let registry = registry();
    registry.record(&Event::AnswerBroken { endpoint: "/process" });
    assert_lines(&registry, &[r#"answers_broken_total{endpoint="/process"} 1"#]);
}

#[test]
fn a_successful_response_is_not_an_error() {
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
fn a_client_counts_once_in_each_window() {
    let registry = registry();
    for client in [1 << 60, 2 << 60, 1 << 60] {
        registry.record(&Event::CallerSeen(client));
    }
    assert_lines(&registry, &[r#"active_clients{window="1h"} 2"#, r#"active_clients{window="1d"} 2"#]);
}

#[test]
fn polls_downloads_and_failed_authentications_are_counted() {
    let registry = registry();
    for event in [
        Event::AuthFailed { reason: "link_forged" },
        Event::IdempotencyConflict,
        Event::StatusPolled(PollResult::Changed),
        Event::StatusPolled(PollResult::NotModified),
        Event::ResultsDownloaded { kind: "card" },
        Event::JobFetched,
        Event::RetryAfterSent { seconds: 2 },
        Event::RetryAfterSent { seconds: 7 },
        Event::RetryAfterSent { seconds: 86_400 },
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
