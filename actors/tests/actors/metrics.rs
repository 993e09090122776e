//! Metrics: recording never waits, a scrape contains everything recorded before it, and no counter restarts.

use std::sync::Arc;

use crate::support::test_supervision::{PanicNow, TestSupervision};
use actix::{Addr, System};
use huemill_actors::metrics::{Metrics, Recorder, Render};
use huemill_actors::supervise::{ask, start};
use huemill_observability::{Event, LabelValues, Registry};

const PROCESSED: Event = Event::ImageProcessed { endpoint: "/process" };

fn metrics(capacity: usize) -> (Addr<Metrics>, Recorder) {
    let (recorder, events) = Recorder::channel(capacity);
    let registry = Arc::new(Registry::new("0.0.0", &LabelValues::default()).unwrap());
    let actor = Metrics::new(registry, recorder.clone(), events);
    // Supervision records its own events elsewhere, so that only the test uses the channel.
    let TestSupervision { supervision, .. } = TestSupervision::quick();
    (start(System::current().arbiter(), "metrics", &supervision, |_| actor), recorder)
}

async fn scrape(metrics: &Addr<Metrics>, series: &str) -> Option<u64> {
    let text = ask(metrics, Render).await.unwrap();
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

const SERIES: &str = r#"images_processed_total{endpoint="/process"}"#;

#[actix_rt::test]
async fn a_scrape_shows_everything_recorded_before_it() {
    let (metrics, recorder) = metrics(5000);
    for round in 1..=5 {
        (0..1000).for_each(|_| recorder.record(PROCESSED));
        assert_eq!(scrape(&metrics, SERIES).await, Some(1000 * round));
    }
    assert_eq!(recorder.dropped(), 0);
}

#[actix_rt::test]
async fn events_that_do_not_fit_are_dropped_and_counted() {
    let (metrics, recorder) = metrics(10);
    (0..25).for_each(|_| recorder.record(PROCESSED));
    assert_eq!(recorder.dropped(), 15);
    assert_eq!(scrape(&metrics, SERIES).await, Some(10));
    assert_eq!(scrape(&metrics, "metrics_events_dropped_total").await, Some(15));
}

#[actix_rt::test]
async fn a_restart_resets_no_counter_and_loses_no_event() {
    let (metrics, recorder) = metrics(100);
    recorder.record(PROCESSED);
    assert_eq!(scrape(&metrics, SERIES).await, Some(1));
    let panicked = ask(&metrics, PanicNow);
    recorder.record(PROCESSED);
    assert!(panicked.await.is_err());
    recorder.record(PROCESSED);
    assert_eq!(scrape(&metrics, SERIES).await, Some(3));
}
