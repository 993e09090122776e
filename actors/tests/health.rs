//! Health: what makes /ready say no, and what does not.

#![allow(clippy::unwrap_used)] // clippy knows the tests here, not what they share

mod support;

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use actix::System;
use huemill_actors::actor_system::ActorSystemSettings;
use huemill_actors::clock::Clock;
use huemill_actors::health::{
    DEPENDENCIES, Health, HealthCell, MAILBOXES, ProbeTargets, disk_free, memory_use,
};
use huemill_actors::intake::DrainFlag;
use huemill_actors::metrics::{Recorder, Render};
use huemill_actors::supervise::{RestartPolicy, ShutdownTrigger, Supervision, ask, start};
use huemill_store::{SpoolRoom, SpoolSettings};
use support::breaking::Break;
use support::ward::{Feed, Ward, settings};
use support::{io, on_actix, until};

#[test]
fn all_is_well_once_the_canary_has_proven_it() {
    on_actix(async {
        let ward = Ward::open(settings());
        ward.becomes_ready().await;
        let verdict = ward.verdict();
        assert_eq!(verdict.dependencies().collect::<Vec<_>>(), DEPENDENCIES.map(|name| (name, true)));
        assert!(ward.feed.canaries.load(Ordering::SeqCst) > 0);
        let text = ask(&ward.actor_system.metrics, Render).await.unwrap();
        for series in ["service_ready 1", r#"dependency_ready{dependency="smartcrop"} 1"#] {
            assert!(text.contains(series), "{series}");
        }
        ward.close().await;
    });
}

#[test]
fn waits_in_mailboxes_and_lags_of_loops_are_told() {
    on_actix(async {
        let ward = Ward::ready().await;
        let mut series: Vec<_> = MAILBOXES
            .iter()
            .map(|actor| format!("actor_mailbox_wait_seconds_count{{actor=\"{actor}\"}} "))
            .collect();
        series.push("event_loop_lag_seconds_count{loop=\"actors\"} ".to_owned());
        for series in series {
            let told = async || {
                let text = ask(&ward.actor_system.metrics, Render).await.unwrap();
                text.lines().any(|line| line.strip_prefix(&series).is_some_and(|count| count != "0"))
            };
            let deadline = std::time::Instant::now() + support::AGES;
            while !told().await {
                assert!(std::time::Instant::now() < deadline, "{series}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        ward.close().await;
    });
}

#[test]
fn a_wrong_palette_and_a_wrong_crop_are_told_apart() {
    on_actix(async {
        let ward = Ward::ready().await;
        for (what, ill) in [(1, "colorthief"), (2, "smartcrop")] {
            ward.feed.canary.store(what, Ordering::SeqCst);
            let verdict = ward.suffers(&[ill]).await;
            assert!(verdict.checks[ill].reason.as_ref().unwrap().starts_with("the canary's"));
            assert!(!verdict.ready);
        }
        ward.feed.canary.store(3, Ordering::SeqCst);
        let verdict = ward.suffers(&["colorthief", "smartcrop"]).await;
        assert!(verdict.checks["smartcrop"].reason.as_ref().unwrap().contains("as planned"));
        ward.feed.canary.store(0, Ordering::SeqCst);
        ward.becomes_ready().await;
        ward.close().await;
    });
}

#[test]
fn little_disk_and_much_memory_are_not_ready_until_they_are_better() {
    on_actix(async {
        let ward = Ward::ready().await;
        ward.free.store(1_000_000_000, Ordering::SeqCst);
        let verdict = ward.suffers(&["disk"]).await;
        assert_eq!(
            verdict.checks["disk"].figures,
            [("free_bytes", 1_000_000_000), ("least_bytes", 1_000_000_000)]
        );
        ward.used.store(80, Ordering::SeqCst);
        ward.suffers(&["disk", "mem"]).await;
        ward.free.store(2_000_000_000, Ordering::SeqCst);
        ward.used.store(79, Ordering::SeqCst);
        ward.becomes_ready().await;
        ward.close().await;
    });
}

#[test]
fn a_disk_that_hangs_spoils_its_own_check_alone() {
    on_actix(async {
        let ward = Ward::ready().await;
        ward.disk_gate.shut();
        let verdict = ward.suffers(&["disk"]).await;
        assert!(verdict.checks["disk"].reason.is_some());
        ward.rounds_pass(3).await;
        assert_eq!(ward.verdict().reason, None, "the verdict stays fresh");
        ward.disk_gate.open();
        ward.becomes_ready().await;
        ward.close().await;
    });
}

#[test]
fn busy_slots_that_make_the_canary_late_stay_ready() {
    on_actix(async {
        let ward = Ward::ready().await;
        let _pictures = ward.fill_slots().await;
        let before = ward.feed.canaries.load(Ordering::SeqCst);
        for _ in 0..20 {
            ward.rounds_pass(2).await;
            assert!(ward.verdict().ready, "{:?}", ward.verdict());
        }
        assert_eq!(ward.feed.canaries.load(Ordering::SeqCst), before, "no canary came through");
        ward.close().await;
    });
}

#[test]
fn a_late_canary_does_not_make_up_for_a_failed_one() {
    on_actix(async {
        let ward = Ward::with(settings(), Feed { canary: AtomicU8::new(3), ..Feed::default() });
        let _pictures = ward.fill_slots().await;
        ward.rounds_pass(5).await;
        assert!(!ward.verdict().ready);
        ward.feed.canary.store(0, Ordering::SeqCst);
        ward.feed.gate.open();
        ward.becomes_ready().await;
        ward.close().await;
    });
}

#[test]
fn an_actor_that_backs_off_is_named_until_it_is_back() {
    on_actix(async {
        let policy = RestartPolicy { first_backoff: Duration::from_millis(500), ..RestartPolicy::default() };
        let ward = Ward::open(ActorSystemSettings { policy, ..settings() });
        ward.becomes_ready().await;
        assert!(ask(&ward.actor_system.jobs.intake, Break).await.is_err());
        let verdict = ward.suffers(&["actors"]).await;
        assert_eq!(verdict.checks["actors"].reason.as_deref(), Some("not answering: intake"));
        ward.becomes_ready().await;
        assert!(ward.verdict().checks["actors"].figures.contains(&("restarts", 1)));
        ward.close().await;
    });
}

#[test]
fn health_that_fails_goes_on() {
    on_actix(async {
        let ward = Ward::ready().await;
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
            workers: ward.actor_system.workers.clone(),
            intake: ward.actor_system.jobs.intake.clone(),
            metrics: ward.actor_system.metrics.clone(),
            dispatcher: ward.actor_system.jobs.dispatcher.clone(),
            idempotency: ward.actor_system.jobs.idempotency.clone(),
            janitor: ward.actor_system.jobs.janitor.clone(),
            fetcher: ward.actor_system.jobs.fetcher.clone(),
            delivery: ward.actor_system.jobs.delivery.clone(),
            repository: ward.actor_system.repository.clone(),
            actor_registry: ward.actor_system.actor_registry.clone(),
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
            actor_registry: ward.actor_system.actor_registry.clone(),
        };
        let health = start(System::current().arbiter(), "second", &supervision, |_| actor);
        until(|| cell.read().age.is_some()).await;
        assert!(ask(&health, Break).await.is_err());
        let rounds = ward.rounds.load(Ordering::SeqCst);
        until(|| ward.rounds.load(Ordering::SeqCst) > rounds).await;
        let canaries = ward.feed.canaries.load(Ordering::SeqCst);
        until(|| ward.feed.canaries.load(Ordering::SeqCst) > canaries).await;
        until(|| cell.read().age.is_some_and(|age| age < Duration::from_millis(50))).await;
        assert_eq!(ward.actor_system.actor_registry.of("second").unwrap().restarts, 1);
        ward.close().await;
    });
}
