//! Converts the service's settings into those of the actors, and builds the actors' dependencies.
//!
//! `application` calls this once at start.

use std::sync::Arc;
use std::time::Duration;

use huemill_actors::actor_system::{ActorSystemSettings, Dependencies, OutboundDependencies};
use huemill_actors::clock::Clock;
use huemill_actors::delivery::{DeliverySettings, KeySecrets, Schedule, Signer};
use huemill_actors::dispatcher::DispatcherSettings;
use huemill_actors::fetcher::FetcherSettings;
use huemill_actors::health::{HealthSettings, least_free, memory_use};
use huemill_actors::intake::IntakeSettings;
use huemill_actors::janitor::JanitorSettings;
use huemill_actors::outbound::{AddressPolicy, Authority, Outbound, SetupError};
use huemill_actors::supervise::RestartPolicy;
use huemill_actors::workers::{WorkersSettings, engines};
use huemill_imaging::Limits;
use huemill_store::SpoolRoom;
use huemill_store::store::{Backoff, CallerLimits, Role};
use tokio::runtime::Handle;

use crate::http::jobs::links::{self, LinkedThing, Links};
use crate::registry;
use crate::settings::Settings;
use crate::storage::{Keys, Storage};

/// Converts the settings for the actor system.
pub(crate) fn of(settings: &Settings) -> ActorSystemSettings {
    let (supervision, uploads) = (&settings.supervision, &settings.uploads);
    ActorSystemSettings {
        policy: RestartPolicy {
            restarts: supervision.max_restarts as usize,
            window: Duration::from_secs(supervision.window_seconds),
            first_backoff: Duration::from_millis(supervision.backoff_initial_ms),
            longest_backoff: Duration::from_millis(supervision.backoff_max_ms),
        },
        workers: workers(settings),
        intake: IntakeSettings {
            uploads: uploads.in_flight,
            bytes: uploads.in_flight_bytes,
            disk_low: uploads.disk_low_bytes,
            jobs_disk_low: settings.jobs.disk_low_bytes,
        },
        health: health(settings),
        dispatcher: dispatcher(settings),
        janitor: janitor(settings),
        fetcher: FetcherSettings {
            at_once: settings.outbound.downloads,
            each: settings.outbound.downloads_each,
            longest: settings.limits.image_bytes,
            ..FetcherSettings::default()
        },
        delivery: delivery(settings),
        blob_limit: settings.jobs.blob_limit_bytes,
        quotas: quotas(settings),
        lines_per_second: settings.log.requests_per_second,
        ..ActorSystemSettings::default()
    }
}

/// The quotas of each caller.
fn quotas(settings: &Settings) -> CallerLimits {
    let of = |limit: u64| (limit > 0).then_some(limit);
    let quotas = &settings.quotas;
    CallerLimits {
        open_jobs: of(quotas.open_jobs),
        open_items: of(quotas.open_pictures),
        stored_bytes: of(quotas.stored_bytes),
    }
}

/// Builds the dependencies of a running service. The metrics registry knows all its series from the start.
///
/// # Errors
/// Two metrics have the same name.
pub(crate) fn dependencies(
    settings: &Settings,
    room: SpoolRoom,
    storage: Storage,
    io: Handle,
    outbound_dependencies: OutboundDependencies,
) -> Result<Dependencies, Box<dyn std::error::Error>> {
    Ok(Dependencies {
        io,
        registry: Arc::new(registry::of(settings)?),
        room,
        store: storage.store,
        snapshots: storage.snapshots,
        blobs: storage.blobs,
        owner: storage.owner,
        engines: engines(limits(settings)),
        disk: least_free([Some(settings.data.dir.clone()), storage.folder].into_iter().flatten().collect()),
        memory: memory_use(),
        clock: Clock::system(),
        outbound_dependencies,
    })
}

/// Builds what actors need for outbound requests: the guarded client, the webhook signer and links.
///
/// # Errors
/// The certificates cannot be read.
pub(crate) fn outbound_dependencies(
    settings: &Settings,
    keys: &Keys,
) -> Result<OutboundDependencies, SetupError> {
    let links = Links::new(keys.link.clone());
    let public_url = settings.public.url.clone();
    Ok(OutboundDependencies {
        outbound: Outbound::new(policy(settings))?,
        signer: Signer::new(
            keys.webhook.clone(),
            keys.previous.clone(),
            KeySecrets::new(keys.callbacks.clone()),
        ),
        download: Arc::new(move |job, notice| {
            let base = links::webhook_base(&public_url, &notice.base_url)?;
            Some(links.url(base, job, LinkedThing::Results, notice.expires_at))
        }),
    })
}

fn policy(settings: &Settings) -> AddressPolicy {
    let outbound = &settings.outbound;
    AddressPolicy {
        allow_cidrs: outbound.allow_cidrs.iter().filter_map(|text| AddressPolicy::network(text)).collect(),
        allow_ports: outbound.allow_ports.clone(),
        own: Authority::of_url(&settings.public.url).into_iter().collect(),
        own_ports: own_ports(settings),
        redirects: outbound.redirects,
        connect: Duration::from_secs(outbound.connect_seconds),
        head: Duration::from_secs(outbound.head_seconds),
        total: Duration::from_secs(outbound.total_seconds),
        nameservers: outbound.nameservers.iter().filter_map(|text| text.parse().ok()).collect(),
        propagate_trace: outbound.propagate_trace,
        roots: Some(outbound.roots.clone()).filter(|path| !path.as_os_str().is_empty()),
    }
}

fn delivery(settings: &Settings) -> DeliverySettings {
    let webhooks = &settings.webhooks;
    let waits = webhooks.schedule_seconds.iter().copied().map(Duration::from_secs).collect();
    DeliverySettings {
        at_once: webhooks.at_once,
        each: webhooks.each,
        limit: Duration::from_secs(webhooks.try_seconds),
        schedule: Schedule::new(waits, Duration::from_secs(webhooks.retry_after_max_seconds)),
        circuit: (
            Duration::from_secs(webhooks.circuit_seconds),
            Duration::from_secs(webhooks.circuit_max_seconds),
        ),
        poll: Duration::from_secs(webhooks.poll_seconds),
        sends: settings.server.role != Role::Web,
        ..DeliverySettings::default()
    }
}

fn dispatcher(settings: &Settings) -> DispatcherSettings {
    let jobs = &settings.jobs;
    DispatcherSettings {
        slots: settings.worker_count(),
        lease: Duration::from_secs(jobs.lease_seconds),
        poll: Duration::from_millis(jobs.poll_ms),
        picture: Duration::from_secs(jobs.picture_seconds),
        crashes: jobs.max_crashes,
        backoff: Backoff {
            first: Duration::from_millis(jobs.retry_base_ms),
            longest: Duration::from_secs(60),
            limit: jobs.max_attempts,
        },
        role: settings.server.role,
        longest_input: settings.limits.image_bytes,
        disk_low: settings.uploads.disk_low_bytes,
        downloads: settings.outbound.downloads,
        downloads_each: settings.outbound.downloads_each,
    }
}

fn janitor(settings: &Settings) -> JanitorSettings {
    let jobs = &settings.jobs;
    let orphan = Duration::from_secs(jobs.orphan_seconds);
    JanitorSettings {
        interval: Duration::from_secs(jobs.collect_seconds),
        tombstone: Duration::from_secs(jobs.tombstone_hours * 3600),
        orphan,
        walk: orphan,
        stalled: 3 * Duration::from_secs(jobs.lease_seconds),
        duty: 3 * Duration::from_secs(jobs.lease_seconds),
        sweeps: settings.server.role != Role::Web,
        ..JanitorSettings::default()
    }
}

fn limits(settings: &Settings) -> Limits {
    let limits = &settings.limits;
    Limits {
        max_pixels: limits.image_pixels,
        max_jpeg_pixels: limits.jpeg_pixels,
        max_side: limits.image_side,
        max_work: limits.image_work,
    }
}

fn workers(settings: &Settings) -> WorkersSettings {
    let workers = &settings.workers;
    WorkersSettings {
        slots: settings.worker_count(),
        queue: workers.queue,
        queue_wait: Duration::from_secs(workers.queue_wait_seconds),
        memory: workers.memory_bytes,
        longest_input: settings.limits.image_bytes,
        limits: limits(settings),
        grace: Duration::from_secs(workers.grace_seconds),
        most_abandoned: workers.max_abandoned,
    }
}

fn health(settings: &Settings) -> HealthSettings {
    let health = &settings.health;
    HealthSettings {
        interval: Duration::from_secs(health.interval_seconds),
        timeout: Duration::from_secs(health.timeout_seconds),
        canary_interval: Duration::from_secs(health.canary_seconds),
        store_interval: Duration::from_secs(health.store_seconds),
        stale: Duration::from_secs(health.stale_seconds),
        disk_free: health.disk_free_bytes,
        memory_ratio: health.memory_used_ratio,
        ..HealthSettings::default()
    }
}

/// The ports on which this process listens. URLs of clients must not lead to them.
fn own_ports(settings: &Settings) -> Vec<u16> {
    let operations = settings.operations_address().map(|address| address.port());
    operations.into_iter().chain([settings.server.port]).collect()
}
