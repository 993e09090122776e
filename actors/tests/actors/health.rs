//! Health: what makes the service not ready, and what does not.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::support::test_supervision::PanicNow;
use crate::support::test_system::{CanaryControl, TestSystem, settings};
use crate::support::{io, until};
use actix::System;
use huemill_actors::actor_system::ActorSystemSettings;
use huemill_actors::clock::Clock;
use huemill_actors::health::{
    DEPENDENCIES, Health, HealthCell, MAILBOXES, ProbeTargets, disk_free, memory_use,
};
use huemill_actors::metrics::{Recorder, Render};
use huemill_actors::supervise::{DrainFlag, RestartPolicy, ShutdownTrigger, Supervision, ask, start};
use huemill_store::{SpoolRoom, SpoolSettings};

#[actix_rt::test]
async fn all_is_well_once_the_canary_has_proven_it() {
    let system = TestSystem::start(settings());
    system.wait_until_ready().await;
    let report = system.report();
    assert_eq!(report.dependencies().collect::<Vec<_>>(), DEPENDENCIES.map(|name| (name, true)));
    assert!(system.engine.canaries.load(Ordering::SeqCst) > 0);
    let text = ask(&system.actor_system.metrics, Render).await.unwrap();
    for series in ["service_ready 1", r#"dependency_ready{dependency="smartcrop"} 1"#] {
        assert!(text.contains(series), "{series}");
    }
    system.stop().await;
}

#[actix_rt::test]
async fn mailbox_waits_and_event_loop_lag_are_recorded() {
    let system = TestSystem::ready().await;
    let mut series: Vec<_> = MAILBOXES
        .iter()
        .map(|actor| format!("actor_mailbox_wait_seconds_count{{actor=\"{actor}\"}} "))
        .collect();
    series.push("event_loop_lag_seconds_count{loop=\"actors\"} ".to_owned());
    for series in series {
        let is_recorded = async || {
            let text = ask(&system.actor_system.metrics, Render).await.unwrap();
            text.lines().any(|line| line.strip_prefix(&series).is_some_and(|count| count != "0"))
        };
        let deadline = std::time::Instant::now() + crate::support::AGES;
        while !is_recorded().await {
            assert!(std::time::Instant::now() < deadline, "{series}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    system.stop().await;
}

#[actix_rt::test]
async fn a_wrong_palette_and_a_wrong_crop_are_told_apart() {
    let system = TestSystem::ready().await;
    for (what, failed) in [(1, "colorthief"), (2, "smartcrop")] {
        system.engine.canary.store(what, Ordering::SeqCst);
        let report = system.wait_for_failed(&[failed]).await;
        assert!(report.checks[failed].reason.as_ref().unwrap().starts_with("the canary's"));
        assert!(!report.ready);
    }
    system.engine.canary.store(3, Ordering::SeqCst);
    let report = system.wait_for_failed(&["colorthief", "smartcrop"]).await;
    assert!(report.checks["smartcrop"].reason.as_ref().unwrap().contains("as planned"));
    system.engine.canary.store(0, Ordering::SeqCst);
    system.wait_until_ready().await;
    system.stop().await;
}

#[actix_rt::test]
async fn a_full_disk_and_high_memory_use_are_not_ready_until_they_recover() {
    let system = TestSystem::ready().await;
    system.free.store(1_000_000_000, Ordering::SeqCst);
    let report = system.wait_for_failed(&["disk"]).await;
    assert_eq!(
        report.checks["disk"].figures,
        [("free_bytes", 1_000_000_000), ("least_bytes", 1_000_000_000)]
    );
    system.used.store(80, Ordering::SeqCst);
    system.wait_for_failed(&["disk", "mem"]).await;
    system.free.store(2_000_000_000, Ordering::SeqCst);
    system.used.store(79, Ordering::SeqCst);
    system.wait_until_ready().await;
    system.stop().await;
}

#[actix_rt::test]
async fn a_disk_that_hangs_fails_only_its_own_check() {
    let system = TestSystem::ready().await;
    system.disk_gate.shut();
    let report = system.wait_for_failed(&["disk"]).await;
    assert!(report.checks["disk"].reason.is_some());
    system.wait_for_rounds(3).await;
    assert_eq!(system.report().reason, None, "the report stays fresh");
    system.disk_gate.open();
    system.wait_until_ready().await;
    system.stop().await;
}

#[actix_rt::test]
async fn busy_slots_that_delay_the_canary_stay_ready() {
    let system = TestSystem::ready().await;
    let _pictures = system.fill_slots().await;
    let before = system.engine.canaries.load(Ordering::SeqCst);
    for _ in 0..20 {
        system.wait_for_rounds(2).await;
        let report = system.report();
        // On a busy machine the store may be late.
        for check in ["workers", "colorthief", "smartcrop"] {
            assert!(report.checks[check].ok, "{report:?}");
        }
    }
    assert_eq!(system.engine.canaries.load(Ordering::SeqCst), before, "no canary was processed");
    system.stop().await;
}

#[actix_rt::test]
async fn a_late_canary_does_not_hide_a_failed_one() {
    let system =
        TestSystem::with(settings(), CanaryControl { canary: AtomicU8::new(3), ..CanaryControl::default() });
    let _pictures = system.fill_slots().await;
    system.wait_for_rounds(5).await;
    assert!(!system.report().ready);
    system.engine.canary.store(0, Ordering::SeqCst);
    system.engine.gate.open();
    system.wait_until_ready().await;
    system.stop().await;
}

#[actix_rt::test]
async fn an_actor_that_backs_off_is_named_until_it_is_up_again() {
    let policy = RestartPolicy { first_backoff: Duration::from_millis(500), ..RestartPolicy::default() };
    let system = TestSystem::start(ActorSystemSettings { policy, ..settings() });
    system.wait_until_ready().await;
    assert!(ask(&system.actor_system.jobs.intake, PanicNow).await.is_err());
    let report = system.wait_for_failed(&["actors"]).await;
    assert_eq!(report.checks["actors"].reason.as_deref(), Some("not answering: intake"));
    system.wait_until_ready().await;
    assert!(system.report().checks["actors"].figures.contains(&("restarts", 1)));
    system.stop().await;
}

#[actix_rt::test]
async fn a_health_actor_that_panics_continues() {
    let system = TestSystem::ready().await;
    let (recorder, _events) = Recorder::channel(100);
    let shutdown_trigger = ShutdownTrigger::new().0;
    let cell = HealthCell::new(
        Clock::system(),
        Duration::from_secs(30),
        DrainFlag::default(),
        shutdown_trigger.clone(),
    );
    let probe_targets = ProbeTargets {
        owner: huemill_store::store::Owner("health".to_owned()),
        access: system.actor_system.keys.actor(),
        workers: system.actor_system.workers.clone(),
        intake: system.actor_system.jobs.intake.clone(),
        metrics: system.actor_system.metrics.clone(),
        dispatcher: system.actor_system.jobs.dispatcher.clone(),
        idempotency: system.actor_system.jobs.idempotency.clone(),
        janitor: system.actor_system.jobs.janitor.clone(),
        fetcher: system.actor_system.jobs.fetcher.clone(),
        delivery: system.actor_system.jobs.delivery.clone(),
        repository: system.actor_system.repository.clone(),
        actor_registry: system.actor_system.actor_registry.clone(),
        disk: disk_free(std::env::temp_dir()),
        memory: memory_use(),
        room: SpoolRoom::open(SpoolSettings::default()).unwrap(),
        io: io(),
    };
    let ActorSystemSettings { policy, health, .. } = settings();
    let actor = Health::new(health, cell.clone(), recorder.clone(), probe_targets);
    let supervision = Supervision {
        policy,
        recorder,
        shutdown_trigger,
        actor_registry: system.actor_system.actor_registry.clone(),
    };
    let health = start(System::current().arbiter(), "second", &supervision, |_| actor);
    until(|| cell.read().age.is_some()).await;
    assert!(ask(&health, PanicNow).await.is_err());
    let rounds = system.rounds.load(Ordering::SeqCst);
    until(|| system.rounds.load(Ordering::SeqCst) > rounds).await;
    let canaries = system.engine.canaries.load(Ordering::SeqCst);
    until(|| system.engine.canaries.load(Ordering::SeqCst) > canaries).await;
    until(|| cell.read().age.is_some_and(|age| age < Duration::from_millis(50))).await;
    assert_eq!(system.actor_system.actor_registry.of("second").unwrap().restarts, 1);
    system.stop().await;
}
