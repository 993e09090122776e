//! Metrics: recording never waits, a scrape contains everything recorded before it, and no counter restarts.

use std::sync::Arc;
use std::time::Duration;

use crate::support::on_actix;
use crate::support::panic_now::PanicNow;
use actix::{Addr, System};
use huemill_actors::metrics::{Metrics, Recorder, Render};
use huemill_actors::supervise::{ActorRegistry, RestartPolicy, ShutdownTrigger, Supervision, ask, start};
use huemill_observability::{Event, LabelValues, Registry};

const PROCESSED: Event = Event::ImageProcessed { endpoint: "/process" };

fn metrics(capacity: usize) -> (Addr<Metrics>, Recorder) {
    let (recorder, events) = Recorder::channel(capacity);
    let registry = Arc::new(Registry::new("0.0.0", &LabelValues::default()).unwrap());
    let actor = Metrics::new(registry, recorder.clone(), events);
    // Supervision records its own events elsewhere, so that only the test uses the channel.
    let (elsewhere, _) = Recorder::channel(1);
    let policy = RestartPolicy { first_backoff: Duration::from_millis(1), ..RestartPolicy::default() };
    let supervision = Supervision {
        policy,
        recorder: elsewhere,
        shutdown_trigger: ShutdownTrigger::new().0,
        actor_registry: ActorRegistry::default(),
    };
    (start(System::current().arbiter(), "metrics", &supervision, |_| actor), recorder)
}

async fn scrape(metrics: &Addr<Metrics>, series: &str) -> Option<u64> {
    let text = ask(metrics, Render).await.unwrap();
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

const SERIES: &str = r#"images_processed_total{endpoint="/process"}"#;

#[test]
fn a_scrape_shows_everything_recorded_before_it() {
    on_actix(async {
        let (metrics, recorder) = metrics(5000);
        for round in 1..=5 {
            (0..1000).for_each(|_| recorder.record(PROCESSED));
            assert_eq!(scrape(&metrics, SERIES).await, Some(1000 * round));
        }
        assert_eq!(recorder.dropped(), 0);
    });
}

#[test]
fn events_that_do_not_fit_are_dropped_and_counted() {
    on_actix(async {
        let (metrics, recorder) = metrics(10);
        (0..25).for_each(|_| recorder.record(PROCESSED));
        assert_eq!(recorder.dropped(), 15);
        assert_eq!(scrape(&metrics, SERIES).await, Some(10));
        assert_eq!(scrape(&metrics, "metrics_events_dropped_total").await, Some(15));
    });
}

#[test]
fn a_restart_resets_no_counter_and_loses_no_event() {
    on_actix(async {
        let (metrics, recorder) = metrics(100);
        recorder.record(PROCESSED);
        assert_eq!(scrape(&metrics, SERIES).await, Some(1));
        let panicked = ask(&metrics, PanicNow);
        recorder.record(PROCESSED);
        assert!(panicked.await.is_err());
        recorder.record(PROCESSED);
        assert_eq!(scrape(&metrics, SERIES).await, Some(3));
    });
}
