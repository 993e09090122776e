//! Everybody at once: several processes (on SQLite, several callers) at the same few jobs, with everything that
//! the contract lets them do.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use huemill_store::job::{ItemState, JobId};
use huemill_store::store::{Ask, Canceled, Ended, Heartbeat, Lease, Owner, Selection, Settled, Store};
use rand::prelude::IndexedRandom;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::bench::{Bench, HOUR, ask, done, failed, heartbeat, on_both_stores, poison, retry};

/// What all of them have seen together.
#[derive(Default)]
struct Ledger {
    leases: Vec<Lease>,
    settled: HashSet<(JobId, u32)>,
    ended: HashSet<JobId>,
}

impl Ledger {
    fn end(&mut self, ended: &Ended) {
        assert!(self.ended.insert(ended.job.id.clone()), "{} ended twice", ended.job.id);
    }
}

struct Member {
    store: Arc<dyn Store>,
    ledger: Arc<Mutex<Ledger>>,
    jobs: Vec<JobId>,
    owner: Owner,
    random: StdRng,
    sequence: u64,
}

impl Member {
    async fn act(&mut self) {
        match self.random.random_range(0..12) {
            0..=3 => self.claim().await,
            4..=7 => self.settle().await,
            8 => {
                let reaped = self.store.reap(20, 2, &poison()).await.unwrap();
                reaped.ended.iter().for_each(|ended| self.ledger.lock().unwrap().end(ended));
            }
            9 => {
                let leases: Vec<_> = (0..4).filter_map(|_| self.some_lease()).collect();
                self.store.give_back(&leases).await.unwrap();
            }
            10 => {
                let beat = heartbeat(self.owner.clone(), self.span(), &[]);
                self.store.heartbeat(&Heartbeat { answered: self.sequence / 2, ..beat }).await.unwrap();
            }
            _ if self.random.random_bool(0.1) => {
                let id = self.jobs.choose(&mut self.random).unwrap();
                if let Canceled::Now(ended) = self.store.cancel(id).await.unwrap() {
                    self.ledger.lock().unwrap().end(&ended);
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
        let (most, selection) = (self.random.random_range(1..6), SELECTIONS[self.random.random_range(0..4)]);
        self.sequence += 1;
        let (owner, sequence) = (self.owner.clone(), self.sequence);
        let ask = Ask { owner, most, selection, sequence, lease: self.span(), ..ask(most) };
        let claims = self.store.claim(&ask).await.unwrap().items;
        self.ledger.lock().unwrap().leases.extend(claims.into_iter().map(|claim| claim.lease));
    }

    async fn settle(&mut self) {
        let Some(lease) = self.some_lease() else { return };
        let outcome = match self.random.random_range(0..10) {
            0..=5 => done(&lease),
            6..=7 => failed(),
            _ => retry(2),
        };
        if let Settled::Counted(ended) = self.store.settle(&lease, outcome, 1).await.unwrap() {
            let mut ledger = self.ledger.lock().unwrap();
            assert!(ledger.settled.insert((lease.job, lease.number)), "settled twice");
            if let Some(ended) = ended {
                ledger.end(&ended);
            }
        }
    }

    /// Half of them have run out before they are granted.
    fn span(&mut self) -> Duration {
        if self.random.random_bool(0.5) { HOUR } else { Duration::ZERO }
    }

    fn some_lease(&mut self) -> Option<Lease> {
        self.ledger.lock().unwrap().leases.choose(&mut self.random).cloned()
    }
}

async fn everybody_at_once_keeps_the_books(bench: Bench) {
    let mut jobs = Vec::new();
    for items in [1, 2, 5, 9, 20, 40] {
        jobs.push(bench.job_of(items).await.id);
    }
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let mut crowd = tokio::task::JoinSet::new();
    for number in 0..6 {
        let store: Arc<dyn Store> =
            if bench.store.is_sole_writer() { bench.store.clone() } else { bench.again().await };
        let mut member = Member {
            store,
            ledger: ledger.clone(),
            jobs: jobs.clone(),
            owner: Owner(format!("member {number}")),
            random: StdRng::from_os_rng(),
            sequence: 0,
        };
        crowd.spawn(async move {
            for _ in 0..80 {
                member.act().await;
            }
            // It goes away and leaves its leases to the others.
            member.store.leave(&member.owner).await.unwrap();
        });
    }
    crowd.join_all().await;
    finish(&bench, &ledger).await;
    let ended = ledger.lock().unwrap().ended.clone();
    for id in &jobs {
        let (job, items) = (bench.job(id).await, bench.items(id).await);
        let count = |state| items.iter().filter(|item| item.state == state).count() as u32;
        assert!(job.state.has_ended() && ended.contains(id), "{job:?}");
        assert_eq!((job.succeeded, job.failed), (count(ItemState::Done), count(ItemState::Failed)));
        assert_eq!(count(ItemState::Queued) + count(ItemState::Claimed), 0);
    }
    bench.figures_are_true().await;
}

/// Whoever is left does what is left.
async fn finish(bench: &Bench, ledger: &Arc<Mutex<Ledger>>) {
    loop {
        let reaped = bench.reap().await;
        reaped.ended.iter().for_each(|ended| ledger.lock().unwrap().end(ended));
        let mut claims = bench.claim(50).await;
        claims.extend(bench.suspect().await.items);
        claims.extend(bench.isolated().await.items);
        if claims.is_empty() && reaped.returned == 0 {
            return;
        }
        for claim in claims {
            if let Settled::Counted(Some(ended)) = bench.settle(&claim.lease, failed()).await {
                ledger.lock().unwrap().end(&ended);
            }
        }
    }
}

on_both_stores!(everybody_at_once_keeps_the_books);
