//! Tests of the metrics of pictures, workers and outbound requests.

use std::time::Duration;

use huemill_observability::{AspectClass, Event};

use super::{assert_lines, registry};

#[test]
fn pictures_slots_and_the_memory_budget_are_counted() {
    let registry = registry();
    for event in [
        Event::ImageProcessed { endpoint: "/process" },
        Event::AttemptEnded { format: "jpeg", outcome: "ok" },
        Event::PictureShaped(AspectClass::Tall),
        Event::StageTimed { stage: "decode", time: Duration::from_millis(40) },
        Event::Slots { total: 4, busy: 3, guests: 1, abandoned: 1 },
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
            "worker_guest_slot_busy 1",
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
fn downloads_and_webhooks_are_counted() {
    let registry = registry();
    for event in [
        Event::OutboundBlocked { reason: "loopback" },
        Event::Downloaded { outcome: "ok", time: Duration::from_millis(70) },
        Event::WebhookTried { again: false, reason: Some("timeout"), time: Duration::from_secs(15) },
        Event::WebhookTried { again: true, reason: None, time: Duration::from_millis(30) },
        Event::WebhookTried { again: false, reason: None, time: Duration::from_secs(7) },
        Event::ReceiverFailed("https://receiver.example:443".into()),
        Event::DeadLetter,
        Event::Outbox { pending: 3, dead: 2 },
    ] {
        registry.record(&event);
    }
    // A receiver's series begins with a scrape at 0.
    assert_lines(
        &registry,
        &[r#"webhook_receiver_failures_total{receiver="https://receiver.example:443"} 0"#],
    );
    assert_lines(
        &registry,
        &[
            r#"webhook_receiver_failures_total{receiver="https://receiver.example:443"} 1"#,
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
