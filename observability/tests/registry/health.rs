//! Tests of the metrics of actors, event loops, dependencies and the process.

use std::time::Duration;

use huemill_observability::{Event, EventLoop};

use super::{assert_lines, registry};

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
fn mailbox_waits_and_loop_delays_are_observed() {
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
fn the_counter_of_dropped_events_follows_the_total_and_never_falls() {
    let registry = registry();
    for total in [3, 10, 4] {
        registry.set_dropped(total);
    }
    assert_lines(&registry, &["metrics_events_dropped_total 10"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_scrape_has_the_memory_of_the_process() {
    let scrape = registry().render();
    let resident = scrape.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    assert!(resident.unwrap().parse::<u64>().unwrap() > 0);
    let heap =
        scrape.lines().find_map(|line| line.strip_prefix(r#"process_memory_bytes{kind="anonymous"} "#));
    assert!(heap.unwrap().parse::<u64>().unwrap() > 0);
    assert!(scrape.contains("\nprocess_cpu_seconds_total "), "{scrape}");
}
