//! What no type says: ranges, and rules between keys. All of them are reported, not the first.

use huemill_actors::delivery::Signer;
use huemill_actors::outbound::AddressPolicy;
use huemill_store::store::Role;
use secrecy::ExposeSecret;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::{Problem, Settings};

/// Shortest secret that is taken.
const SECRET_CHARS: usize = 16;

/// How long callers wait for the store, in milliseconds: a statement that takes longer is answered to no one.
const STORE_MS: u64 = 20_000;

/// Everything wrong with these settings.
pub(super) fn problems(settings: &Settings) -> Vec<Problem> {
    let mut list = Vec::new();
    let mut need = |holds: bool, key: &str, what: &str| {
        if !holds {
            list.push(Problem { key: key.into(), what: what.into() });
        }
    };
    server(settings, &mut need);
    limits(settings, &mut need);
    workers(settings, &mut need);
    health(settings, &mut need);
    blobs(settings, &mut need);
    store(settings, &mut need);
    jobs(settings, &mut need);
    security(settings, &mut need);
    outbound(settings, &mut need);
    webhooks(settings, &mut need);
    list
}

type Need<'a> = dyn FnMut(bool, &str, &str) + 'a;

fn server(settings: &Settings, need: &mut Need<'_>) {
    let server = &settings.server;
    need(!server.host.is_empty(), "server.host", "must name an address, such as 127.0.0.1");
    need((1..=256).contains(&server.threads), "server.threads", "must be 1 to 256");
    need(server.max_connections >= 1, "server.max_connections", "must be 1 at least");
    need(server.header_seconds >= 1, "server.header_seconds", "must be 1 at least");
    need(server.linger_seconds >= 1, "server.linger_seconds", "must be 1 at least");
    need(!settings.data.dir.as_os_str().is_empty(), "data.dir", "must name a directory");
    need(
        is_filter(&settings.log.filter),
        "log.filter",
        "must be a level or a filter such as \"info,huemill=debug\"",
    );
    need(
        settings.cors.origins.iter().all(|origin| origin == "*" || is_origin(origin)),
        "cors.origins",
        "must be \"*\" or origins such as https://app.example, without a path",
    );
}

fn limits(settings: &Settings, need: &mut Need<'_>) {
    let (limits, uploads) = (&settings.limits, &settings.uploads);
    need(limits.image_bytes >= 1, "limits.image_bytes", "must be 1 at least");
    need(limits.zip_bytes >= 22, "limits.zip_bytes", "must be 22 at least, the size of an empty ZIP");
    need(limits.image_pixels >= 1, "limits.image_pixels", "must be 1 at least");
    need((1..=65_535).contains(&limits.image_side), "limits.image_side", "must be 1 to 65535");
    need(limits.zip_pictures >= 1, "limits.zip_pictures", "must be 1 at least");
    need((1..=10_000).contains(&limits.job_pictures), "limits.job_pictures", "must be 1 to 10000");
    need(
        limits.zip_entries >= limits.zip_pictures.max(limits.job_pictures),
        "limits.zip_entries",
        "must not be below limits.zip_pictures and limits.job_pictures",
    );
    need(limits.request_seconds >= 1, "limits.request_seconds", "must be 1 at least");
    need(uploads.in_flight >= 1, "uploads.in_flight", "must be 1 at least");
    need(
        uploads.in_flight_bytes >= limits.zip_bytes.max(limits.image_bytes),
        "uploads.in_flight_bytes",
        "must hold the largest upload of limits.zip_bytes and limits.image_bytes",
    );
    need(
        uploads.disk_total_bytes >= limits.zip_bytes.max(limits.image_bytes),
        "uploads.disk_total_bytes",
        "must hold the largest upload of limits.zip_bytes and limits.image_bytes",
    );
    need(
        uploads.memory_total_bytes >= uploads.memory_each_bytes,
        "uploads.memory_total_bytes",
        "must not be below uploads.memory_each_bytes",
    );
    need(uploads.idle_seconds >= 1, "uploads.idle_seconds", "must be 1 at least");
}

fn workers(settings: &Settings, need: &mut Need<'_>) {
    let (workers, supervision) = (&settings.workers, &settings.supervision);
    need(workers.count <= 1024, "workers.count", "must be 0 (one a core) to 1024");
    need(workers.queue >= 1, "workers.queue", "must be 1 at least");
    need(
        workers.memory_bytes >= 67_108_864,
        "workers.memory_bytes",
        "must be 67108864 (64 MiB) at least, or hardly a picture fits",
    );
    need(workers.grace_seconds >= 1, "workers.grace_seconds", "must be 1 at least");
    need(workers.max_abandoned >= 1, "workers.max_abandoned", "must be 1 at least");
    need(supervision.window_seconds >= 1, "supervision.window_seconds", "must be 1 at least");
    need(supervision.backoff_initial_ms >= 1, "supervision.backoff_initial_ms", "must be 1 at least");
    need(
        supervision.backoff_max_ms >= supervision.backoff_initial_ms,
        "supervision.backoff_max_ms",
        "must not be below supervision.backoff_initial_ms",
    );
}

fn health(settings: &Settings, need: &mut Need<'_>) {
    let health = &settings.health;
    need(health.interval_seconds >= 1, "health.interval_seconds", "must be 1 at least");
    need(health.timeout_seconds >= 1, "health.timeout_seconds", "must be 1 at least");
    need(health.store_seconds >= 1, "health.store_seconds", "must be 1 at least");
    need(health.canary_seconds >= 1, "health.canary_seconds", "must be 1 at least");
    need(
        health.stale_seconds > health.interval_seconds + health.timeout_seconds,
        "health.stale_seconds",
        "must be above health.interval_seconds + health.timeout_seconds, or every verdict is stale",
    );
    need(
        health.memory_used_ratio > 0.0 && health.memory_used_ratio <= 1.0,
        "health.memory_used_ratio",
        "must be above 0 and 1 at most",
    );
}

fn blobs(settings: &Settings, need: &mut Need<'_>) {
    let blobs = &settings.blobs;
    need(
        blobs.url.is_empty() || blobs.url.starts_with("s3://") || blobs.url.starts_with("file:///"),
        "blobs.url",
        "must be empty or an address such as s3://bucket/prefix",
    );
    need(blobs.retries <= 100, "blobs.retries", "must be 0 to 100");
    need((1..=240).contains(&blobs.retry_seconds), "blobs.retry_seconds", "must be 1 to 240");
    need(
        matches!(blobs.encryption.as_str(), "" | "AES256" | "aws:kms" | "aws:kms:dsse"),
        "blobs.encryption",
        "must be empty, AES256, aws:kms or aws:kms:dsse",
    );
    need(
        blobs.kms_key.is_empty() || blobs.encryption.starts_with("aws:kms"),
        "blobs.kms_key",
        "needs blobs.encryption to be aws:kms or aws:kms:dsse",
    );
}

fn store(settings: &Settings, need: &mut Need<'_>) {
    let store = &settings.store;
    let url = store.url.expose_secret();
    need(
        url.is_empty() || url.starts_with("postgres://") || url.starts_with("postgresql://"),
        "store.url",
        "must be empty or begin with postgres://",
    );
    need(
        settings.server.role == Role::All || !url.is_empty(),
        "server.role",
        "must be all where store.url is empty: SQLite has one process",
    );
    need((1..=1_000).contains(&store.connections), "store.connections", "must be 1 to 1000");
    need(
        (100..=STORE_MS).contains(&store.statement_timeout_ms),
        "store.statement_timeout_ms",
        "must be 100 to 20000, the longest that callers wait for the store",
    );
    need(
        (10..=store.statement_timeout_ms).contains(&store.lock_timeout_ms),
        "store.lock_timeout_ms",
        "must be 10 at least and not above store.statement_timeout_ms",
    );
}

fn jobs(settings: &Settings, need: &mut Need<'_>) {
    let jobs = &settings.jobs;
    need(jobs.lease_seconds >= 3, "jobs.lease_seconds", "must be 3 at least");
    need(jobs.poll_ms >= 10, "jobs.poll_ms", "must be 10 at least");
    need(jobs.picture_seconds >= 1, "jobs.picture_seconds", "must be 1 at least");
    need(jobs.max_crashes >= 1, "jobs.max_crashes", "must be 1 at least");
    need((1..=100).contains(&jobs.max_attempts), "jobs.max_attempts", "must be 1 to 100");
    need((1..=60_000).contains(&jobs.retry_base_ms), "jobs.retry_base_ms", "must be 1 to 60000");
    need(jobs.collect_seconds >= 1, "jobs.collect_seconds", "must be 1 at least");
    need(
        jobs.disk_low_bytes >= settings.uploads.disk_low_bytes,
        "jobs.disk_low_bytes",
        "must not be below uploads.disk_low_bytes",
    );
    need(jobs.orphan_seconds >= 1, "jobs.orphan_seconds", "must be 1 at least");
}

fn security(settings: &Settings, need: &mut Need<'_>) {
    let security = &settings.security;
    let usable = |secret: &str| secret.is_empty() || secret.chars().count() >= SECRET_CHARS;
    let short = "must be empty or 16 characters at least";
    need(usable(security.webhook_secret.expose_secret()), "security.webhook_secret", short);
    let previous = security.webhook_secret_previous.expose_secret();
    need(usable(previous), "security.webhook_secret_previous", short);
    need(
        previous.is_empty() || !security.webhook_secret.expose_secret().is_empty(),
        "security.webhook_secret_previous",
        "needs security.webhook_secret, the key that took its place",
    );
    for (key, secret) in [
        ("security.webhook_secret", &security.webhook_secret),
        ("security.webhook_secret_previous", &security.webhook_secret_previous),
    ] {
        need(
            Signer::is_well_formed(secret.expose_secret()),
            key,
            "begins with whsec_ and so must go on in base64: use another word, or the key as it was given",
        );
    }
    need(usable(security.operator_token.expose_secret()), "security.operator_token", short);
    need(
        !security.require_signature || !security.webhook_secret.expose_secret().is_empty(),
        "security.require_signature",
        "needs security.webhook_secret: without a shared key nobody can sign",
    );
    let url = &settings.public.url;
    need(
        url.is_empty() || is_base(url),
        "public.url",
        "must be empty or an http(s) address such as https://huemill.example",
    );
}

fn outbound(settings: &Settings, need: &mut Need<'_>) {
    let outbound = &settings.outbound;
    need(
        outbound.allow_cidrs.iter().all(|text| AddressPolicy::network(text).is_some()),
        "outbound.allow_cidrs",
        "must be networks such as 10.1.0.0/16",
    );
    need(!outbound.allow_ports.is_empty(), "outbound.allow_ports", "must name a port at least, such as 443");
    need(outbound.connect_seconds >= 1, "outbound.connect_seconds", "must be 1 at least");
    need(outbound.head_seconds >= 1, "outbound.head_seconds", "must be 1 at least");
    need(outbound.total_seconds >= 1, "outbound.total_seconds", "must be 1 at least");
    need(
        outbound.nameservers.iter().all(|text| text.parse::<std::net::SocketAddr>().is_ok()),
        "outbound.nameservers",
        "must be addresses with ports, such as 10.0.0.53:53",
    );
    need(outbound.downloads >= 1, "outbound.downloads", "must be 1 at least");
    need(outbound.downloads_each >= 1, "outbound.downloads_each", "must be 1 at least");
}

fn webhooks(settings: &Settings, need: &mut Need<'_>) {
    let webhooks = &settings.webhooks;
    need(
        !webhooks.schedule_seconds.is_empty(),
        "webhooks.schedule_seconds",
        "must have a wait at least, such as 0",
    );
    need(webhooks.try_seconds >= 1, "webhooks.try_seconds", "must be 1 at least");
    need((1..=1024).contains(&webhooks.at_once), "webhooks.at_once", "must be 1 to 1024");
    need(webhooks.each >= 1, "webhooks.each", "must be 1 at least");
    need(webhooks.circuit_seconds >= 1, "webhooks.circuit_seconds", "must be 1 at least");
    need(
        webhooks.circuit_max_seconds >= webhooks.circuit_seconds,
        "webhooks.circuit_max_seconds",
        "must not be below webhooks.circuit_seconds",
    );
    need(webhooks.poll_seconds >= 1, "webhooks.poll_seconds", "must be 1 at least");
}

/// A filter as `EnvFilter` reads it, where a bare word is a level: any other would silence everything.
fn is_filter(text: &str) -> bool {
    let bare = |part: &&str| !part.contains(['=', '[']);
    EnvFilter::builder().parse(text).is_ok()
        && text.split(',').map(str::trim).filter(bare).all(|word| word.parse::<LevelFilter>().is_ok())
}

fn is_origin(text: &str) -> bool {
    is_base(text)
        && text.parse::<actix_web::http::Uri>().is_ok_and(|uri| uri.path() == "/" && !text.ends_with('/'))
}

fn is_base(text: &str) -> bool {
    text.parse::<actix_web::http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri
                .authority()
                .is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
            && uri.query().is_none()
    })
}
