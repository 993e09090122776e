//! Whom and what Health asks.

use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message};
use huemill_store::SpoolRoom;
use tokio::runtime::Handle;

use super::{DiskProbe, MemoryProbe, in_time};
use crate::delivery::Delivery;
use crate::dispatcher::Dispatcher;
use crate::fault::Fault;
use crate::fetcher::Fetcher;
use crate::idempotency::Idempotency;
use crate::intake::Intake;
use crate::janitor::Janitor;
use crate::metrics::Metrics;
use crate::records::Records;
use crate::supervise::{Ping, Roster, ask};
use crate::workers::{self, Pulse, Workers};

/// Whom and what Health asks.
pub struct Patients {
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
    pub records: Records,
    /// Who is up.
    pub roster: Roster,
    /// Free bytes of the data's disk.
    pub disk: DiskProbe,
    /// The memory in use.
    pub memory: MemoryProbe,
    /// The spools, whose bytes are reported.
    pub room: SpoolRoom,
    /// Where probes that may hang are run.
    pub io: Handle,
}

impl Patients {
    /// The actors that give no sign of life within the limit.
    pub(super) fn silent(&self, limit: Duration) -> impl Future<Output = Vec<&'static str>> + use<> {
        let signs = (
            in_time(limit, ask_owned(self.intake.clone(), Ping)),
            in_time(limit, ask_owned(self.metrics.clone(), Ping)),
            in_time(limit, ask_owned(self.dispatcher.clone(), Ping)),
            in_time(limit, ask_owned(self.idempotency.clone(), Ping)),
            in_time(limit, ask_owned(self.janitor.clone(), Ping)),
            in_time(limit, ask_owned(self.fetcher.clone(), Ping)),
            in_time(limit, ask_owned(self.delivery.clone(), Ping)),
        );
        async move {
            let (intake, metrics, dispatcher, idempotency, janitor, fetcher, delivery) =
                tokio::join!(signs.0, signs.1, signs.2, signs.3, signs.4, signs.5, signs.6);
            let signs = [
                ("intake", intake),
                ("metrics", metrics),
                ("dispatcher", dispatcher),
                ("idempotency", idempotency),
                ("janitor", janitor),
                ("fetcher", fetcher),
                ("delivery", delivery),
            ];
            signs.into_iter().filter_map(|(name, sign)| sign.is_err().then_some(name)).collect()
        }
    }

    /// The workers' pulse.
    pub(super) fn pulse(&self, limit: Duration) -> impl Future<Output = Result<Pulse, String>> + use<> {
        in_time(limit, ask_owned(self.workers.clone(), workers::Ping))
    }

    /// What writing and reading in store and blobs gives.
    pub(super) fn store(&self, limit: Duration) -> impl Future<Output = Result<(), String>> + use<> {
        let records = self.records.clone();
        in_time(limit, async move {
            records.store.probe().await?;
            let blobs = records.blobs.clone();
            records.on_io(async move { Ok(blobs.probe().await?) }).await
        })
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
