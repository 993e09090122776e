//! Whatever happens in whatever order, the books stay balanced.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use huemill_store::job::{ItemState, Job, JobId, JobState};
use huemill_store::store::{Canceled, Ended, Lease, Outcome, Retried, Settled, Store};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use crate::bench::{Bench, HOUR, done, failed, heartbeat, retry};

#[derive(Debug, Clone)]
enum Step {
    Create(u32),
    Claim { most: u32, dies: bool },
    TakeSuspect { dies: bool },
    Settle { which: Index, succeeds: bool },
    TakeIsolated,
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
        4 => (1_u32..5, any::<bool>()).prop_map(|(most, dies)| Step::Claim { most, dies }),
        3 => any::<bool>().prop_map(|dies| Step::TakeSuspect { dies }),
        6 => (any::<Index>(), any::<bool>()).prop_map(|(which, succeeds)| Step::Settle { which, succeeds }),
        1 => Just(Step::TakeIsolated),
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

/// What has been seen from outside.
#[derive(Default)]
struct Books {
    jobs: Vec<JobId>,
    /// Every lease there ever was: late answers come from any of them.
    leases: Vec<Lease>,
    settled: HashSet<(JobId, u32)>,
    ended: HashSet<JobId>,
    last: HashMap<JobId, Job>,
}

impl Books {
    fn end(&mut self, ended: &Ended) {
        assert!(ended.job.state.has_ended());
        assert!(self.ended.insert(ended.job.id.clone()), "{} ended twice", ended.job.id);
    }

    async fn take(&mut self, bench: &Bench, step: Step) {
        match step {
            Step::Create(items) => self.jobs.push(bench.job_of(items).await.id),
            Step::Claim { most, dies } => {
                let claims = if dies { bench.claim_and_die(most).await } else { bench.claim(most).await };
                self.leases.extend(claims.into_iter().map(|claim| claim.lease));
            }
            Step::TakeSuspect { dies } => {
                let claims = if dies { bench.suspect_and_die().await } else { bench.suspect().await }.items;
                assert!(claims.len() <= 1);
                self.leases.extend(claims.into_iter().map(|claim| claim.lease));
            }
            Step::Settle { which, succeeds } => {
                if let Some(lease) = which_of(&self.leases, which) {
                    let outcome = if succeeds { done(&lease) } else { failed() };
                    self.settle(bench, &lease, outcome).await;
                }
            }
            Step::TakeIsolated => {
                let claims = bench.isolated().await.items;
                self.leases.extend(claims.into_iter().map(|claim| claim.lease));
            }
            Step::Defer(which) => {
                if let Some(lease) = which_of(&self.leases, which) {
                    self.settle(bench, &lease, retry(3)).await;
                }
            }
            Step::Reconcile { which, keeps } => {
                if let Some(lease) = which_of(&self.leases, which) {
                    let held = if keeps { vec![lease.clone()] } else { Vec::new() };
                    let beat = heartbeat(lease.owner, HOUR, &held);
                    bench.store.heartbeat(&beat).await.unwrap();
                }
            }
            Step::Retry(which) => {
                if let Some(id) = which_of(&self.jobs, which)
                    && let Retried::Queued(job, items) = bench.store.retry(&id).await.unwrap()
                {
                    assert!(items > 0 && !job.state.has_ended());
                    self.reopen(&id);
                }
            }
            Step::Sweep => {
                let due = bench.store.removable(9).await.unwrap();
                bench.store.removed(&due).await.unwrap();
                bench.store.collect(9, Duration::ZERO).await.unwrap();
            }
            Step::GiveBack(which) => {
                if let Some(lease) = which_of(&self.leases, which) {
                    assert!(bench.store.give_back(&[lease]).await.unwrap() <= 1);
                }
            }
            Step::Reap => {
                for ended in bench.reap().await.ended {
                    self.end(&ended);
                }
            }
            Step::Cancel(which) => {
                if let Some(id) = which_of(&self.jobs, which)
                    && let Canceled::Now(ended) = bench.store.cancel(&id).await.unwrap()
                {
                    self.end(&ended);
                }
            }
            Step::Delete(which) => {
                if let Some(id) = which_of(&self.jobs, which) {
                    bench.store.delete(&id).await.unwrap();
                }
            }
        }
    }

    /// Whatever had failed for good may be settled, and the job may end, once more.
    fn reopen(&mut self, id: &JobId) {
        self.ended.remove(id);
        self.settled.retain(|(job, _)| job != id);
        self.last.remove(id);
    }

    async fn settle(&mut self, bench: &Bench, lease: &Lease, outcome: Outcome) {
        if let Settled::Counted(ended) = bench.settle(lease, outcome).await {
            let item = (lease.job.clone(), lease.number);
            assert!(self.settled.insert(item), "{lease:?} was settled twice");
            if let Some(ended) = ended {
                self.end(&ended);
            }
        }
    }

    /// What must be true at any time.
    async fn check(&mut self, bench: &Bench) {
        let mut waiting = 0;
        for id in &self.jobs {
            let Some(job) = bench.store.job(id).await.unwrap() else {
                assert_eq!(self.last.get(id).map(|job| job.state), Some(JobState::Expired));
                continue;
            };
            let items = bench.items(id).await;
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
        assert_eq!(bench.store.figures().await.unwrap().queued_items, waiting);
        bench.figures_are_true().await;
    }

    /// Everybody has died: what is left is done by others, and then every job has ended.
    async fn finish(&mut self, bench: &Bench) {
        for lease in std::mem::take(&mut self.leases) {
            bench.store.leave(&lease.owner).await.unwrap();
        }
        self.take(bench, Step::Reap).await;
        loop {
            let mut claims = bench.claim(3).await;
            claims.extend(bench.suspect().await.items);
            claims.extend(bench.isolated().await.items);
            if claims.is_empty() {
                break;
            }
            for claim in claims {
                self.settle(bench, &claim.lease, done(&claim.lease)).await;
            }
        }
        self.check(bench).await;
        assert!(self.last.values().all(|job| job.state.has_ended()));
    }
}

fn which_of<T: Clone>(list: &[T], which: Index) -> Option<T> {
    (!list.is_empty()).then(|| which.get(list).clone())
}

fn hold(open: impl AsyncFn() -> Bench, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), 1..40), |steps| {
            runtime.block_on(async {
                let (bench, mut books) = (open().await, Books::default());
                for step in steps {
                    books.take(&bench, step).await;
                    books.check(&bench).await;
                }
                books.finish(&bench).await;
                bench.store.close().await;
            });
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_order_of_events_keeps_the_books_on_sqlite() {
    hold(Bench::sqlite, 24);
}

#[test]
fn any_order_of_events_keeps_the_books_on_postgres() {
    crate::servers::require!(PostgreSql);
    hold(Bench::postgres, 12);
}
