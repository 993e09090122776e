//! Snapshots: a poll that brings nothing new costs no store access.

#![allow(clippy::unwrap_used)]

mod support;

use huemill_store::job::{JobId, JobState};
use support::office::{Office, keep, settings};
use support::{io, on_actix};

use huemill_actors::janitor::JanitorSettings;

/// The mark of a job, where it is known without the store.
async fn known(office: &Office, id: &JobId) -> Option<huemill_store::store::Mark> {
    let closed = keep();
    let store = closed.store.clone();
    io().spawn(async move { store.close().await }).await.unwrap();
    // A store that is closed answers nothing: what comes back is known without it.
    office.records.snapshots.mark(&*closed.store, id).await.ok().flatten()
}

#[test]
fn a_created_job_is_known_without_the_store() {
    on_actix(async {
        let office = Office::with(
            huemill_actors::dispatcher::DispatcherSettings { slots: 0, ..settings() },
            JanitorSettings::default(),
            keep(),
        );
        let id = office.submit(&["one"]).await;
        let mark = known(&office, &id).await.unwrap();
        assert_eq!((mark.version, mark.state), (1, JobState::Queued));
    });
}

#[test]
fn what_is_known_follows_the_job_to_its_end() {
    on_actix(async {
        let office = Office::open();
        let id = office.submit(&["one"]).await;
        let job = office.ends(&id).await;
        let mark = known(&office, &id).await.unwrap();
        assert_eq!((mark.version, mark.state), (job.version, JobState::Completed));
    });
}

#[test]
fn who_watches_is_woken_by_a_change() {
    on_actix(async {
        let mut office = Office::open();
        let id = office.submit(&["gate"]).await;
        assert_eq!(office.shop.begun().await, "gate");
        let watch = office.records.snapshots.watch(&id);
        let changed = watch.changed();
        office.shop.mine.gate.open();
        tokio::time::timeout(support::AGES, changed).await.unwrap();
        office.ends(&id).await;
    });
}

#[test]
fn a_job_that_nobody_knows_is_not_there() {
    on_actix(async {
        let office = Office::open();
        let nobody = JobId::generate(std::time::Duration::ZERO, &mut rand::rng());
        let mark = office.records.snapshots.mark(&*office.records.store, &nobody).await.unwrap();
        assert_eq!(mark, None);
    });
}
