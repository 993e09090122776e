//! Starts the actors that process jobs, each after the actors it sends messages to. The ones that talk to other
//! servers run on an arbiter of their own, so that a slow server does not stall the rest.

use std::sync::Arc;

use actix::Addr;
use actix_rt::ArbiterHandle;
use huemill_store::SpoolRoom;
use huemill_store::store::{CallerLimits, Owner};
use tokio::runtime::Handle;

use super::dependencies::OutboundDependencies;
use crate::blob_quota::{BlobQuota, FreeDisk};
use crate::delivery::{Delivery, DeliverySettings, WebhookSender};
use crate::dispatcher::{BlobCheck, Dispatcher, DispatcherDependencies, DispatcherSettings, JobEndNotifier};
use crate::estimate::Estimate;
use crate::fetcher::{Fetcher, FetcherSettings};
use crate::idempotency::Idempotency;
use crate::intake::{Intake, IntakeSettings};
use crate::janitor::{Janitor, JanitorDependencies, JanitorSettings};
use crate::line_sampler::LineSampler;
use crate::observed::Observed;
use crate::probe::DiskProbe;
use crate::repository::Repository;
use crate::submission::JobWriter;
use crate::supervise::{self, DrainFlag, Supervision};
use crate::workers::Workers;

/// The addresses of the job actors.
pub struct Jobs {
    /// Admits uploads and makes jobs durable.
    pub intake: Addr<Intake>,
    /// Reserves idempotency keys.
    pub idempotency: Addr<Idempotency>,
    /// Hands out pictures to the workers.
    pub dispatcher: Addr<Dispatcher>,
    /// Removes expired data.
    pub janitor: Addr<Janitor>,
    /// Downloads pictures.
    pub fetcher: Addr<Fetcher>,
    /// Sends webhooks.
    pub delivery: Addr<Delivery>,
    /// Notifies the actors that follow up on a job's end.
    pub ends: JobEndNotifier,
    /// The state that the actors publish.
    pub observed: Observed,
}

/// What the job actors need.
#[allow(missing_docs, reason = "each is what its type says")]
pub struct JobDependencies<'a> {
    pub arbiter: &'a ArbiterHandle,
    pub net: &'a ArbiterHandle,
    pub supervision: &'a Supervision,
    pub repository: &'a Repository,
    pub workers: &'a Addr<Workers>,
    pub drain: &'a DrainFlag,
    pub line_sampler: &'a LineSampler,
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
    /// Bytes of stored blobs at which new jobs are refused.
    pub blob_limit: u64,
    /// What each caller may use.
    pub quotas: CallerLimits,
}

impl Jobs {
    /// Starts the actors.
    #[must_use]
    pub fn start(dependencies: &JobDependencies<'_>) -> Self {
        let JobDependencies { arbiter, supervision, repository, drain, io, .. } = *dependencies;
        let (recorder, estimate) = (&supervision.recorder, Estimate::new(dependencies.dispatcher.slots));
        let quota = BlobQuota::new(dependencies.blob_limit);
        let (observed, free) = (Observed::default(), FreeDisk::default());
        let janitor_dependencies = JanitorDependencies {
            repository: repository.clone(),
            owner: dependencies.owner.clone(),
            estimate: estimate.clone(),
            quota: quota.clone(),
            observed: observed.clone(),
            recorder: recorder.clone(),
        };
        let actor = Janitor::new(dependencies.janitor, janitor_dependencies);
        let janitor = supervise::start(arbiter, "janitor", supervision, |_| actor);
        let (fetcher, delivery) = start_outbound(dependencies, &observed);
        let ends = JobEndNotifier {
            recorder: recorder.clone(),
            janitor: janitor.clone(),
            delivery: delivery.clone(),
        };
        let dispatcher_dependencies = DispatcherDependencies {
            repository: repository.clone(),
            workers: dependencies.workers.clone(),
            fetcher: fetcher.clone(),
            ends: ends.clone(),
            room: dependencies.room.clone(),
            estimate: estimate.clone(),
            blob_check: BlobCheck::new(repository.clone()),
            free: free.clone(),
            drain: drain.clone(),
            observed: observed.clone(),
            recorder: recorder.clone(),
            line_sampler: dependencies.line_sampler.clone(),
            owner: dependencies.owner.clone(),
            io: io.clone(),
        };
        let actor = Dispatcher::new(dependencies.dispatcher, dispatcher_dependencies);
        let dispatcher = supervise::start(arbiter, "dispatcher", supervision, |_| actor);
        let idempotency = supervise::start(arbiter, "idempotency", supervision, |_| Idempotency::default());
        let job_writer = JobWriter {
            repository: repository.clone(),
            estimate,
            quota,
            limits: dependencies.quotas,
            free,
            disk_low: dependencies.intake.jobs_disk_low,
            recorder: recorder.clone(),
        };
        let disk = Arc::clone(dependencies.disk);
        let actor = Intake::new(dependencies.intake, drain.clone(), disk, io.clone(), recorder.clone())
            .with_job_writer(job_writer, dispatcher.clone());
        let intake = supervise::start(arbiter, "intake", supervision, |_| actor);
        Self { intake, idempotency, dispatcher, janitor, fetcher, delivery, ends, observed }
    }
}

/// Starts the actors that talk to other servers.
fn start_outbound(
    dependencies: &JobDependencies<'_>,
    observed: &Observed,
) -> (Addr<Fetcher>, Addr<Delivery>) {
    let (supervision, recorder, outbound_dependencies) =
        (dependencies.supervision, &dependencies.supervision.recorder, dependencies.outbound_dependencies);
    let actor = Fetcher::new(
        dependencies.fetcher,
        outbound_dependencies.outbound.clone(),
        dependencies.room.clone(),
        recorder.clone(),
        dependencies.line_sampler.clone(),
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
        line_sampler: dependencies.line_sampler.clone(),
    };
    let actor = Delivery::new(dependencies.delivery.clone(), sender);
    let delivery = supervise::start(dependencies.net, "delivery", supervision, |_| actor);
    (fetcher, delivery)
}
