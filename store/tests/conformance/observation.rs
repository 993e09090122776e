//! Tests that an observer sees each operation once, whether it succeeds, fails or loses its caller.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use huemill_store::store::{OPERATIONS, Observation, Observer, Store, StoreError};

use crate::builders::{claim_request, new_job, owner};
use crate::harness::{StoreUnderTest, on_all_stores};

/// Records what it observes: the name of each operation that started or ended, and whether it failed.
#[derive(Default)]
struct Recorder {
    started: Mutex<Vec<&'static str>>,
    ended: Mutex<Vec<(&'static str, bool)>>,
}

struct SharedRecorder(Arc<Recorder>);

struct Call {
    operation: &'static str,
    recorder: Arc<Recorder>,
}

impl Observer for SharedRecorder {
    fn start(&self, operation: &'static str) -> Box<dyn Observation> {
        self.0.started.lock().unwrap().push(operation);
        Box::new(Call { operation, recorder: Arc::clone(&self.0) })
    }
}

impl Observation for Call {
    fn instrument(&self, work: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        work
    }

    fn end(self: Box<Self>, error: Option<&StoreError>) {
        self.recorder.ended.lock().unwrap().push((self.operation, error.is_some()));
    }
}

fn observed(test: &StoreUnderTest) -> (Arc<dyn Store>, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    (test.store.observed(Arc::new(SharedRecorder(Arc::clone(&recorder)))), recorder)
}

async fn each_call_is_one_observed_operation(test: StoreUnderTest) {
    let (store, recorder) = observed(&test);
    let new = new_job(1);
    store.create(new.clone()).await.unwrap();
    store.job_version(&new.id).await.unwrap();
    // The second claim reads before it writes. Still, each claim is one operation.
    store.claim(&claim_request(9)).await.unwrap();
    store.claim(&claim_request(9)).await.unwrap();
    store.claim(&claim_request(9)).await.unwrap();
    store.probe(&owner()).await.unwrap();
    store.secret("name", "secret".into()).await.unwrap();
    store.snooze(&[], Duration::ZERO).await.unwrap();
    store.create(new_job(0)).await.unwrap_err();
    let expected = [
        ("create", false),
        ("mark", false),
        ("claim", false),
        ("claim", false),
        ("claim", false),
        ("probe", false),
        ("secret", false),
        ("put_off", false),
        ("create", true),
    ];
    assert_eq!(*recorder.ended.lock().unwrap(), expected);
    assert_eq!(*recorder.started.lock().unwrap(), expected.map(|(operation, _)| operation));
    assert!(expected.iter().all(|(operation, _)| OPERATIONS.contains(operation)));
}

async fn a_handle_without_an_observer_reports_nothing(test: StoreUnderTest) {
    let (_, recorder) = observed(&test);
    test.create_job(1).await;
    assert!(recorder.started.lock().unwrap().is_empty());
}

async fn an_operation_runs_to_its_end_if_its_caller_goes_away(test: StoreUnderTest) {
    let (store, recorder) = observed(&test);
    let new = new_job(1);
    tokio::select! {
        biased;
        created = store.create(new.clone()) => panic!("the call ended at its first poll: {created:?}"),
        () = std::future::ready(()) => {}
    }
    let stored = async {
        while test.store.job(&new.id).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), stored).await.unwrap();
    assert_eq!(*recorder.started.lock().unwrap(), ["create"]);
    assert!(recorder.ended.lock().unwrap().is_empty());
}

on_all_stores!(
    each_call_is_one_observed_operation,
    a_handle_without_an_observer_reports_nothing,
    an_operation_runs_to_its_end_if_its_caller_goes_away,
);
