//! What a scrape shows.

use std::time::Duration;

use huemill_observability::{Aspect, Event, EventLoop, Known, Poll, Registry, RequestFacts};

const KNOWN: Known<'static> = Known {
    endpoints: &["/process", "unmatched"],
    statuses: &[200, 503],
    error_codes: &["NO_INPUT", "OVERLOADED"],
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
};

fn registry() -> Registry {
    Registry::new("1.2.3", &KNOWN).expect("no two families share a name")
}

fn has(scrape: &str, line: &str) -> bool {
    scrape.lines().any(|found| found == line)
}

#[track_caller]
fn assert_lines(registry: &Registry, lines: &[&str]) {
    let scrape = registry.render();
    for line in lines {
        assert!(has(&scrape, line), "{line} is not in\n{scrape}");
    }
}

#[test]
fn known_series_start_at_zero() {
    assert_lines(
        &registry(),
        &[
            r#"requests_total{code="503",endpoint="unmatched"} 0"#,
            r#"errors_total{endpoint="/process",error_code="OVERLOADED"} 0"#,
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
fn a_caller_counts_once_in_each_window() {
    let registry = registry();
    for caller in [1 << 60, 2 << 60, 1 << 60] {
        registry.record(&Event::CallerSeen(caller));
    }
    assert_lines(&registry, &[r#"active_clients{window="1h"} 2"#, r#"active_clients{window="1d"} 2"#]);
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
fn pictures_slots_and_budget_show() {
    let registry = registry();
    for event in [
        Event::ImageProcessed { endpoint: "/process" },
        Event::AttemptEnded { format: "jpeg", outcome: "ok" },
        Event::PictureShaped(Aspect::Tall),
        Event::StageTimed { stage: "decode", time: Duration::from_millis(40) },
        Event::Slots { total: 4, busy: 3, abandoned: 1 },
        Event::QueueDepth(7),
        Event::QueueWaited(Duration::from_millis(60)),
        Event::Budget { used: 10, total: 100 },
        Event::UploadsInFlight(55),
        Event::Spool { memory: 5, disk: 6 },
    ] {
        registry.record(&event);
    }
    assert_lines(
        &registry,
        &[
            r#"images_processed_total{endpoint="/process"} 1"#,
            r#"image_outcomes_total{format="jpeg",outcome="ok"} 1"#,
            r#"images_by_aspect_total{aspect="tall"} 1"#,
            r#"images_by_aspect_total{aspect="square"} 0"#,
            r#"image_stage_duration_seconds_bucket{stage="decode",le="0.025"} 0"#,
            r#"image_stage_duration_seconds_bucket{stage="decode",le="0.05"} 1"#,
            "worker_slots 4",
            "worker_slots_busy 3",
            "worker_attempts_abandoned 1",
            "worker_queue_depth 7",
            r#"worker_queue_wait_seconds_bucket{le="0.05"} 0"#,
            r#"worker_queue_wait_seconds_bucket{le="0.1"} 1"#,
            "worker_memory_budget_used_bytes 10",
            "worker_memory_budget_bytes 100",
            "uploads_in_flight_bytes 55",
            "spool_memory_bytes 5",
            "spool_disk_bytes 6",
        ],
    );
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
            r#"retry_after_seconds_observed_total{seconds="2"} 1"#,
            r#"retry_after_seconds_observed_total{seconds="10"} 1"#,
            r#"retry_after_seconds_observed_total{seconds="30"} 1"#,
        ],
    );
}

#[test]
fn what_goes_out_shows() {
    let registry = registry();
    for event in [
        Event::OutboundBlocked { reason: "loopback" },
        Event::Downloaded { outcome: "ok", time: Duration::from_millis(70) },
        Event::WebhookTried { again: false, reason: Some("timeout"), time: Duration::from_secs(15) },
        Event::WebhookTried { again: true, reason: None, time: Duration::from_millis(30) },
        Event::WebhookTried { again: false, reason: None, time: Duration::from_secs(7) },
        Event::DeadLetter,
        Event::Outbox { pending: 3, dead: 2 },
    ] {
        registry.record(&event);
    }
    assert_lines(
        &registry,
        &[
            r#"outbound_blocked_total{reason="loopback"} 1"#,
            r#"download_duration_seconds_bucket{outcome="ok",le="0.05"} 0"#,
            r#"download_duration_seconds_bucket{outcome="ok",le="0.1"} 1"#,
            r#"webhook_delivery_latency_seconds_bucket{le="0.05"} 1"#,
            r#"webhook_delivery_latency_seconds_bucket{le="10"} 2"#,
            r#"webhook_delivery_latency_seconds_bucket{le="30"} 3"#,
            r#"webhook_first_try_latency_seconds_bucket{le="5"} 0"#,
            r#"webhook_first_try_latency_seconds_bucket{le="10"} 1"#,
            "webhook_first_try_latency_seconds_count 1",
            r#"webhook_failures_total{reason="timeout"} 1"#,
            r#"webhook_failures_total{reason="gone"} 0"#,
            "webhook_attempts_total 3",
            "webhook_retries_total 1",
            "webhook_deliveries_total 2",
            "webhook_dead_letters_total 1",
            "webhooks_pending 3",
            "webhooks_dead 2",
        ],
    );
}

#[test]
fn actors_and_dependencies_go_up_and_down() {
    let registry = registry();
    registry.record(&Event::ActorUp { actor: "workers", up: true });
    registry.record(&Event::DependencyChecked { dependency: "disk", ok: true });
    registry.record(&Event::Ready(true));
    registry.record(&Event::DiskFree(7_000));
    registry.record(&Event::Memory { used: 30, limit: 100 });
    assert_lines(
        &registry,
        &[
            r#"actor_up{actor="workers"} 1"#,
            r#"dependency_ready{dependency="disk"} 1"#,
            "service_ready 1",
            "disk_free_bytes 7000",
            "memory_used_bytes 30",
            "memory_limit_bytes 100",
        ],
    );
    registry.record(&Event::ActorRestarted { actor: "workers", cause: "panic" });
    registry.record(&Event::ActorUp { actor: "workers", up: false });
    registry.record(&Event::DependencyChecked { dependency: "disk", ok: false });
    registry.record(&Event::Ready(false));
    assert_lines(
        &registry,
        &[
            r#"actor_up{actor="workers"} 0"#,
            r#"actor_restarts_total{actor="workers",cause="panic"} 1"#,
            r#"actor_restarts_total{actor="workers",cause="stop"} 0"#,
            r#"dependency_ready{dependency="disk"} 0"#,
            "service_ready 0",
        ],
    );
}

#[test]
fn waits_for_actors_and_loops_show() {
    let registry = registry();
    assert_lines(
        &registry,
        &[
            r#"actor_mailbox_wait_seconds_count{actor="workers"} 0"#,
            r#"event_loop_lag_seconds_count{loop="actors"} 0"#,
            r#"event_loop_lag_seconds_count{loop="http"} 0"#,
        ],
    );
    registry.record(&Event::MailboxWaited { actor: "workers", time: Duration::from_millis(3) });
    registry.record(&Event::LoopLagged { kind: EventLoop::Http, time: Duration::from_millis(40) });
    assert_lines(
        &registry,
        &[
            r#"actor_mailbox_wait_seconds_bucket{actor="workers",le="0.001"} 0"#,
            r#"actor_mailbox_wait_seconds_bucket{actor="workers",le="0.005"} 1"#,
            r#"event_loop_lag_seconds_bucket{loop="http",le="0.025"} 0"#,
            r#"event_loop_lag_seconds_bucket{loop="http",le="0.05"} 1"#,
            r#"event_loop_lag_seconds_count{loop="actors"} 0"#,
        ],
    );
}

#[test]
fn the_drop_counter_follows_the_total_and_never_falls() {
    let registry = registry();
    for total in [3, 10, 4] {
        registry.set_dropped(total);
    }
    assert_lines(&registry, &["metrics_events_dropped_total 10"]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_shows_its_memory() {
    let scrape = registry().render();
    let resident = scrape.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    assert!(resident.unwrap().parse::<u64>().unwrap() > 0);
    let heap =
        scrape.lines().find_map(|line| line.strip_prefix(r#"process_memory_bytes{kind="anonymous"} "#));
    assert!(heap.unwrap().parse::<u64>().unwrap() > 0);
    assert!(scrape.contains("\nprocess_cpu_seconds_total "), "{scrape}");
}
