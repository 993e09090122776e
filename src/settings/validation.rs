//! Validates what the types of the settings cannot: ranges, formats, and rules between keys.
//!
//! Every problem is reported, not only the first. [`capacity`] has the sections that say how much the service takes on.

/// Requires that these keys of a section are at least `$minimum`.
macro_rules! at_least {
    ($minimum:literal, $check:ident, $section:ident: $($key:ident),+) => {
        $($check.at_least($minimum, $section.$key, concat!(stringify!($section), ".", stringify!($key)));)+
    };
}

mod capacity;

use std::net::SocketAddr;

use huemill_actors::delivery::Signer;
use huemill_actors::outbound::AddressPolicy;
use huemill_store::store::Role;
use secrecy::ExposeSecret;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::problems::Problems;
use super::schema::{AccessMode, Settings, is_short};

/// How long callers wait for the store, in milliseconds. No one receives the result of a longer statement.
const MAX_STORE_WAIT_MS: u64 = 20_000;

/// Returns everything that is wrong with these settings.
pub(super) fn problems(settings: &Settings) -> Problems {
    let mut problems = Problems::default();
    let sections = [
        server,
        tls,
        capacity::limits,
        capacity::workers,
        capacity::health,
        blobs,
        store,
        capacity::jobs,
        security,
        outbound,
        webhooks,
    ];
    for section in sections {
        section(settings, &mut problems);
    }
    problems
}

fn server(settings: &Settings, check: &mut Problems) {
    let server = &settings.server;
    check.require(!server.host.is_empty(), "server.host", "must be an address, such as 127.0.0.1");
    check.require(
        server.operations.is_empty() || server.operations.parse::<SocketAddr>().is_ok(),
        "server.operations",
        "must be empty or an address with a port, such as 127.0.0.1:9090",
    );
    check.between(1..=256, server.threads, "server.threads");
    at_least!(1, check, server: max_connections, header_seconds, linger_seconds, event_streams);
    check.at_least(1, settings.access.event_streams, "access.event_streams");
    check.require(
        server.trusted_proxies.iter().all(|text| AddressPolicy::network(text).is_some()),
        "server.trusted_proxies",
        "must be networks or addresses, such as 10.0.0.0/8",
    );
    check.require(!settings.data.dir.as_os_str().is_empty(), "data.dir", "must be a directory");
    check.require(
        is_filter(&settings.log.filter),
        "log.filter",
        "must be a level or a filter such as \"info,huemill=debug\"",
    );
    check.require(
        settings.cors.origins.iter().all(|origin| origin == "*" || is_origin(origin)),
        "cors.origins",
        "must be \"*\" or origins as browsers send them, such as https://app.example or https://*.example.com: in lower \
         case, without a path and without the scheme's usual port",
    );
}

fn tls(settings: &Settings, check: &mut Problems) {
    let tls = &settings.tls;
    let is_set = |path: &std::path::Path| !path.as_os_str().is_empty();
    check.require(
        is_set(&tls.key) == tls.is_enabled(),
        "tls.key",
        "must be set if tls.certificate is, and only then",
    );
    check.require(
        tls.is_enabled() || !is_set(&tls.client_ca),
        "tls.client_ca",
        "requires tls.certificate: without TLS, clients show no certificates",
    );
    at_least!(1, check, tls: poll_seconds);
}

fn blobs(settings: &Settings, check: &mut Problems) {
    let blobs = &settings.blobs;
    check.require(
        blobs.url.is_empty() || blobs.url.starts_with("s3://") || blobs.url.starts_with("file:///"),
        "blobs.url",
        "must be empty or a URL such as s3://bucket/prefix",
    );
    check.between(0..=100, blobs.retries, "blobs.retries");
    check.between(1..=240, blobs.retry_seconds, "blobs.retry_seconds");
    check.require(
        matches!(blobs.encryption.as_str(), "" | "AES256" | "aws:kms" | "aws:kms:dsse"),
        "blobs.encryption",
        "must be empty, AES256, aws:kms or aws:kms:dsse",
    );
    check.require(
        blobs.kms_key.is_empty() || blobs.encryption.starts_with("aws:kms"),
        "blobs.kms_key",
        "requires blobs.encryption to be aws:kms or aws:kms:dsse",
    );
}

fn store(settings: &Settings, check: &mut Problems) {
    let store = &settings.store;
    let url = store.url.expose_secret();
    check.require(
        url.is_empty() || url.starts_with("postgres://") || url.starts_with("postgresql://"),
        "store.url",
        "must be empty or begin with postgres://",
    );
    check.require(
        settings.server.role == Role::All || !url.is_empty(),
        "server.role",
        "must be all while store.url is empty, because only one process can use SQLite",
    );
    check.between(1..=1_000, store.connections, "store.connections");
    check.require(
        (100..=MAX_STORE_WAIT_MS).contains(&store.statement_timeout_ms),
        "store.statement_timeout_ms",
        "must be from 100 to 20000; callers wait no longer than that for the store",
    );
    check.require(
        (10..=store.statement_timeout_ms).contains(&store.lock_timeout_ms),
        "store.lock_timeout_ms",
        "must be at least 10 and not above store.statement_timeout_ms",
    );
}

fn security(settings: &Settings, check: &mut Problems) {
    let security = &settings.security;
    let previous = security.webhook_secret_previous.expose_secret();
    // Without access keys, deployments with short secrets go on working. Whoever issues keys can issue secrets.
    if settings.access.mode == AccessMode::Keys {
        let short = "must be empty or have at least 16 characters while access.mode is keys";
        check.require(!is_short(security.webhook_secret.expose_secret()), "security.webhook_secret", short);
        check.require(!is_short(previous), "security.webhook_secret_previous", short);
    }
    check.require(
        previous.is_empty() || !security.webhook_secret.expose_secret().is_empty(),
        "security.webhook_secret_previous",
        "requires security.webhook_secret, the secret that replaces it",
    );
    for (key, secret) in [
        ("security.webhook_secret", &security.webhook_secret),
        ("security.webhook_secret_previous", &security.webhook_secret_previous),
    ] {
        check.require(
            Signer::is_well_formed(secret.expose_secret()),
            key,
            "begins with whsec_, so the rest must be base64: copy the secret exactly, or choose another one",
        );
    }
    check.require(
        !is_short(security.operator_token.expose_secret()),
        "security.operator_token",
        "must be empty or have at least 16 characters",
    );
    check.require(
        !security.require_signature || !security.webhook_secret.expose_secret().is_empty(),
        "security.require_signature",
        "requires security.webhook_secret: clients need a shared secret to sign with",
    );
    let url = &settings.public.url;
    check.require(
        url.is_empty() || is_http_url(url),
        "public.url",
        "must be empty or an http or https URL such as https://huemill.example",
    );
}

fn outbound(settings: &Settings, check: &mut Problems) {
    let outbound = &settings.outbound;
    check.require(
        outbound.allow_cidrs.iter().all(|text| AddressPolicy::network(text).is_some()),
        "outbound.allow_cidrs",
        "must be networks such as 10.1.0.0/16",
    );
    check.require(
        !outbound.allow_ports.is_empty(),
        "outbound.allow_ports",
        "must have at least one port, such as 443",
    );
    at_least!(1, check, outbound: connect_seconds, head_seconds, total_seconds);
    check.require(
        outbound.nameservers.iter().all(|text| text.parse::<SocketAddr>().is_ok()),
        "outbound.nameservers",
        "must be addresses with ports, such as 10.0.0.53:53",
    );
    at_least!(1, check, outbound: downloads, downloads_each);
}

fn webhooks(settings: &Settings, check: &mut Problems) {
    let webhooks = &settings.webhooks;
    check.require(
        !webhooks.schedule_seconds.is_empty(),
        "webhooks.schedule_seconds",
        "must have at least one delay, such as 0",
    );
    at_least!(1, check, webhooks: try_seconds);
    check.between(1..=1024, webhooks.at_once, "webhooks.at_once");
    at_least!(1, check, webhooks: each, circuit_seconds);
    check.require(
        webhooks.circuit_max_seconds >= webhooks.circuit_seconds,
        "webhooks.circuit_max_seconds",
        "must not be below webhooks.circuit_seconds",
    );
    at_least!(1, check, webhooks: poll_seconds);
}

/// Whether `EnvFilter` accepts the text and every bare word in it is a level. `EnvFilter` takes any other bare word for
/// a target, which would silence the log.
fn is_filter(text: &str) -> bool {
    let is_bare = |part: &&str| !part.contains(['=', '[']);
    EnvFilter::builder().parse(text).is_ok()
        && text.split(',').map(str::trim).filter(is_bare).all(|word| word.parse::<LevelFilter>().is_ok())
}

/// Whether the text is an origin as browsers send it; any other would never match. It may begin with `*.` after its
/// scheme, in place of a subdomain.
fn is_origin(text: &str) -> bool {
    let host = text.replacen("://*.", "://subdomain.", 1);
    !host.contains('*')
        && is_http_url(&host)
        && url::Url::parse(&host).is_ok_and(|url| url.origin().ascii_serialization() == host)
}

/// Whether the text is an http or https URL without user and query.
fn is_http_url(text: &str) -> bool {
    text.parse::<actix_web::http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri
                .authority()
                .is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
            && uri.query().is_none()
    })
}
