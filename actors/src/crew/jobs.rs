//! The actors of the job system, started in their order: who is told comes before who tells. Those that speak to the
//! outside run on an arbiter of their own, so that no slow server stalls the others.

use std::sync::Arc;

use actix::Addr;
use actix_rt::ArbiterHandle;
use huemill_store::SpoolRoom;
use huemill_store::store::Owner;
use tokio::runtime::Handle;

use super::Mail;
use crate::blob_quota::BlobQuota;
use crate::delivery::{Courier, Delivery, DeliverySettings};
use crate::dispatcher::{BlobCheck, Dispatcher, DispatcherSettings, Tools};
use crate::ending::Ends;
use crate::estimate::Estimate;
use crate::fetcher::{Fetcher, FetcherSettings};
use crate::health::DiskProbe;
use crate::idempotency::Idempotency;
use crate::intake::{Drain, Intake, IntakeSettings};
use crate::janitor::{Janitor, JanitorSettings};
use crate::observed::Observed;
use crate::records::Records;
use crate::submission::Desk;
use crate::supervise::{self, Supervision};
use crate::workers::Workers;

/// Everybody's address.
pub struct Jobs {
    /// Admits uploads, makes jobs durable.
    pub intake: Addr<Intake>,
    /// Reserves keys.
    pub idempotency: Addr<Idempotency>,
    /// Hands out work.
    pub dispatcher: Addr<Dispatcher>,
    /// Collects.
    pub janitor: Addr<Janitor>,
    /// Downloads.
    pub fetcher: Addr<Fetcher>,
    /// Tells of jobs' ends.
    pub delivery: Addr<Delivery>,
    /// Whom a job's end is told.
    pub ends: Ends,
    /// What they show of their state.
    pub observed: Observed,
}

/// What they stand in.
#[allow(missing_docs, reason = "each is what its type says")]
pub struct JobsWorld<'a> {
    pub arbiter: &'a ArbiterHandle,
    pub net: &'a ArbiterHandle,
    pub supervision: &'a Supervision,
    pub records: &'a Records,
    pub workers: &'a Addr<Workers>,
    pub drain: &'a Drain,
    pub room: &'a SpoolRoom,
    pub disk: &'a DiskProbe,
    pub owner: &'a Owner,
    pub io: &'a Handle,
    pub mail: &'a Mail,
    pub dispatcher: DispatcherSettings,
    pub fetcher: FetcherSettings,
    pub delivery: DeliverySettings,
    pub janitor: JanitorSettings,
    pub intake: IntakeSettings,
    /// Bytes of blobs at which new jobs are refused.
    pub blob_limit: u64,
}

impl Jobs {
    /// Starts them.
    #[must_use]
    pub fn start(world: &JobsWorld<'_>) -> Self {
        let JobsWorld { arbiter, supervision, records, drain, io, .. } = *world;
        let (recorder, estimate) = (&supervision.recorder, Estimate::new(world.dispatcher.slots));
        let quota = BlobQuota::new(world.blob_limit);
        let (counts, observed) = ((estimate.clone(), quota.clone()), Observed::default());
        let (owner, shown) = (world.owner.clone(), observed.clone());
        let actor = Janitor::new(world.janitor, records.clone(), owner, counts, shown, recorder.clone());
        let janitor = supervise::start(arbiter, "janitor", supervision, |_| actor);
        let (fetcher, delivery) = outside(world, &observed);
        let ends = Ends { recorder: recorder.clone(), janitor: janitor.clone(), delivery: delivery.clone() };
        let tools = Tools {
            records: records.clone(),
            workers: world.workers.clone(),
            fetcher: fetcher.clone(),
            ends: ends.clone(),
            room: world.room.clone(),
            estimate: estimate.clone(),
            blob_check: BlobCheck::new(records.clone()),
            drain: drain.clone(),
            observed: observed.clone(),
            recorder: recorder.clone(),
            owner: world.owner.clone(),
            io: io.clone(),
        };
        let actor = Dispatcher::new(world.dispatcher, tools);
        let dispatcher = supervise::start(arbiter, "dispatcher", supervision, |_| actor);
        let idempotency = supervise::start(arbiter, "idempotency", supervision, |_| Idempotency::default());
        let desk = Desk { records: records.clone(), estimate, quota, recorder: recorder.clone() };
        let disk = Arc::clone(world.disk);
        let actor = Intake::new(world.intake, drain.clone(), disk, io.clone(), recorder.clone())
            .with_office(desk, dispatcher.clone());
        let intake = supervise::start(arbiter, "intake", supervision, |_| actor);
        Self { intake, idempotency, dispatcher, janitor, fetcher, delivery, ends, observed }
    }
}

/// Those that speak to servers of others.
fn outside(world: &JobsWorld<'_>, observed: &Observed) -> (Addr<Fetcher>, Addr<Delivery>) {
    let (supervision, recorder, mail) = (world.supervision, &world.supervision.recorder, world.mail);
    let actor = Fetcher::new(world.fetcher, mail.outbound.clone(), world.room.clone(), recorder.clone());
    let fetcher = supervise::start(world.net, "fetcher", supervision, |_| actor);
    let courier = Courier {
        records: world.records.clone(),
        outbound: mail.outbound.clone(),
        signer: mail.signer.clone(),
        download: Arc::clone(&mail.download),
        drain: world.drain.clone(),
        observed: observed.clone(),
        recorder: recorder.clone(),
    };
    let actor = Delivery::new(world.delivery.clone(), courier);
    let delivery = supervise::start(world.net, "delivery", supervision, |_| actor);
    (fetcher, delivery)
}
