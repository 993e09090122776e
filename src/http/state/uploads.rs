//! The state that receives request bodies: the spool, size limits, and the actors that admit uploads and download URLs.

use std::sync::Arc;
use std::time::Duration;

use huemill_actors::actor_system::ActorSystem;
use huemill_actors::budget::{Budget, MemoryReservation, Refusal};
use huemill_actors::clock::Instant as Deadline;
use huemill_actors::fault::{Code, Fault};
use huemill_actors::fetcher::{Fetch, Fetcher};
use huemill_actors::intake::{Admit, Intake};
use huemill_actors::line_sampler::LineSampler;
use huemill_actors::pictures::AlbumLimits;
use huemill_actors::rates::{Counted, Rates};
use huemill_actors::supervise::ask;
use huemill_actors::telemetry::traced;
use huemill_actors::workers::CancellationToken;
use huemill_observability::trace::Scope;
use huemill_store::archive::ArchiveLimits;
use huemill_store::{Spool, SpoolRoom};

use crate::http::context::Context;
use crate::settings::{LimitsSection, Settings};

/// What receives request bodies.
pub(crate) struct Uploads {
    /// Where bodies are stored while they are worked on.
    pub spool: SpoolRoom,
    /// Maximum sizes and counts.
    pub limits: LimitsSection,
    /// Which lines are logged of those that a caller can cause at will.
    pub line_sampler: LineSampler,
    rates: Arc<Rates>,
    intake: actix::Addr<Intake>,
    fetcher: actix::Addr<Fetcher>,
    budget: Budget,
    queue_wait: Duration,
    request_time: Duration,
}

impl Uploads {
    pub(super) fn new(
        settings: &Settings,
        actor_system: &ActorSystem,
        rates: Arc<Rates>,
        spool: SpoolRoom,
    ) -> Self {
        Self {
            spool,
            limits: settings.limits.clone(),
            line_sampler: actor_system.line_sampler.clone(),
            rates,
            intake: actor_system.jobs.intake.clone(),
            fetcher: actor_system.jobs.fetcher.clone(),
            budget: actor_system.budget.clone(),
            queue_wait: Duration::from_secs(settings.workers.queue_wait_seconds),
            request_time: settings.request_time(),
        }
    }

    /// The deadline of a request that starts now.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::now() + self.request_time
    }

    /// Limits for a ZIP of at most this number of pictures.
    pub(crate) fn zip_limits(&self, pictures: usize) -> AlbumLimits {
        AlbumLimits {
            archive: ArchiveLimits {
                max_entries: self.limits.zip_entries as u64,
                max_entry_bytes: self.limits.image_bytes,
                ..ArchiveLimits::default()
            },
            pictures,
        }
    }

    /// Counts pictures that a caller sends.
    ///
    /// # Errors
    /// The caller has sent too many in the last minute.
    pub(crate) fn count_pictures(&self, context: &Context, pictures: usize) -> Result<(), Fault> {
        let counted = Counted::Pictures(u32::try_from(pictures).unwrap_or(u32::MAX));
        self.rates.count(context.caller(), context.identity().limits(), counted).map_err(Fault::from)
    }

    /// Asks Intake to admit an upload before its body is read. `job` says whether it will become a job. The request
    /// holds the admission while the body arrives; [`Context::take_admission`] returns it.
    pub(crate) async fn admit(
        &self,
        context: &Context,
        declared: Option<u64>,
        limit: u64,
        job: bool,
    ) -> Result<(), Fault> {
        let most = context.identity().limits().uploads.map(u64::from);
        let admit = Admit { caller: context.caller(), declared, limit, most, job };
        context.hold_admission(traced("admit", async { ask(&self.intake, admit).await? }).await?);
        Ok(())
    }

    /// Downloads a URL while the client waits, until `deadline` if there is one.
    pub(crate) async fn download(
        &self,
        url: String,
        context: &Context,
        deadline: Option<Deadline>,
    ) -> Result<Spool, Fault> {
        let (caller, request_id) = (context.caller(), context.id.as_str().to_owned());
        let (wait, scope) = (Some(self.queue_wait), Scope::here());
        let download = ask(&self.fetcher, Fetch { url, caller, wait, request_id, job_id: None, scope });
        match deadline {
            None => download.await?,
            Some(deadline) => tokio::time::timeout_at(deadline, download)
                .await
                .map_err(|_| Fault::new(Code::UrlTimeout).with_cause("the request's deadline passed"))??,
        }
    }

    /// Reserves memory for the request itself, from the budget that all pictures share.
    pub(crate) async fn reserve_memory(&self, bytes: u64) -> Result<MemoryReservation, Fault> {
        let deadline = Deadline::now() + self.queue_wait;
        self.budget.reserve(bytes, deadline, &CancellationToken::new()).await.map_err(|refusal| match refusal
        {
            Refusal::TooLarge { .. } => Fault::new(Code::PayloadTooLarge)
                .with_message("This is too large. Send something smaller.")
                .with_detail("This is too large for JSON. Send it as a form field or as the raw body.")
                .with_cause(refusal),
            Refusal::Late | Refusal::Canceled => Fault::new(Code::Overloaded).with_cause(refusal),
        })
    }
}
