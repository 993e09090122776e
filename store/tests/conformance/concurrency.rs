//! Runs several processes (on SQLite, several callers) at the same time on the same few jobs, with random operations of
//! the contract, and checks that each item settles once and each job ends once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use huemill_store::job::{ItemState, JobId};
use huemill_store::store::{
    Canceled, ClaimRequest, EndedJob, Heartbeat, Lease, Owner, Selection, Settled, Store,
};
use rand::prelude::IndexedRandom;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::builders::{HOUR, claim_request, done, failed, heartbeat, internal_error, retry};
use crate::harness::{StoreUnderTest, on_all_stores};

/// The results that all processes have seen together.
#[derive(Default)]
struct Ledger {
    leases: Vec<Lease>,
    settled: HashSet<(JobId, u32)>,
    ended: HashSet<JobId>,
}

impl Ledger {
    fn record_end(&mut self, ended: &EndedJob) {
        assert!(self.ended.insert(ended.job.id.clone()), "{} ended twice", ended.job.id);
    }
}

/// One of the processes.
struct SimulatedProcess {
    store: Arc<dyn Store>,
    ledger: Arc<Mutex<Ledger>>,
    jobs: Vec<JobId>,
    owner: Owner,
    random: StdRng,
    sequence: u64,
}

impl SimulatedProcess {
    /// Runs one random operation.
    async fn act(&mut self) {
        match self.random.random_range(0..12) {
            0..=3 => self.claim().await,
            4..=7 => self.settle().await,
            8 => {
                let reaped = self.store.reap(20, 2, &internal_error()).await.unwrap();
                reaped.ended.iter().for_each(|ended| self.ledger.lock().unwrap().record_end(ended));
            }
            9 => {
                let leases: Vec<_> = (0..4).filter_map(|_| self.random_lease()).collect();
                self.store.give_back(&leases).await.unwrap();
            }
            10 => {
                let beat = heartbeat(self.owner.clone(), self.lease_time(), &[]);
                self.store.heartbeat(&Heartbeat { answered: self.sequence / 2, ..beat }).await.unwrap();
            }
            _ if self.random.random_bool(0.1) => {
                let id = self.jobs.choose(&mut self.random).unwrap();
                if let Canceled::Now(ended) = self.store.cancel(id).await.unwrap() {
                    self.ledger.lock().unwrap().record_end(&ended);
                }
            }
            _ => {
                self.store.figures().await.unwrap();
            }
        }
    }

    async fn claim(&mut self) {
        const SELECTIONS: [Selection; 4] =
            [Selection::InTurn, Selection::InTurn, Selection::Suspect, Selection::Isolated];
        let (limit, selection) = (self.random.random_range(1..6), SELECTIONS[self.random.random_range(0..4)]);
        self.sequence += 1;
        let (owner, sequence) = (self.owner.clone(), self.sequence);
        let lease = self.lease_time();
        let request = ClaimRequest { owner, selection, sequence, lease, ..claim_request(limit) };
        let claims = self.store.claim(&request).await.unwrap().items;
        self.ledger.lock().unwrap().leases.extend(claims.into_iter().map(|claim| claim.lease));
    }

    async fn settle(&mut self) {
        let Some(lease) = self.random_lease() else { return };
        let outcome = match self.random.random_range(0..10) {
            0..=5 => done(&lease),
            6..=7 => failed(),
            _ => retry(2),
        };
        if let Settled::Counted(ended) = self.store.settle(&lease, outcome, 1).await.unwrap() {
            let mut ledger = self.ledger.lock().unwrap();
            assert!(ledger.settled.insert((lease.job, lease.number)), "settled twice");
            if let Some(ended) = ended {
                ledger.record_end(&ended);
            }
        }
    }

    /// Half of the leases expire at once.
    fn lease_time(&mut self) -> Duration {
        if self.random.random_bool(0.5) { HOUR } else { Duration::ZERO }
    }

    fn random_lease(&mut self) -> Option<Lease> {
        self.ledger.lock().unwrap().leases.choose(&mut self.random).cloned()
    }
}

async fn concurrent_processes_settle_each_item_and_end_each_job_once(test: StoreUnderTest) {
    let mut jobs = Vec::new();
    for items in [1, 2, 5, 9, 20, 40] {
        jobs.push(test.create_job(items).await.id);
    }
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let mut processes = tokio::task::JoinSet::new();
    for number in 0..6 {
        let store: Arc<dyn Store> =
            if test.store.is_sole_writer() { test.store.clone() } else { test.reopen().await };
        let mut process = SimulatedProcess {
            store,
            ledger: ledger.clone(),
            jobs: jobs.clone(),
            owner: Owner(format!("process {number}")),
            random: StdRng::from_os_rng(),
            sequence: 0,
        };
        processes.spawn(async move {
            for _ in 0..80 {
                process.act().await;
            }
            // The process leaves, so the others can take over its leases.
            process.store.leave(&process.owner).await.unwrap();
        });
    }
    processes.join_all().await;
    finish(&test, &ledger).await;
    let ended = ledger.lock().unwrap().ended.clone();
    for id in &jobs {
        let (job, items) = (test.job(id).await, test.items(id).await);
        let count = |state| items.iter().filter(|item| item.state == state).count() as u32;
        assert!(job.state.has_ended() && ended.contains(id), "{job:?}");
        assert_eq!((job.succeeded, job.failed), (count(ItemState::Done), count(ItemState::Failed)));
        assert_eq!(count(ItemState::Queued) + count(ItemState::Claimed), 0);
    }
    test.check_counters().await;
}

/// Processes all items that are left.
async fn finish(test: &StoreUnderTest, ledger: &Arc<Mutex<Ledger>>) {
    loop {
        let reaped = test.reap().await;
        reaped.ended.iter().for_each(|ended| ledger.lock().unwrap().record_end(ended));
        let mut claims = test.claim(50).await;
        claims.extend(test.claim_suspect().await.items);
        claims.extend(test.claim_isolated().await.items);
        if claims.is_empty() && reaped.returned == 0 {
            return;
        }
        for claim in claims {
            if let Settled::Counted(Some(ended)) = test.settle(&claim.lease, failed()).await {
                ledger.lock().unwrap().record_end(&ended);
            }
        }
    }
}

on_all_stores!(concurrent_processes_settle_each_item_and_end_each_job_once);
