//! The types of the settings: one struct for each section of `config/default.toml`, which documents every key.
//!
//! [`Settings`] is read and written with serde. Written out, secrets are masked, so `huemill check` can print it.

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use huemill_store::store::Role;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::client_address::ClientAddress;
use super::mask::{masked, masked_url};

/// The embedded default settings. The file also documents every key.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// How the long names of environment variables begin.
pub(super) const PREFIX: &str = "HUEMILL__";

/// All settings of the service.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "config/default.toml documents each key, and a test keeps the two in step")]
pub struct Settings {
    pub server: ServerSection,
    pub tls: TlsSection,
    pub data: DataSection,
    pub store: StoreSection,
    pub blobs: BlobsSection,
    pub jobs: JobsSection,
    pub quotas: QuotasSection,
    pub log: LogSection,
    pub cors: CorsSection,
    pub limits: LimitsSection,
    pub uploads: UploadsSection,
    pub answers: AnswersSection,
    pub workers: WorkersSection,
    pub supervision: SupervisionSection,
    pub health: HealthSection,
    pub public: PublicSection,
    pub access: AccessSection,
    pub security: SecuritySection,
    pub outbound: OutboundSection,
    pub webhooks: WebhooksSection,
}

/// Who may use the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessMode {
    /// Anybody.
    Open,
    /// Whoever has an access key.
    Keys,
}

impl AccessMode {
    /// The words of the setting.
    pub(super) const WORDS: [&str; 2] = ["open", "keys"];
}

/// Which headers trusted proxies write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeaders {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl ForwardedHeaders {
    /// The words of the setting.
    pub(super) const WORDS: [&str; 2] = ["x-forwarded", "forwarded"];
}

/// How the lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Readable lines on a terminal, JSON everywhere else.
    Auto,
    /// JSON.
    Json,
    /// Readable lines.
    Pretty,
}

impl LogFormat {
    /// The words of the setting.
    pub(super) const WORDS: [&str; 3] = ["auto", "json", "pretty"];

    /// Whether lines are readable, where the log goes to a terminal or not.
    #[must_use]
    pub fn is_pretty(self, is_terminal: bool) -> bool {
        match self {
            Self::Auto => is_terminal,
            Self::Json => false,
            Self::Pretty => true,
        }
    }
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $key:ident: $kind:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs, reason = "config/default.toml documents each key")]
        pub struct $name { $($(#[$attribute])* pub $key: $kind),+ }
    };
}

section! {
    /// `[server]`
    ServerSection {
        #[serde(serialize_with = "role")] role: Role,
        host: String, port: u16, operations: String, threads: usize, max_connections: usize, header_seconds: u64,
        keep_alive_seconds: u64, linger_seconds: u64, shutdown_delay_ms: u64, drain_seconds: u64,
        trusted_proxies: Vec<String>, forwarded_headers: ForwardedHeaders, event_streams: u64,
    }
}
section! {
    /// `[tls]`
    TlsSection { certificate: PathBuf, key: PathBuf, client_ca: PathBuf, poll_seconds: u64 }
}
section! {
    /// `[data]`
    DataSection { dir: PathBuf }
}
section! {
    /// `[store]`
    StoreSection {
        #[serde(serialize_with = "masked")] url: SecretString,
        connections: u32, statement_timeout_ms: u64, lock_timeout_ms: u64, pgbouncer: bool,
    }
}
section! {
    /// `[blobs]`
    BlobsSection {
        #[serde(serialize_with = "masked_url")] url: String,
        retries: u32, retry_seconds: u64, encryption: String, kms_key: String,
    }
}
section! {
    /// `[jobs]`
    JobsSection {
        lease_seconds: u64, poll_ms: u64, picture_seconds: u64, max_crashes: u32, max_attempts: u32,
        retry_base_ms: u64, drain_timeout_seconds: u64, collect_seconds: u64, tombstone_hours: u64,
        disk_low_bytes: u64, blob_limit_bytes: u64, orphan_seconds: u64,
    }
}
section! {
    /// `[quotas]`
    QuotasSection { open_jobs: u64, open_pictures: u64, stored_bytes: u64 }
}
section! {
    /// `[log]`
    LogSection { filter: String, format: LogFormat, client_address: ClientAddress, requests_per_second: u32 }
}
section! {
    /// `[cors]`
    CorsSection { origins: Vec<String> }
}
section! {
    /// `[limits]`
    LimitsSection {
        image_bytes: u64, zip_bytes: u64, image_pixels: u64, jpeg_pixels: u64, image_side: u32, image_work: u64,
        zip_pictures: usize, job_pictures: usize, job_urls: usize, zip_entries: usize, request_seconds: u64,
        zip_seconds: u64,
    }
}
section! {
    /// `[uploads]`
    UploadsSection {
        in_flight: usize, in_flight_bytes: u64, memory_each_bytes: u64, memory_total_bytes: u64,
        disk_total_bytes: u64, disk_low_bytes: u64, min_bytes_per_second: u64, pace_grace_seconds: u64,
        idle_seconds: u64, total_seconds: u64,
    }
}
section! {
    /// `[answers]`
    AnswersSection { min_bytes_per_second: u64, grace_seconds: u64, idle_seconds: u64, total_seconds: u64 }
}
section! {
    /// `[workers]`
    WorkersSection {
        count: usize, queue: usize, queue_wait_seconds: u64, memory_bytes: u64, grace_seconds: u64,
        max_abandoned: usize,
    }
}
section! {
    /// `[supervision]`
    SupervisionSection { max_restarts: u32, window_seconds: u64, backoff_initial_ms: u64, backoff_max_ms: u64 }
}
section! {
    /// `[health]`
    HealthSection {
        interval_seconds: u64, timeout_seconds: u64, canary_seconds: u64, store_seconds: u64, stale_seconds: u64,
        disk_free_bytes: u64, memory_used_ratio: f64,
    }
}
section! {
    /// `[public]`
    PublicSection { url: String }
}
section! {
    /// `[access]`
    AccessSection { mode: AccessMode, requests_per_minute: u32, pictures_per_minute: u32, event_streams: u64 }
}
section! {
    /// `[security]`
    SecuritySection {
        #[serde(serialize_with = "masked")] webhook_secret: SecretString,
        #[serde(serialize_with = "masked")] webhook_secret_previous: SecretString,
        #[serde(serialize_with = "masked")] operator_token: SecretString,
        require_signature: bool,
    }
}
section! {
    /// `[outbound]`
    OutboundSection {
        allow_cidrs: Vec<String>, allow_ports: Vec<u16>, redirects: u8, connect_seconds: u64, head_seconds: u64,
        total_seconds: u64, nameservers: Vec<String>, roots: PathBuf, downloads: usize, downloads_each: usize,
        propagate_trace: bool,
    }
}
section! {
    /// `[webhooks]`
    WebhooksSection {
        schedule_seconds: Vec<u64>, retry_after_max_seconds: u64, try_seconds: u64, at_once: u32, each: u32,
        circuit_seconds: u64, circuit_max_seconds: u64, poll_seconds: u64,
    }
}

impl TlsSection {
    /// Whether the public listener uses TLS.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        !self.certificate.as_os_str().is_empty()
    }
}

impl Settings {
    /// The number of pictures that are processed at the same time.
    #[must_use]
    pub fn worker_count(&self) -> usize {
        match self.workers.count {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
            count => count,
        }
    }

    /// How long a picture may take from the last byte of its upload.
    #[must_use]
    pub fn request_time(&self) -> Duration {
        Duration::from_secs(self.limits.request_seconds)
    }

    /// The address of the operators' listener, if they have their own.
    #[must_use]
    pub fn operations_address(&self) -> Option<SocketAddr> {
        self.server.operations.parse().ok()
    }

    /// Whether webhooks may lack a `download_url`: the host of a request could be forged, so it is not signed.
    #[must_use]
    pub fn omits_download_urls(&self) -> bool {
        self.public.url.is_empty() && self.server.role != Role::Worker
    }

    /// Whether a secret that signs webhooks and requests is so short that it could be guessed.
    #[must_use]
    pub fn has_short_webhook_secret(&self) -> bool {
        let security = &self.security;
        [&security.webhook_secret, &security.webhook_secret_previous]
            .iter()
            .any(|secret| is_short(secret.expose_secret()))
    }

    /// The settings as TOML, in the order of `config/default.toml`, with secrets masked.
    ///
    /// # Errors
    /// A number is too large for TOML, whose integers have 64 bits with a sign.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

impl Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_toml().map_err(|_| fmt::Error)?)
    }
}

/// The minimum length of a secret, in characters.
const MIN_SECRET_CHARS: usize = 16;

/// Whether a secret is set and could be guessed.
pub(super) fn is_short(secret: &str) -> bool {
    !secret.is_empty() && secret.chars().count() < MIN_SECRET_CHARS
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn role<S: Serializer>(role: &Role, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(role.as_str())
}
