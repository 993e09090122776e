//! The crew: it starts, drains, is doomed and stops as one.

#![allow(clippy::unwrap_used)] // clippy knows the tests here, not what they share

mod support;

use std::sync::Arc;

use huemill_actors::actor_system::{ACTORS, ActorSystem, ActorSystemSettings, Dependencies};
use huemill_actors::clock::Clock;
use huemill_actors::fault::Code;
use huemill_actors::health::MemoryUse;
use huemill_actors::intake::Admit;
use huemill_actors::metrics::Render;
use huemill_actors::outbound;
use huemill_actors::supervise::{RestartPolicy, ask};
use huemill_actors::workers::{Input, Run, engines, run};
use huemill_imaging::Limits;
use huemill_observability::{LabelValues, Registry};
use huemill_store::store::Owner;
use huemill_store::{SpoolRoom, SpoolSettings};
use support::breaking::Break;
use support::office::keep;
use support::ward::{Ward, settings};
use support::{io, on_actix, outbound_dependencies, picture, until};

#[test]
fn the_real_crew_becomes_ready_and_works() {
    on_actix(async {
        let registry = Arc::new(Registry::new("0.0.0", &LabelValues::default()).unwrap());
        let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
        let kept = keep();
        let dependencies = Dependencies {
            io: io(),
            registry,
            room,
            store: kept.store.clone(),
            snapshots: kept.snapshots.clone(),
            blobs: kept.blobs.clone(),
            owner: Owner("crew".to_owned()),
            engines: engines(Limits::default()),
            // How full the machine is that runs this test is not its subject.
            disk: Arc::new(|| Ok(u64::MAX)),
            memory: Arc::new(|| Ok(MemoryUse { used: 1, total: 100 })),
            clock: Clock::system(),
            outbound_dependencies: outbound_dependencies(outbound::AddressPolicy::default()),
        };
        let actor_system = ActorSystem::start(&ActorSystemSettings::default(), dependencies);
        until(|| actor_system.verdict.read().ready).await;
        let answer = run(&actor_system.workers, picture("no picture at all")).await;
        assert_eq!(answer.unwrap_err().code, Code::ProcessingError);
        actor_system.stop(std::time::Duration::from_secs(1)).await;
    });
}

#[test]
fn past_the_intensity_the_crew_is_doomed() {
    on_actix(async {
        let policy = RestartPolicy { restarts: 0, ..RestartPolicy::default() };
        let mut ward = Ward::open(ActorSystemSettings { policy, ..settings() });
        ward.becomes_ready().await;
        assert!(ask(&ward.actor_system.jobs.intake, Break).await.is_err());
        assert_eq!(
            ward.actor_system.fatal_error.wait_for(Option::is_some).await.unwrap().as_ref().unwrap().actor,
            "intake"
        );
        assert_eq!((ward.verdict().ready, ward.verdict().reason), (false, Some("doomed")));
        ward.close().await;
    });
}

#[test]
fn a_drain_is_seen_at_once_and_lets_nobody_in() {
    on_actix(async {
        let ward = Ward::ready().await;
        ward.actor_system.drain();
        assert_eq!((ward.verdict().ready, ward.verdict().reason), (false, Some("draining")));
        let admit = Admit { declared: Some(1), limit: 1, job: false };
        let refused = ask(&ward.actor_system.jobs.intake, admit).await.unwrap().unwrap_err();
        assert_eq!(refused.code, Code::NotReady);
        run(&ward.actor_system.workers, Run { input: Input::Bytes([1].into()), ..picture("") })
            .await
            .unwrap();
        ward.close().await;
    });
}

#[test]
fn the_crew_is_all_there_and_stops_leaving_nobody_waiting() {
    on_actix(async {
        let ward = Ward::ready().await;
        let names: Vec<_> = ward.actor_system.actor_registry.all().into_keys().collect();
        assert_eq!(names, ACTORS);
        let (workers, intake, metrics) =
            (&ward.actor_system.workers, &ward.actor_system.jobs.intake, &ward.actor_system.metrics);
        let (workers, intake, metrics) = (workers.clone(), intake.clone(), metrics.clone());
        let pictures = ward.fill_slots().await;
        ward.actor_system.stop(std::time::Duration::from_secs(1)).await;
        for picture in pictures {
            assert_eq!(picture.await.unwrap().unwrap_err().code, Code::NotReady);
        }
        assert!(!workers.connected() && !intake.connected() && !metrics.connected());
        assert_eq!(ask(&metrics, Render).await.unwrap_err().code, Code::NotReady);
        ward.feed.gate.open();
    });
}
