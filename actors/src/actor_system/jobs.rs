//! The actors of the job system, started in their order: who is told comes before who tells. Those that speak to the
//! outside run on an arbiter of their own, so that no slow server stalls the others.

use std::sync::Arc;

use actix::Addr;
use actix_rt::ArbiterHandle;
use huemill_store::SpoolRoom;
use huemill_store::store::Owner;
use tokio::runtime::Handle;

use super::OutboundDependencies;
use crate::blob_quota::BlobQuota;
use crate::delivery::{Delivery, DeliverySettings, WebhookSender};
use crate::dispatcher::{BlobCheck, Dispatcher, DispatcherSettings, Tools};
use crate::estimate::Estimate;
use crate::fetcher::{Fetcher, FetcherSettings};
use crate::health::DiskProbe;
use crate::idempotency::Idempotency;
use crate::intake::{DrainFlag, Intake, IntakeSettings};
use crate::janitor::{Janitor, JanitorSettings};
use crate::job_end::JobEndNotifier;
use crate::observed::Observed;
use crate::repository::Repository;
use crate::submission::JobWriter;
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
    pub ends: JobEndNotifier,
    /// What they show of their state.
    pub observed: Observed,
}

/// What they stand in.
#[allow(missing_docs, reason = "each is what its type says")]
pub struct JobDependencies<'a> {
    pub arbiter: &'a ArbiterHandle,
    pub net: &'a ArbiterHandle,
    pub supervision: &'a Supervision,
    pub repository: &'a Repository,
    pub workers: &'a Addr<Workers>,
    pub drain: &'a DrainFlag,
    pub room: &'a SpoolRoom,
    pub disk: &'a DiskProbe,
    pub owner: &'a Owner,
    pub io: &'a Handle,
    pub outbound_dependencies: &'a OutboundDependencies,
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
    pub fn start(dependencies: &JobDependencies<'_>) -> Self {
        let JobDependencies { arbiter, supervision, repository, drain, io, .. } = *dependencies;
        let (recorder, estimate) = (&supervision.recorder, Estimate::new(dependencies.dispatcher.slots));
        let quota = BlobQuota::new(dependencies.blob_limit);
        let (counts, observed) = ((estimate.clone(), quota.clone()), Observed::default());
        let (owner, shown) = (dependencies.owner.clone(), observed.clone());
        let actor =
            Janitor::new(dependencies.janitor, repository.clone(), owner, counts, shown, recorder.clone());
        let janitor = supervise::start(arbiter, "janitor", supervision, |_| actor);
        let (fetcher, delivery) = outside(dependencies, &observed);
        let ends = JobEndNotifier {
            recorder: recorder.clone(),
            janitor: janitor.clone(),
            delivery: delivery.clone(),
        };
        let tools = Tools {
            repository: repository.clone(),
            workers: dependencies.workers.clone(),
            fetcher: fetcher.clone(),
            ends: ends.clone(),
            room: dependencies.room.clone(),
            estimate: estimate.clone(),
            blob_check: BlobCheck::new(repository.clone()),
            drain: drain.clone(),
            observed: observed.clone(),
            recorder: recorder.clone(),
            owner: dependencies.owner.clone(),
            io: io.clone(),
        };
        let actor = Dispatcher::new(dependencies.dispatcher, tools);
        let dispatcher = supervise::start(arbiter, "dispatcher", supervision, |_| actor);
        let idempotency = supervise::start(arbiter, "idempotency", supervision, |_| Idempotency::default());
        let job_writer =
            JobWriter { repository: repository.clone(), estimate, quota, recorder: recorder.clone() };
        let disk = Arc::clone(dependencies.disk);
        let actor = Intake::new(dependencies.intake, drain.clone(), disk, io.clone(), recorder.clone())
            .with_job_writer(job_writer, dispatcher.clone());
        let intake = supervise::start(arbiter, "intake", supervision, |_| actor);
        Self { intake, idempotency, dispatcher, janitor, fetcher, delivery, ends, observed }
    }
}

/// Those that speak to servers of others.
fn outside(dependencies: &JobDependencies<'_>, observed: &Observed) -> (Addr<Fetcher>, Addr<Delivery>) {
    let (supervision, recorder, outbound_dependencies) =
        (dependencies.supervision, &dependencies.supervision.recorder, dependencies.outbound_dependencies);
    let actor = Fetcher::new(
        dependencies.fetcher,
        outbound_dependencies.outbound.clone(),
        dependencies.room.clone(),
        recorder.clone(),
    );
    let fetcher = supervise::start(dependencies.net, "fetcher", supervision, |_| actor);
    let sender = WebhookSender {
        repository: dependencies.repository.clone(),
        outbound: outbound_dependencies.outbound.clone(),
        signer: outbound_dependencies.signer.clone(),
        download: Arc::clone(&outbound_dependencies.download),
        drain: dependencies.drain.clone(),
        observed: observed.clone(),
        recorder: recorder.clone(),
    };
    let actor = Delivery::new(dependencies.delivery.clone(), sender);
    let delivery = supervise::start(dependencies.net, "delivery", supervision, |_| actor);
    (fetcher, delivery)
}
