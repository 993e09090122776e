//! Property tests of the order of claims: callers get equal shares, the jobs of a caller shares by their weights, and no
//! job waits longer than its part of all ready work.

use std::collections::{BTreeMap, BTreeSet};

use huemill_store::Caller;
use huemill_store::job::{JobId, NewJob, Priority};
use huemill_store::store::{Lease, Store};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use crate::builders::new_job;
use crate::harness::{StoreUnderTest, on_all_stores};

#[derive(Debug, Clone)]
enum Step {
    Create { caller: u8, priority: Priority, items: u32 },
    Claim(u32),
    GiveBack(Index),
    Cancel(Index),
}

fn step() -> impl Strategy<Value = Step> {
    let priority = prop::sample::select(Priority::ALL);
    let create = (0_u8..4, priority, prop_oneof![Just(1_u32), 2_u32..30])
        .prop_map(|(caller, priority, items)| Step::Create { caller, priority, items });
    prop_oneof![
        4 => create,
        10 => (1_u32..6).prop_map(Step::Claim),
        1 => any::<Index>().prop_map(Step::GiveBack),
        1 => any::<Index>().prop_map(Step::Cancel),
    ]
}

fn caller(number: u8) -> Caller {
    Caller::of_address([192, 0, 2, number].into())
}

fn weight(priority: Priority) -> i64 {
    match priority {
        Priority::Low => 1,
        Priority::Normal => 2,
        Priority::High => 4,
    }
}

struct ModelJob {
    caller: u8,
    weight: i64,
    queued: u32,
    /// Claims since its last one, and what was ready meanwhile: callers, and jobs of its caller.
    waited: usize,
    callers: BTreeSet<u8>,
    siblings: BTreeSet<JobId>,
}

/// The difference between two numbers that grow while both sides are ready, and how far it has moved.
#[derive(Default)]
struct Drift {
    now: i64,
    least: i64,
    most: i64,
}

impl Drift {
    fn add(&mut self, step: i64) {
        self.now += step;
        (self.least, self.most) = (self.least.min(self.now), self.most.max(self.now));
    }

    fn range(&self) -> i64 {
        self.most - self.least
    }
}

#[derive(Default)]
struct Model {
    jobs: BTreeMap<JobId, ModelJob>,
    leases: Vec<Lease>,
    between_callers: BTreeMap<(u8, u8), Drift>,
    between_jobs: BTreeMap<(JobId, JobId), Drift>,
}

impl Model {
    /// Forgets the windows that end because a caller or job is not ready, and begins those that start now.
    fn look(&mut self) {
        let ready: BTreeMap<JobId, u8> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.queued > 0)
            .map(|(id, job)| (id.clone(), job.caller))
            .collect();
        let callers: BTreeSet<u8> = ready.values().copied().collect();
        self.between_callers.retain(|(a, b), _| callers.contains(a) && callers.contains(b));
        self.between_jobs.retain(|(a, b), _| ready.contains_key(a) && ready.contains_key(b));
        for a in &callers {
            for b in callers.range(a + 1..) {
                self.between_callers.entry((*a, *b)).or_default();
            }
        }
        for (a, caller) in &ready {
            for (b, _) in ready.iter().filter(|(b, other)| *b > a && *other == caller) {
                self.between_jobs.entry((a.clone(), b.clone())).or_default();
            }
            let job = self.jobs.get_mut(a).unwrap();
            job.callers.extend(&callers);
            job.siblings.extend(ready.iter().filter(|(_, other)| *other == caller).map(|(id, _)| id.clone()));
        }
    }

    fn claimed(&mut self, lease: &Lease) {
        self.look();
        let (id, claimed) = self.jobs.get_key_value(&lease.job).unwrap();
        // In pictures of weight 4.
        let (id, caller, step) = (id.clone(), claimed.caller, 4 / claimed.weight);
        for ((a, b), drift) in &mut self.between_callers {
            drift.add(i64::from(*a == caller) - i64::from(*b == caller));
            assert!(drift.range() <= 3, "callers {a} and {b} are {} apart", drift.range());
        }
        for ((a, b), drift) in &mut self.between_jobs {
            drift.add(step * (i64::from(*a == id) - i64::from(*b == id)));
            assert!(drift.range() <= 10, "two jobs of caller {caller} are {} apart", drift.range());
        }
        for (other, job) in &mut self.jobs {
            if *other == id {
                job.queued -= 1;
            } else if job.queued > 0 {
                job.waited += 1;
                let longest = job.callers.len() * job.siblings.len() * 4;
                assert!(job.waited < longest, "a job waits longer than {longest} claims");
                continue;
            }
            job.waited = 0;
            job.callers.clear();
            job.siblings.clear();
        }
        self.leases.push(lease.clone());
    }

    async fn run(&mut self, test: &StoreUnderTest, step: Step) {
        match step {
            Step::Create { caller: number, priority, items } => {
                let job = test.create(NewJob { caller: caller(number), priority, ..new_job(items) }).await;
                let (weight, waited) = (weight(priority), 0);
                let (callers, siblings) = (BTreeSet::new(), BTreeSet::new());
                let model = ModelJob { caller: number, weight, queued: items, waited, callers, siblings };
                self.jobs.insert(job.id, model);
            }
            Step::Claim(limit) => {
                let ready: u32 = self.jobs.values().map(|job| job.queued).sum();
                let claims = test.claim(limit).await;
                assert_eq!(claims.len() as u32, limit.min(ready));
                for claim in &claims {
                    self.claimed(&claim.lease);
                }
            }
            Step::GiveBack(which) if !self.leases.is_empty() => {
                let lease = self.leases.swap_remove(which.index(self.leases.len()));
                if test.store.give_back(std::slice::from_ref(&lease)).await.unwrap() > 0 {
                    self.jobs.get_mut(&lease.job).unwrap().queued += 1;
                }
            }
            Step::Cancel(which) if !self.jobs.is_empty() => {
                let id = self.jobs.keys().nth(which.index(self.jobs.len())).unwrap().clone();
                test.store.cancel(&id).await.unwrap();
                self.jobs.remove(&id);
                self.leases.retain(|lease| lease.job != id);
            }
            Step::GiveBack(_) | Step::Cancel(_) => {}
        }
        self.look();
    }
}

fn check_any_order(open: impl AsyncFn() -> StoreUnderTest, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(step(), 1..80), |steps| {
            runtime.block_on(async {
                let (test, mut model) = (open().await, Model::default());
                for step in steps {
                    model.run(&test, step).await;
                }
                test.check_counters().await;
                test.store.close().await;
            });
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_order_of_arrivals_is_shared_fairly_on_sqlite() {
    check_any_order(StoreUnderTest::sqlite, 32);
}

#[test]
fn any_order_of_arrivals_is_shared_fairly_on_postgresql() {
    crate::servers::require!(PostgreSql);
    check_any_order(StoreUnderTest::postgres, 10);
}

/// How many of the next claims go to this caller.
async fn share(test: &StoreUnderTest, number: u8, claims: u32) -> usize {
    test.claim(claims).await.iter().filter(|claim| claim.caller == caller(number)).count()
}

async fn a_caller_with_many_jobs_gets_the_share_of_one_with_a_single_job(test: StoreUnderTest) {
    for _ in 0..40 {
        test.create(NewJob { caller: caller(1), priority: Priority::High, ..new_job(2) }).await;
    }
    test.create(NewJob { caller: caller(2), priority: Priority::Low, ..new_job(30) }).await;
    assert!((9..=11).contains(&share(&test, 2, 20).await));
    // Whoever was away neither gets ahead nor falls behind.
    test.create(NewJob { caller: caller(3), ..new_job(30) }).await;
    assert!((9..=11).contains(&share(&test, 3, 30).await));
}

on_all_stores!(a_caller_with_many_jobs_gets_the_share_of_one_with_a_single_job,);
