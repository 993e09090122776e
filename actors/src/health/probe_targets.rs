//! What Health probes: the addresses of the actors, store and blobs, disk and memory; and how it probes them.

use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler};
use huemill_store::SpoolRoom;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::access::Access;
use crate::clock::Instant;
use crate::delivery::Delivery;
use crate::dispatcher::Dispatcher;
use crate::fault::{Code, Fault};
use crate::fetcher::Fetcher;
use crate::idempotency::Idempotency;
use crate::intake::Intake;
use crate::janitor::Janitor;
use crate::metrics::Metrics;
use crate::probe::{DiskProbe, MemoryProbe, no_answer};
use crate::repository::Repository;
use crate::supervise::{ActorRegistry, Ping, ask};
use crate::workers::{PingSlots, SlotFigures, Workers};

/// The actors whose mailboxes are measured: all but Health, which measures them.
pub const MAILBOXES: [&str; 9] =
    ["access", "delivery", "dispatcher", "fetcher", "idempotency", "intake", "janitor", "metrics", "workers"];

/// What Health probes.
pub struct ProbeTargets {
    /// The identity of this process in the store.
    pub owner: huemill_store::store::Owner,
    /// Pinged.
    pub access: Addr<Access>,
    /// Reports its slot figures and processes the canary.
    pub workers: Addr<Workers>,
    /// Pinged.
    pub intake: Addr<Intake>,
    /// Pinged.
    pub metrics: Addr<Metrics>,
    /// Pinged.
    pub dispatcher: Addr<Dispatcher>,
    /// Pinged.
    pub idempotency: Addr<Idempotency>,
    /// Pinged.
    pub janitor: Addr<Janitor>,
    /// Pinged.
    pub fetcher: Addr<Fetcher>,
    /// Pinged.
    pub delivery: Addr<Delivery>,
    /// The store and blobs, which are written and read.
    pub repository: Repository,
    /// Which actors are up.
    pub actor_registry: ActorRegistry,
    /// Measures the free bytes of the data disk.
    pub disk: DiskProbe,
    /// Measures the memory in use.
    pub memory: MemoryProbe,
    /// The spools, whose bytes are reported as metrics.
    pub room: SpoolRoom,
    /// Runs probes that may hang.
    pub io: Handle,
}

impl ProbeTargets {
    /// Pings each actor.
    pub(super) fn ping_all(&self, limit: Duration) -> impl Future<Output = Vec<ProbeResult>> + use<> {
        let pings = (
            ping("access", self.access.clone(), limit),
            ping("intake", self.intake.clone(), limit),
            ping("metrics", self.metrics.clone(), limit),
            ping("dispatcher", self.dispatcher.clone(), limit),
            ping("idempotency", self.idempotency.clone(), limit),
            ping("janitor", self.janitor.clone(), limit),
            ping("fetcher", self.fetcher.clone(), limit),
            ping("delivery", self.delivery.clone(), limit),
            ping("workers", self.workers.clone(), limit),
        );
        async move {
            let (a, b, c, d, e, f, g, h, i) =
                tokio::join!(pings.0, pings.1, pings.2, pings.3, pings.4, pings.5, pings.6, pings.7, pings.8);
            vec![a, b, c, d, e, f, g, h, i]
        }
    }

    /// The slot figures of the workers.
    pub(super) fn slot_figures(
        &self,
        limit: Duration,
    ) -> impl Future<Output = Result<SlotFigures, String>> + use<> {
        let workers = self.workers.clone();
        within(limit, async move { ask(&workers, PingSlots).await })
    }

    /// How long it takes to write to and read from the store and the blobs, each within the limit. Late or
    /// unavailable blobs are an error if only this process uses them (a folder beside an embedded store), and as
    /// long as this process has not proven that it can reach them.
    pub(super) fn store(
        &self,
        limit: Duration,
        are_proven: bool,
    ) -> impl Future<Output = Result<StoreTimes, String>> + use<> {
        let (repository, owner) = (self.repository.clone(), self.owner.clone());
        let are_private = repository.store.is_sole_writer() && repository.blobs.local().is_some();
        async move {
            let began = Instant::now();
            within(limit, async { Ok(repository.store.probe(&owner).await?) }).await?;
            let (store, began, blobs) = (began.elapsed(), Instant::now(), repository.blobs.clone());
            let probe = repository.on_io(async move { Ok(blobs.probe().await?) });
            let problem = match timeout(limit, probe).await {
                Ok(Ok(())) => return Ok(StoreTimes { store, blobs: Ok(began.elapsed()) }),
                Ok(Err(fault)) if fault.code != Code::Overloaded => return Err(reason_of(&fault)),
                Ok(Err(fault)) => reason_of(&fault),
                Err(_) => no_answer(limit),
            };
            let is_error = are_private || !are_proven;
            if is_error { Err(problem) } else { Ok(StoreTimes { store, blobs: Err(problem) }) }
        }
    }
}

/// How long the store and the blobs took to answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StoreTimes {
    pub(super) store: Duration,
    /// An error says why the blobs did not answer.
    pub(super) blobs: Result<Duration, String>,
}

/// The result of pinging one actor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ProbeResult {
    pub(super) actor: &'static str,
    /// How long the ping waited in the mailbox, or until it timed out. `None` if the actor is gone.
    pub(super) waited: Option<Duration>,
    /// Whether the actor answered.
    pub(super) answered: bool,
}

async fn ping<A>(actor: &'static str, address: Addr<A>, limit: Duration) -> ProbeResult
where
    A: Actor + Handler<Ping>,
    A::Context: ToEnvelope<A, Ping>,
{
    let sent = Instant::now();
    match timeout(limit, ask(&address, Ping)).await {
        Ok(Ok(taken)) => ProbeResult { actor, waited: Some(taken - sent), answered: true },
        Ok(Err(_)) => ProbeResult { actor, waited: None, answered: false },
        Err(_) => ProbeResult { actor, waited: Some(limit), answered: false },
    }
}

async fn within<T>(limit: Duration, call: impl Future<Output = Result<T, Fault>>) -> Result<T, String> {
    match timeout(limit, call).await {
        Ok(result) => result.map_err(|fault| reason_of(&fault)),
        Err(_) => Err(no_answer(limit)),
    }
}

/// Why a call failed: the cause if it is known, else the message.
pub(super) fn reason_of(fault: &Fault) -> String {
    fault.cause.clone().unwrap_or_else(|| fault.to_string())
}

#[cfg(test)]
mod tests {
    use actix::{Context, System};
    use actix_rt::Arbiter;

    use super::*;
    use crate::supervise::answer_pings;

    struct TestActor;

    impl Actor for TestActor {
        type Context = Context<Self>;
    }

    answer_pings!(TestActor);

    #[test]
    fn a_ping_that_times_out_has_waited_for_the_whole_limit() {
        System::new().block_on(async {
            let arbiter = Arbiter::new();
            let target = TestActor::start_in_arbiter(&arbiter.handle(), |_| TestActor);
            let (release, blocked) = std::sync::mpsc::channel::<()>();
            arbiter.spawn_fn(move || {
                let _ = blocked.recv();
            });
            let limit = Duration::from_millis(20);
            let late = ping("target", target.clone(), limit).await;
            assert_eq!(late, ProbeResult { actor: "target", waited: Some(limit), answered: false });
            drop(release);
            let answered = ping("target", target.clone(), Duration::from_secs(60)).await;
            assert!(answered.answered && answered.waited.is_some(), "{answered:?}");
            arbiter.stop();
            arbiter.join().unwrap();
            let gone = ping("target", target, Duration::from_secs(60)).await;
            assert_eq!(gone, ProbeResult { actor: "target", waited: None, answered: false });
        });
    }
}
