//! Property tests: after any sequence of operations, jobs, items and counters are consistent.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use huemill_store::job::{ItemState, Job, JobId, JobState};
use huemill_store::store::{Canceled, EndedJob, ItemOutcome, Lease, Retried, Settled, Store};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use crate::builders::{HOUR, done, failed, heartbeat, retry};
use crate::harness::StoreUnderTest;

#[derive(Debug, Clone)]
enum Step {
    Create(u32),
    Claim { limit: u32, dies: bool },
    ClaimSuspect { dies: bool },
    Settle { which: Index, succeeds: bool },
    ClaimIsolated,
    Defer(Index),
    Reconcile { which: Index, keeps: bool },
    Retry(Index),
    Sweep,
    GiveBack(Index),
    Reap,
    Cancel(Index),
    Delete(Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (1_u32..4).prop_map(Step::Create),
        4 => (1_u32..5, any::<bool>()).prop_map(|(limit, dies)| Step::Claim { limit, dies }),
        3 => any::<bool>().prop_map(|dies| Step::ClaimSuspect { dies }),
        6 => (any::<Index>(), any::<bool>()).prop_map(|(which, succeeds)| Step::Settle { which, succeeds }),
        1 => Just(Step::ClaimIsolated),
        2 => any::<Index>().prop_map(Step::Defer),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(which, keeps)| Step::Reconcile { which, keeps }),
        1 => any::<Index>().prop_map(Step::Retry),
        1 => Just(Step::Sweep),
        1 => any::<Index>().prop_map(Step::GiveBack),
        3 => Just(Step::Reap),
        1 => any::<Index>().prop_map(Step::Cancel),
        1 => any::<Index>().prop_map(Step::Delete),
    ]
}

/// What a caller of the store has seen so far.
#[derive(Default)]
struct Model {
    jobs: Vec<JobId>,
    /// All leases ever granted. Late outcomes can come from any of them.
    leases: Vec<Lease>,
    settled: HashSet<(JobId, u32)>,
    ended: HashSet<JobId>,
    last: HashMap<JobId, Job>,
}

impl Model {
    fn record_end(&mut self, ended: &EndedJob) {
        assert!(ended.job.state.has_ended());
        assert!(self.ended.insert(ended.job.id.clone()), "{} ended twice", ended.job.id);
    }

    async fn run(&mut self, test: &StoreUnderTest, step: Step) {
        match step {
            Step::Create(items) => self.jobs.push(test.create_job(items).await.id),
            Step::Claim { limit, dies } => {
                let claims = if dies { test.claim_and_die(limit).await } else { test.claim(limit).await };
                self.leases.extend(claims.into_iter().map(|claim| claim.lease));
            }
            Step::ClaimSuspect { dies } => {
                let claims =
                    if dies { test.claim_suspect_and_die().await } else { test.claim_suspect().await }.items;
                assert!(claims.len() <= 1);
                self.leases.extend(claims.into_iter().map(|claim| claim.lease));
            }
            Step::Settle { which, succeeds } => {
                if let Some(lease) = which_of(&self.leases, which) {
                    let outcome = if succeeds { done(&lease) } else { failed() };
                    self.settle(test, &lease, outcome).await;
                }
            }
            Step::ClaimIsolated => {
                let claims = test.claim_isolated().await.items;
                self.leases.extend(claims.into_iter().map(|claim| claim.lease));
            }
            Step::Defer(which) => {
                if let Some(lease) = which_of(&self.leases, which) {
                    self.settle(test, &lease, retry(3)).await;
                }
            }
            Step::Reconcile { which, keeps } => {
                if let Some(lease) = which_of(&self.leases, which) {
                    let held = if keeps { vec![lease.clone()] } else { Vec::new() };
                    let beat = heartbeat(lease.owner, HOUR, &held);
                    test.store.heartbeat(&beat).await.unwrap();
                }
            }
            Step::Retry(which) => {
                if let Some(id) = which_of(&self.jobs, which)
                    && let Retried::Queued(job, items) = test.store.retry(&id).await.unwrap()
                {
                    assert!(items > 0 && !job.state.has_ended());
                    self.reopen(&id);
                }
            }
            Step::Sweep => {
                let due = test.store.removable(9).await.unwrap();
                test.store.removed(&due).await.unwrap();
                test.store.collect(9, Duration::ZERO).await.unwrap();
            }
            Step::GiveBack(which) => {
                if let Some(lease) = which_of(&self.leases, which) {
                    assert!(test.store.give_back(&[lease]).await.unwrap() <= 1);
                }
            }
            Step::Reap => {
                for ended in test.reap().await.ended {
                    self.record_end(&ended);
                }
            }
            Step::Cancel(which) => {
                if let Some(id) = which_of(&self.jobs, which)
                    && let Canceled::Now(ended) = test.store.cancel(&id).await.unwrap()
                {
                    self.record_end(&ended);
                }
            }
            Step::Delete(which) => {
                if let Some(id) = which_of(&self.jobs, which) {
                    test.store.delete(&id).await.unwrap();
                }
            }
        }
    }

    /// After a retry, failed items can be settled again and the job can end again.
    fn reopen(&mut self, id: &JobId) {
        self.ended.remove(id);
        self.settled.retain(|(job, _)| job != id);
        self.last.remove(id);
    }

    async fn settle(&mut self, test: &StoreUnderTest, lease: &Lease, outcome: ItemOutcome) {
        if let Settled::Counted(ended) = test.settle(lease, outcome).await {
            let item = (lease.job.clone(), lease.number);
            assert!(self.settled.insert(item), "{lease:?} was settled twice");
            if let Some(ended) = ended {
                self.record_end(&ended);
            }
        }
    }

    /// Checks everything that must hold after each step.
    async fn check(&mut self, test: &StoreUnderTest) {
        let mut waiting = 0;
        for id in &self.jobs {
            let Some(job) = test.store.job(id).await.unwrap() else {
                assert_eq!(self.last.get(id).map(|job| job.state), Some(JobState::Expired));
                continue;
            };
            let items = test.items(id).await;
            let count = |state| items.iter().filter(|item| item.state == state).count() as u32;
            if job.state != JobState::Expired {
                assert_eq!(items.len() as u32, job.total);
                assert_eq!((job.succeeded, job.failed), (count(ItemState::Done), count(ItemState::Failed)));
                assert_eq!(job.state.has_ended(), count(ItemState::Queued) + count(ItemState::Claimed) == 0);
                assert_eq!(job.state.has_ended(), self.ended.contains(id));
                waiting += u64::from(count(ItemState::Queued));
            }
            if let Some(last) = self.last.insert(id.clone(), job.clone()) {
                assert!(job.version >= last.version && (job.state >= last.state));
                assert!(!last.state.has_ended() || [last.state, JobState::Expired].contains(&job.state));
                let seen = |job: &Job| (job.state, job.progress(), job.eta_s, job.expires_at);
                assert_eq!(job.version > last.version, seen(&job) != seen(&last), "{last:?} {job:?}");
            }
        }
        assert_eq!(test.store.figures().await.unwrap().queued_items, waiting);
        test.check_counters().await;
    }

    /// Lets all processes die and another one process the remaining items. All jobs must end.
    async fn finish(&mut self, test: &StoreUnderTest) {
        for lease in std::mem::take(&mut self.leases) {
            test.store.leave(&lease.owner).await.unwrap();
        }
        self.run(test, Step::Reap).await;
        loop {
            let mut claims = test.claim(3).await;
            claims.extend(test.claim_suspect().await.items);
            claims.extend(test.claim_isolated().await.items);
            if claims.is_empty() {
                break;
            }
            for claim in claims {
                self.settle(test, &claim.lease, done(&claim.lease)).await;
            }
        }
        self.check(test).await;
        assert!(self.last.values().all(|job| job.state.has_ended()));
    }
}

fn which_of<T: Clone>(list: &[T], which: Index) -> Option<T> {
    (!list.is_empty()).then(|| which.get(list).clone())
}

fn check_any_order(open: impl AsyncFn() -> StoreUnderTest, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), 1..40), |steps| {
            runtime.block_on(async {
                let (test, mut model) = (open().await, Model::default());
                for step in steps {
                    model.run(&test, step).await;
                    model.check(&test).await;
                }
                model.finish(&test).await;
                test.store.close().await;
            });
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_order_of_operations_keeps_the_sqlite_store_consistent() {
    check_any_order(StoreUnderTest::sqlite, 24);
}

#[test]
fn any_order_of_operations_keeps_the_postgresql_store_consistent() {
    crate::servers::require!(PostgreSql);
    check_any_order(StoreUnderTest::postgres, 12);
}
