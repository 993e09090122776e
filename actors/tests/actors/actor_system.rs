//! The actor system: it starts, drains, reports fatal errors and stops as a whole.

use std::sync::Arc;

use crate::support::test_actors::open_storage;
use crate::support::test_supervision::PanicNow;
use crate::support::test_system::{TestSystem, settings};
use crate::support::{AGES, io, outbound_dependencies, picture, until};
use huemill_actors::actor_system::{ACTORS, ActorSystem, ActorSystemSettings, Dependencies};
use huemill_actors::clock::Clock;
use huemill_actors::fault::Code;
use huemill_actors::health::MemoryUse;
use huemill_actors::intake::Admit;
use huemill_actors::metrics::Render;
use huemill_actors::outbound;
use huemill_actors::supervise::{RestartPolicy, ask};
use huemill_actors::workers::{Input, Run, WorkersSettings, engines, run};
use huemill_imaging::Limits;
use huemill_observability::{LabelValues, Registry};
use huemill_store::Caller;
use huemill_store::store::Owner;
use huemill_store::{SpoolRoom, SpoolSettings};

#[actix_rt::test]
async fn the_real_actor_system_becomes_ready_and_processes_pictures() {
    let registry = Arc::new(Registry::new("0.0.0", &LabelValues::default()).unwrap());
    let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
    let storage = open_storage();
    let dependencies = Dependencies {
        io: io(),
        registry,
        room,
        store: storage.store.clone(),
        snapshots: storage.snapshots.clone(),
        blobs: storage.blobs.clone(),
        owner: Owner("test".to_owned()),
        engines: engines(Limits::default()),
        // The test must not depend on how full its machine is.
        disk: Arc::new(|| Ok(u64::MAX)),
        memory: Arc::new(|| Ok(MemoryUse { used: 1, total: 100 })),
        clock: Clock::system(),
        outbound_dependencies: outbound_dependencies(outbound::AddressPolicy::default()),
    };
    let actor_system = ActorSystem::start(&ActorSystemSettings::default(), dependencies);
    until(|| actor_system.verdict.read().ready).await;
    let result = run(&actor_system.workers, picture("no picture at all")).await;
    assert_eq!(result.unwrap_err().code, Code::UnsupportedMediaType);
    actor_system.stop(std::time::Duration::from_secs(1)).await;
}

#[actix_rt::test]
async fn a_failure_past_the_restart_limit_is_fatal_and_not_ready() {
    let policy = RestartPolicy { restarts: 0, ..RestartPolicy::default() };
    let mut system = TestSystem::start(ActorSystemSettings { policy, ..settings() });
    system.wait_until_ready().await;
    assert!(ask(&system.actor_system.jobs.intake, PanicNow).await.is_err());
    assert_eq!(
        system.actor_system.fatal_error.wait_for(Option::is_some).await.unwrap().as_ref().unwrap().actor,
        "intake"
    );
    assert_eq!((system.report().ready, system.report().reason), (false, Some("doomed")));
    system.stop().await;
}

#[actix_rt::test]
async fn a_drain_shows_as_soon_as_it_is_announced_and_uploads_are_refused_at_last() {
    let workers = WorkersSettings { queue_wait: AGES, ..settings().workers };
    let system = TestSystem::start(ActorSystemSettings { workers, ..settings() });
    system.wait_until_ready().await;
    let admit = || Admit { caller: Caller::Service, declared: Some(1), limit: 1, most: None, job: false };
    system.actor_system.announce_drain();
    assert_eq!((system.report().ready, system.report().reason), (false, Some("draining")));
    assert!(ask(&system.actor_system.jobs.intake, admit()).await.unwrap().is_ok());
    system.actor_system.drain();
    assert_eq!((system.report().ready, system.report().reason), (false, Some("draining")));
    assert!(ask(&system.actor_system.jobs.intake, admit()).await.unwrap().is_ok());
    system.actor_system.refuse_uploads();
    let refused = ask(&system.actor_system.jobs.intake, admit()).await.unwrap().unwrap_err();
    assert_eq!(refused.code, Code::NotReady);
    run(&system.actor_system.workers, Run { input: Input::Bytes([1].into()), ..picture("") }).await.unwrap();
    system.stop().await;
}

#[actix_rt::test]
async fn all_actors_run_and_a_stop_answers_every_pending_request() {
    let system = TestSystem::ready().await;
    let names: Vec<_> = system.actor_system.actor_registry.all().into_keys().collect();
    assert_eq!(names, ACTORS);
    let (workers, intake, metrics) =
        (&system.actor_system.workers, &system.actor_system.jobs.intake, &system.actor_system.metrics);
    let (workers, intake, metrics) = (workers.clone(), intake.clone(), metrics.clone());
    let pictures = system.fill_slots().await;
    system.actor_system.stop(std::time::Duration::from_secs(1)).await;
    for picture in pictures {
        assert_eq!(picture.await.unwrap().unwrap_err().code, Code::NotReady);
    }
    assert!(!workers.connected() && !intake.connected() && !metrics.connected());
    assert_eq!(ask(&metrics, Render).await.unwrap_err().code, Code::NotReady);
    system.engine.gate.open();
}
