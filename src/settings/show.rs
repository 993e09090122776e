//! Settings as they are in force, in the file's own form and order, secrets masked.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::Settings;

/// What stands in a secret's place.
const MASK: &str = "\"********\"";

/// Writes one section: `[name]` and a line a key.
macro_rules! section {
    ($f:ident, $section:expr, $name:literal, [$($key:ident),+ $(,)?]) => {
        writeln!($f, concat!("[", $name, "]"))?;
        $(writeln!($f, concat!(stringify!($key), " = {}"), $section.$key.shown())?;)+
    };
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        section!(
            f,
            self.server,
            "server",
            [
                host,
                port,
                threads,
                max_connections,
                header_seconds,
                keep_alive_seconds,
                linger_seconds,
                shutdown_delay_ms,
                drain_seconds,
            ]
        );
        writeln!(f, "\n[data]\ndir = {}", self.data.dir.display().to_string().shown())?;
        writeln!(f)?;
        section!(f, self.store, "store", [url]);
        writeln!(f)?;
        section!(f, self.blobs, "blobs", [url, retries, retry_seconds, encryption, kms_key]);
        writeln!(f)?;
        section!(
            f,
            self.jobs,
            "jobs",
            [
                lease_seconds,
                poll_ms,
                picture_seconds,
                max_crashes,
                rest_seconds,
                collect_seconds,
                tombstone_hours,
                disk_low_bytes,
                blob_limit_bytes,
                orphan_seconds,
            ]
        );
        writeln!(f)?;
        section!(f, self.log, "log", [filter]);
        writeln!(f)?;
        section!(f, self.cors, "cors", [origins]);
        writeln!(f)?;
        section!(
            f,
            self.limits,
            "limits",
            [
                image_bytes,
                zip_bytes,
                image_pixels,
                image_side,
                zip_pictures,
                job_pictures,
                zip_entries,
                request_seconds,
            ]
        );
        writeln!(f)?;
        section!(
            f,
            self.uploads,
            "uploads",
            [
                in_flight,
                in_flight_bytes,
                memory_each_bytes,
                memory_total_bytes,
                disk_total_bytes,
                disk_low_bytes,
                min_bytes_per_second,
                pace_grace_seconds,
                idle_seconds,
            ]
        );
        writeln!(f)?;
        work(self, f)?;
        policy(self, f)
    }
}

/// What works, and who watches over it.
fn work(settings: &Settings, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    section!(
        f,
        settings.workers,
        "workers",
        [count, queue, queue_wait_seconds, memory_bytes, grace_seconds, max_abandoned,]
    );
    writeln!(f)?;
    section!(
        f,
        settings.supervision,
        "supervision",
        [max_restarts, window_seconds, backoff_initial_ms, backoff_max_ms,]
    );
    writeln!(f)?;
    Ok(())
}

/// What is ready, where the service is reached, and who may what.
fn policy(settings: &Settings, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    section!(
        f,
        settings.health,
        "health",
        [
            interval_seconds,
            timeout_seconds,
            canary_seconds,
            store_seconds,
            stale_seconds,
            disk_free_bytes,
            memory_used_ratio,
        ]
    );
    writeln!(f)?;
    section!(f, settings.public, "public", [url]);
    writeln!(f)?;
    section!(
        f,
        settings.security,
        "security",
        [webhook_secret, webhook_secret_previous, operator_token, require_signature]
    );
    outward(settings, f)
}

fn outward(settings: &Settings, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f)?;
    section!(
        f,
        settings.outbound,
        "outbound",
        [
            allow_cidrs,
            allow_ports,
            redirects,
            connect_seconds,
            head_seconds,
            total_seconds,
            nameservers,
            roots,
            downloads,
            downloads_each,
            propagate_trace,
        ]
    );
    writeln!(f)?;
    section!(
        f,
        settings.webhooks,
        "webhooks",
        [
            schedule_seconds,
            retry_after_max_seconds,
            try_seconds,
            at_once,
            each,
            circuit_seconds,
            circuit_max_seconds,
            poll_seconds,
        ]
    );
    Ok(())
}

/// A value as TOML writes it.
trait Shown {
    fn shown(&self) -> String;
}

macro_rules! plain {
    ($($kind:ty),+) => {
        $(impl Shown for $kind {
            fn shown(&self) -> String {
                self.to_string()
            }
        })+
    };
}

plain!(u8, u16, u32, u64, usize, f64, bool);

impl Shown for String {
    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

impl<T: std::fmt::Debug> Shown for Vec<T> {
    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

impl Shown for PathBuf {
    fn shown(&self) -> String {
        self.display().to_string().shown()
    }
}

impl Shown for SecretString {
    fn shown(&self) -> String {
        if self.expose_secret().is_empty() { "\"\"".into() } else { MASK.into() }
    }
}
