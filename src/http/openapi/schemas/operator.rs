//! What operators and monitoring see: deliveries, keys, the queue, processes and readiness.

#![allow(dead_code, reason = "the fields are read by the derived schemas alone")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::words::{DeliveryStatus, PausedType, ProcessRole, Scope};
use crate::http::openapi::shapes;

/// One attempt to send a webhook.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct DeliveryAttempt {
    /// Counted from 1.
    number: u32,
    /// Unix seconds.
    at: i64,
    /// The receiver's status, if it answered.
    #[schema(required = true)]
    status_code: Option<u16>,
    /// Why the attempt failed, such as `timeout`; null if it did not.
    #[schema(required = true)]
    reason: Option<String>,
    duration_ms: u64,
    /// The start of the receiver's answer.
    answer: String,
}

/// The delivery of one webhook.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct Delivery {
    /// The value of `webhook-id`, the same for all attempts.
    id: String,
    job_id: String,
    status: DeliveryStatus,
    attempts: Vec<DeliveryAttempt>,
    /// Unix seconds; null if no attempt is due.
    #[schema(required = true)]
    next_attempt_at: Option<i64>,
    /// Unix seconds.
    created_at: i64,
    /// Unix seconds; null until it is delivered or dead.
    #[schema(required = true)]
    finished_at: Option<i64>,
    /// The host of the callback URL, whose rest may be a secret.
    host: String,
}

/// A page of deliveries, newest first.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct DeliveryPage {
    deliveries: Vec<Delivery>,
    /// The `cursor` of the next page; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// What the holder of a key may use. What is missing is as in the settings; 0 is no limit.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct KeyLimits {
    #[schema(nullable = false)]
    requests_per_minute: Option<u32>,
    #[schema(nullable = false)]
    pictures_per_minute: Option<u32>,
    /// Uploads at a time.
    #[schema(nullable = false)]
    uploads: Option<u32>,
    /// Event streams at a time.
    #[schema(nullable = false)]
    event_streams: Option<u32>,
    /// Jobs that have not ended.
    #[schema(nullable = false)]
    open_jobs: Option<u64>,
    /// The pictures of these jobs.
    #[schema(nullable = false)]
    open_pictures: Option<u64>,
    /// Bytes of inputs and cards.
    #[schema(nullable = false)]
    stored_bytes: Option<u64>,
}

/// An API key without its secret.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct AccessKey {
    id: String,
    name: String,
    scopes: Vec<Scope>,
    limits: KeyLimits,
    /// Unix seconds.
    created_at: i64,
    /// Unix seconds; null if it does not expire.
    #[schema(required = true)]
    expires_at: Option<i64>,
    /// Unix seconds, to the minute; null if it was never used.
    #[schema(required = true)]
    last_used_at: Option<i64>,
}

/// An API key as the answer that creates it shows it, once.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct CreatedKey {
    id: String,
    name: String,
    scopes: Vec<Scope>,
    limits: KeyLimits,
    /// Unix seconds.
    created_at: i64,
    /// Unix seconds; null if it does not expire.
    #[schema(required = true)]
    expires_at: Option<i64>,
    /// Unix seconds, to the minute; null if it was never used.
    #[schema(required = true)]
    last_used_at: Option<i64>,
    /// The key itself.
    key: String,
    /// The secret that signs the webhooks of this key's jobs.
    webhook_secret: String,
}

/// A page of API keys, newest first.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct KeyPage {
    keys: Vec<AccessKey>,
    /// The `cursor` of the next page; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// What is paused in the queue.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct QueueStatus {
    paused: Vec<PausedType>,
}

/// A process that shares the store.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct ServiceProcess {
    id: String,
    host: String,
    version: String,
    role: ProcessRole,
    /// Pictures that it works on at a time.
    slots: u32,
    /// Unix seconds.
    started_at: i64,
    /// Its last heartbeat, in Unix seconds.
    beat_at: i64,
    alive: bool,
    /// What it does for all processes.
    duties: Vec<String>,
    /// Pictures that it works on.
    pictures: u32,
}

/// The processes that share the store, newest first.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct ProcessList {
    processes: Vec<ServiceProcess>,
}

/// The process answers.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct Health {
    /// Always `healthy`.
    status: String,
    /// Always `huemill`.
    service: String,
    version: String,
    /// What this build can do.
    features: Vec<String>,
    uptime_seconds: u64,
}

/// One check of a dependency, with its measurements, whose names no schema lists.
pub(in crate::http::openapi) struct ReadinessCheck(bool);

impl PartialSchema for ReadinessCheck {
    fn schema() -> RefOr<Schema> {
        let flag = || ObjectBuilder::new().schema_type(Type::Boolean);
        let check = ObjectBuilder::new()
            .property("ok", shapes::described(flag(), "Whether the check passed."))
            .required("ok")
            .property("reason", shapes::described(shapes::text(), "Why it failed, or what is unusual."))
            .property("shared", shapes::described(flag(), "Whether all processes get the same result."))
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .description(Some("A check. Its other members are measurements, whose names contain the unit."));
        RefOr::T(check.build().into())
    }
}

impl ToSchema for ReadinessCheck {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ReadinessCheck")
    }
}

/// Whether the process takes work. Where operators have a listener of their own, the public one says `ready` alone.
#[derive(ToSchema)]
pub(in crate::http::openapi) struct Readiness {
    ready: bool,
    /// Why it is not ready.
    #[schema(nullable = false)]
    reason: Option<String>,
    /// Whether each dependency is well.
    #[schema(nullable = false)]
    dependencies: Option<BTreeMap<String, bool>>,
    #[schema(nullable = false)]
    uptime_seconds: Option<u64>,
    #[schema(nullable = false)]
    active_requests: Option<u64>,
    /// The part of failed requests in the last five minutes; null without requests.
    #[schema(minimum = 0, maximum = 1)]
    error_rate_last_5m: Option<f64>,
    /// The same dependencies with measurements and reasons.
    #[schema(nullable = false)]
    checks: Option<BTreeMap<String, ReadinessCheck>>,
}
