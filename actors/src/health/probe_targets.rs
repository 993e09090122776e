//! Whom and what Health asks.

use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message};
use huemill_store::SpoolRoom;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::{DiskProbe, MemoryProbe, in_time, no_answer, reason_of};
use crate::clock::Instant;
use crate::delivery::Delivery;
use crate::dispatcher::Dispatcher;
use crate::fault::{Code, Fault};
use crate::fetcher::Fetcher;
use crate::idempotency::Idempotency;
use crate::intake::Intake;
use crate::janitor::Janitor;
use crate::metrics::Metrics;
use crate::repository::Repository;
use crate::supervise::{ActorRegistry, Ping, ask};
use crate::workers::{self, SlotFigures, Workers};

/// The actors whose mailboxes are watched: all but Health, which does it.
pub const MAILBOXES: [&str; 8] =
    ["delivery", "dispatcher", "fetcher", "idempotency", "intake", "janitor", "metrics", "workers"];

/// Whom and what Health asks.
pub struct ProbeTargets {
    /// Who this process is to the store.
    pub owner: huemill_store::store::Owner,
    /// Asked for their pulse, and sent the canary.
    pub workers: Addr<Workers>,
    /// Asked for a sign of life.
    pub intake: Addr<Intake>,
    /// Asked for a sign of life.
    pub metrics: Addr<Metrics>,
    /// Asked for a sign of life.
    pub dispatcher: Addr<Dispatcher>,
    /// Asked for a sign of life.
    pub idempotency: Addr<Idempotency>,
    /// Asked for a sign of life.
    pub janitor: Addr<Janitor>,
    /// Asked for a sign of life.
    pub fetcher: Addr<Fetcher>,
    /// Asked for a sign of life.
    pub delivery: Addr<Delivery>,
    /// Written and read.
    pub repository: Repository,
    /// Who is up.
    pub actor_registry: ActorRegistry,
    /// Free bytes of the data's disk.
    pub disk: DiskProbe,
    /// The memory in use.
    pub memory: MemoryProbe,
    /// The spools, whose bytes are reported.
    pub room: SpoolRoom,
    /// Where probes that may hang are run.
    pub io: Handle,
}

impl ProbeTargets {
    /// What came of a ping of each actor.
    pub(super) fn signs(&self, limit: Duration) -> impl Future<Output = Vec<ProbeResult>> + use<> {
        let signs = (
            sign("intake", self.intake.clone(), limit),
            sign("metrics", self.metrics.clone(), limit),
            sign("dispatcher", self.dispatcher.clone(), limit),
            sign("idempotency", self.idempotency.clone(), limit),
            sign("janitor", self.janitor.clone(), limit),
            sign("fetcher", self.fetcher.clone(), limit),
            sign("delivery", self.delivery.clone(), limit),
            sign("workers", self.workers.clone(), limit),
        );
        async move {
            let (a, b, c, d, e, f, g, h) =
                tokio::join!(signs.0, signs.1, signs.2, signs.3, signs.4, signs.5, signs.6, signs.7);
            vec![a, b, c, d, e, f, g, h]
        }
    }

    /// The workers' pulse.
    pub(super) fn pulse(&self, limit: Duration) -> impl Future<Output = Result<SlotFigures, String>> + use<> {
        in_time(limit, ask_owned(self.workers.clone(), workers::Ping))
    }

    /// How long writing and reading takes, in the store and in the blobs, each within the limit. Blobs that are late,
    /// busy or away are an error where they are this process's own alone (a folder beside an embedded store), and as
    /// long as this process has not proven that it can reach them.
    pub(super) fn store(
        &self,
        limit: Duration,
        are_proven: bool,
    ) -> impl Future<Output = Result<StoreTimes, String>> + use<> {
        let (repository, owner) = (self.repository.clone(), self.owner.clone());
        let are_own = repository.store.is_sole_writer() && repository.blobs.local().is_some();
        async move {
            let began = Instant::now();
            in_time(limit, async { Ok(repository.store.probe(&owner).await?) }).await?;
            let (store, began, blobs) = (began.elapsed(), Instant::now(), repository.blobs.clone());
            let probe = repository.on_io(async move { Ok(blobs.probe().await?) });
            let trouble = match timeout(limit, probe).await {
                Ok(Ok(())) => return Ok(StoreTimes { store, blobs: Ok(began.elapsed()) }),
                Ok(Err(fault)) if fault.code != Code::Overloaded => return Err(reason_of(&fault)),
                Ok(Err(fault)) => reason_of(&fault),
                Err(_) => no_answer(limit),
            };
            if are_own || !are_proven { Err(trouble) } else { Ok(StoreTimes { store, blobs: Err(trouble) }) }
        }
    }
}

/// How long the store and the blobs took.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StoreTimes {
    pub(super) store: Duration,
    /// Or why there is no answer.
    pub(super) blobs: Result<Duration, String>,
}

/// What came of a ping.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProbeResult {
    pub(super) actor: &'static str,
    /// How long it waited in the mailbox, or until it was given up. None where there was nobody to take it.
    pub(super) waited: Option<Duration>,
    /// Whether it was answered.
    pub(super) answered: bool,
}

async fn sign<A>(actor: &'static str, address: Addr<A>, limit: Duration) -> ProbeResult
where
    A: Actor + Handler<Ping>,
    A::Context: ToEnvelope<A, Ping>,
{
    let asked = Instant::now();
    match timeout(limit, ask(&address, Ping)).await {
        Ok(Ok(heard)) => ProbeResult { actor, waited: Some(heard - asked), answered: true },
        Ok(Err(_)) => ProbeResult { actor, waited: None, answered: false },
        Err(_) => ProbeResult { actor, waited: Some(limit), answered: false },
    }
}

async fn ask_owned<A, M>(address: Addr<A>, message: M) -> Result<M::Result, Fault>
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    ask(&address, message).await
}

#[cfg(test)]
mod tests {
    use actix::{Context, System};
    use actix_rt::Arbiter;

    use super::*;
    use crate::supervise::Pong;

    struct ProbeTarget;

    impl Actor for ProbeTarget {
        type Context = Context<Self>;
    }

    impl Handler<Ping> for ProbeTarget {
        type Result = Pong;

        fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Pong {
            Pong::now()
        }
    }

    #[test]
    fn a_ping_that_is_not_taken_has_waited_until_it_was_given_up() {
        System::new().block_on(async {
            let arbiter = Arbiter::new();
            let patient = ProbeTarget::start_in_arbiter(&arbiter.handle(), |_| ProbeTarget);
            let (release, held) = std::sync::mpsc::channel::<()>();
            arbiter.spawn_fn(move || {
                let _ = held.recv();
            });
            let limit = Duration::from_millis(20);
            let late = sign("patient", patient.clone(), limit).await;
            assert_eq!(late, ProbeResult { actor: "patient", waited: Some(limit), answered: false });
            drop(release);
            let well = sign("patient", patient.clone(), Duration::from_secs(60)).await;
            assert!(well.answered && well.waited.is_some(), "{well:?}");
            arbiter.stop();
            arbiter.join().unwrap();
            let gone = sign("patient", patient, Duration::from_secs(60)).await;
            assert_eq!(gone, ProbeResult { actor: "patient", waited: None, answered: false });
        });
    }
}
