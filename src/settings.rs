//! The settings, typed: one struct a section of `config/default.toml`, which documents every key.
//!
//! Read once at start by [`Settings::load`] from all sources; all problems are reported at once.

mod check;
mod show;
mod sources;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

pub use sources::{Environment, Problem, Problems};

/// The embedded defaults, which are the documentation of every key too.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "config/default.toml documents each key, and a test holds the two together")]
pub struct Settings {
    pub server: Server,
    pub data: Data,
    pub store: Store,
    pub blobs: Blobs,
    pub jobs: Jobs,
    pub log: Log,
    pub cors: Cors,
    pub limits: Limits,
    pub uploads: Uploads,
    pub workers: Workers,
    pub supervision: Supervision,
    pub health: Health,
    pub public: Public,
    pub security: Security,
    pub outbound: Outbound,
    pub webhooks: Webhooks,
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $kind:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs, reason = "config/default.toml documents each key")]
        pub struct $name { $(pub $key: $kind),+ }
    };
}

section! {
    /// `[server]`
    Server {
        host: String, port: u16, threads: usize, max_connections: usize, header_seconds: u64,
        keep_alive_seconds: u64, linger_seconds: u64, shutdown_delay_ms: u64, drain_seconds: u64,
    }
}
section! {
    /// `[data]`
    Data { dir: PathBuf }
}
section! {
    /// `[store]`
    Store { url: SecretString }
}
section! {
    /// `[blobs]`
    Blobs { url: String, retries: u32, retry_seconds: u64, encryption: String, kms_key: String }
}
section! {
    /// `[jobs]`
    Jobs {
        lease_seconds: u64, poll_ms: u64, picture_seconds: u64, max_crashes: u32, rest_seconds: u64,
        collect_seconds: u64, tombstone_hours: u64, disk_low_bytes: u64,
        blob_limit_bytes: u64, orphan_seconds: u64,
    }
}
section! {
    /// `[log]`
    Log { filter: String }
}
section! {
    /// `[cors]`
    Cors { origins: Vec<String> }
}
section! {
    /// `[limits]`
    Limits {
        image_bytes: u64, zip_bytes: u64, image_pixels: u64, image_side: u32, zip_pictures: usize,
        job_pictures: usize, zip_entries: usize, request_seconds: u64,
    }
}
section! {
    /// `[uploads]`
    Uploads {
        in_flight: usize, in_flight_bytes: u64, memory_each_bytes: u64, memory_total_bytes: u64,
        disk_total_bytes: u64, disk_low_bytes: u64, min_bytes_per_second: u64, pace_grace_seconds: u64,
        idle_seconds: u64,
    }
}
section! {
    /// `[workers]`
    Workers {
        count: usize, queue: usize, queue_wait_seconds: u64, memory_bytes: u64, grace_seconds: u64,
        max_abandoned: usize,
    }
}
section! {
    /// `[supervision]`
    Supervision { max_restarts: u32, window_seconds: u64, backoff_initial_ms: u64, backoff_max_ms: u64 }
}
section! {
    /// `[health]`
    Health {
        interval_seconds: u64, timeout_seconds: u64, canary_seconds: u64, store_seconds: u64, stale_seconds: u64,
        disk_free_bytes: u64, memory_used_ratio: f64,
    }
}
section! {
    /// `[public]`
    Public { url: String }
}
section! {
    /// `[security]`
    Security {
        webhook_secret: SecretString, webhook_secret_previous: SecretString, operator_token: SecretString,
        require_signature: bool,
    }
}
section! {
    /// `[outbound]`
    Outbound {
        allow_cidrs: Vec<String>, allow_ports: Vec<u16>, redirects: u8, connect_seconds: u64, head_seconds: u64,
        total_seconds: u64, nameservers: Vec<String>, roots: PathBuf, downloads: usize, downloads_each: usize,
        propagate_trace: bool,
    }
}
section! {
    /// `[webhooks]`
    Webhooks {
        schedule_seconds: Vec<u64>, retry_after_max_seconds: u64, try_seconds: u64, at_once: u32, each: u32,
        circuit_seconds: u64, circuit_max_seconds: u64, poll_seconds: u64,
    }
}

impl Settings {
    /// Settings out of the embedded defaults, the file if one is named, and the environment.
    ///
    /// # Errors
    /// Every problem found in any source, each with the place it comes from.
    pub fn load(file: Option<&std::path::Path>, environment: &Environment) -> Result<Self, Problems> {
        let settings = sources::merge(file, environment)?;
        let problems = check::problems(&settings);
        if problems.is_empty() { Ok(settings) } else { Err(Problems(problems)) }
    }

    /// How many pictures are worked on at one time.
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
}
