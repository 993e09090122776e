//! Tests of the registry: which series a scrape contains after which events.

mod health;
mod pictures;
mod requests;

use huemill_observability::{LabelValues, Registry, RouteLabels};

const LABEL_VALUES: LabelValues<'static> = LabelValues {
    routes: &[
        RouteLabels {
            endpoint: "/process",
            statuses: &[200, 503],
            error_codes: &["NO_INPUT", "OVERLOADED"],
            can_break: true,
        },
        RouteLabels {
            endpoint: "unmatched",
            statuses: &[404],
            error_codes: &["NOT_FOUND"],
            can_break: false,
        },
    ],
    job_error_codes: &["PROCESSING_ERROR"],
    image_endpoints: &["/process"],
    formats: &["jpeg", "unknown"],
    outcomes: &["ok", "processing_error"],
    stages: &["decode"],
    actors: &["workers"],
    mailboxes: &["workers"],
    dependencies: &["disk"],
    job_kinds: &["zip_batch"],
    store_operations: &["claim"],
    outbound_reasons: &["loopback"],
    names_receivers: true,
};

fn registry() -> Registry {
    Registry::new("1.2.3", &LABEL_VALUES).expect("the families have distinct names")
}

fn has(scrape: &str, line: &str) -> bool {
    scrape.lines().any(|found| found == line)
}

#[track_caller]
fn assert_lines(registry: &Registry, lines: &[&str]) {
    let scrape = registry.render();
    for line in lines {
        assert!(has(&scrape, line), "{line} is missing from\n{scrape}");
    }
}

#[test]
fn known_series_start_at_zero() {
    assert_lines(
        &registry(),
        &[
            r#"requests_total{code="404",endpoint="unmatched"} 0"#,
            r#"errors_total{endpoint="/process",error_code="OVERLOADED"} 0"#,
            r#"jobs_failed_total{error_code="PROCESSING_ERROR"} 0"#,
            r#"webhook_receiver_failures_total{receiver="other"} 0"#,
            r#"request_duration_ms_count{endpoint="/process"} 0"#,
            r#"http_request_bytes_total{endpoint="/process"} 0"#,
            r#"http_response_bytes_total{endpoint="unmatched"} 0"#,
            r#"images_processed_total{endpoint="/process"} 0"#,
            r#"image_outcomes_total{format="unknown",outcome="processing_error"} 0"#,
            r#"image_stage_duration_seconds_count{stage="decode"} 0"#,
            r#"actor_up{actor="workers"} 0"#,
            r#"actor_restarts_total{actor="workers",cause="panic"} 0"#,
            r#"actor_restarts_total{actor="workers",cause="stop"} 0"#,
            r#"dependency_ready{dependency="disk"} 0"#,
            "service_ready 0",
            r#"auth_failures_total{reason="nonce_reused"} 0"#,
            r#"status_polls_total{result="unchanged"} 0"#,
            r#"retry_after_seconds_observed_total{seconds="5"} 0"#,
            r#"results_downloaded_total{kind="zip"} 0"#,
            r#"active_clients{window="1h"} 0"#,
            r#"active_clients{window="1d"} 0"#,
            "idempotency_conflicts_total 0",
            "status_poll_304_total 0",
            "metrics_events_dropped_total 0",
            r#"build_info{version="1.2.3"} 1"#,
        ],
    );
}

#[test]
fn a_route_starts_only_with_the_codes_that_it_can_answer_with() {
    let scrape = registry().render();
    for series in [
        r#"requests_total{code="503",endpoint="unmatched"}"#,
        r#"requests_total{code="404",endpoint="/process"}"#,
        r#"errors_total{endpoint="unmatched",error_code="OVERLOADED"}"#,
        r#"errors_total{endpoint="/process",error_code="NOT_FOUND"}"#,
        r#"answers_broken_total{endpoint="unmatched"}"#,
    ] {
        assert!(!scrape.contains(series), "{series} in\n{scrape}");
    }
}
