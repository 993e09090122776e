//! The table of all log events: name, level, fields and meaning.
//!
//! Code writes an event with [`log!`](crate::log), which takes its name and level from this table. The README shows the
//! same table, and a test compares the two. A name may have several rows, one per level. A field's name contains its
//! unit.

use tracing::Level;

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct LogEvent {
    /// The name that operators search for.
    pub name: &'static str,
    /// The level: `error` only if someone must act.
    pub level: Level,
    /// The fields in addition to `ts`, `level`, `event` and those of the span (`request_id`).
    pub fields: &'static [&'static str],
    /// When the event is logged.
    pub meaning: &'static str,
}

/// Defines the constants and [`NAMED`] from one list.
macro_rules! events {
    ($($constant:ident = $name:literal $level:ident [$($field:literal),*] $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $constant: LogEvent = LogEvent {
                name: $name,
                level: Level::$level,
                fields: &[$($field),*],
                meaning: $meaning,
            };
        )*

        /// All rows with their constants' names, in the README's order.
        pub const NAMED: &[(&str, LogEvent)] = &[$((stringify!($constant), $constant)),*];
    };
}

events! {
    HTTP_REQUEST = "http_request" INFO
        ["request_id", "endpoint", "method", "status_code", "duration_ms", "success", "error_code", "bytes_in", "bytes_out", "client", "key_id", "user_agent", "lines_left_out"]
        "A response was sent completely, or its client disconnected. `lines_left_out`, here and elsewhere, counts the lines of this caller that were left out before because it caused too many.";
    HTTP_ERROR = "http_error" INFO
        ["request_id", "endpoint", "status_code", "error_code", "cause"]
        "A request was rejected because of a client error.";
    HTTP_ERROR_BUSY = "http_error" WARN
        ["request_id", "endpoint", "status_code", "error_code", "cause"]
        "A request was rejected because slots or memory were exhausted, or the service was not ready.";
    HTTP_ERROR_FAULT = "http_error" ERROR
        ["request_id", "endpoint", "status_code", "error_code", "cause"]
        "A request failed because of an internal fault.";
    SECURITY_VIOLATION = "security_violation" INFO
        ["request_id", "endpoint", "status_code", "error_code", "cause", "client", "user_agent"]
        "An anonymous request matched an attack pattern and was rejected.";
    SECURITY_VIOLATION_OF_KEY = "security_violation" ERROR
        ["request_id", "endpoint", "status_code", "error_code", "cause", "client", "key_id", "user_agent"]
        "A request with an API key matched an attack pattern and was rejected.";
    ANSWER_BROKEN = "answer_broken" ERROR
        ["request_id", "endpoint", "status_code", "error_code", "cause"]
        "A response broke off after its headers because of an internal fault; its client sees a closed connection.";
    ZIP_AMBIGUOUS = "zip_ambiguous" INFO
        ["request_id", "endpoint", "entries", "lines_left_out"]
        "A ZIP archive names this many pictures differently in their local headers than in its central directory; the directory's names are used.";
    PANIC = "panic" ERROR
        ["message", "location", "thread"]
        "Code panicked. If the panic was caught, another event reports its consequence. Panics of a picture are `attempt_panicked`.";
    SERVICE_STARTED = "service_started" INFO
        ["version", "address", "operations", "workers"]
        "The service listens and answers requests; `operations` is the operators' own address, if they have one.";
    PUBLIC_URL_UNSET = "public_url_unset" INFO
        []
        "`public.url` is not set, so a webhook carries a `download_url` only if its job was created under a name of this machine.";
    WEBHOOK_SECRET_SHORT = "webhook_secret_short" WARN
        []
        "The secret that signs webhooks and requests has fewer than 16 characters, so it could be guessed.";
    TLS_RELOADED = "tls_reloaded" INFO
        []
        "The certificate, key or client authorities have changed; new connections use the new ones.";
    TLS_RELOAD_FAILED = "tls_reload_failed" WARN
        ["cause"]
        "The certificate, key or client authorities have changed and cannot be used; the old ones stay in use.";
    TLS_HANDSHAKE_FAILED = "tls_handshake_failed" DEBUG
        ["client", "cause"]
        "A client did not complete a TLS handshake, for example because its certificate was refused.";
    READINESS_GAINED = "readiness_changed" INFO
        ["ready", "failing"]
        "/ready answers 200 from now on.";
    READINESS_LOST = "readiness_changed" WARN
        ["ready", "failing"]
        "/ready answers 503 from now on; `failing` lists the unhealthy dependencies.";
    LOG_FILTER_CHANGED = "log_filter_changed" INFO
        ["filter"]
        "SIGUSR1 or SIGUSR2 changed the log filter.";
    TRACE_EXPORT_FAILED = "trace_export_failed" WARN
        ["spans", "cause"]
        "The collector does not accept traces. This is logged once until it accepts them again.";
    TRACE_EXPORT_RESUMED = "trace_export_resumed" INFO
        ["lost"]
        "The collector accepts traces again; `lost` counts the spans dropped since the start.";
    SHUTDOWN_STARTED = "shutdown_started" INFO
        ["reason"]
        "The service received a signal, or an actor failed for good; it is shutting down gracefully.";
    SHUTDOWN_FINISHED = "shutdown_finished" INFO
        ["duration_ms", "exit_code"]
        "Everything has stopped; the process exits.";
    ACTOR_RESTARTED = "actor_restarted" WARN
        ["actor", "cause", "reason", "backoff_ms"]
        "An actor was restarted after a panic or an unexpected stop; its queued messages are kept.";
    ACTOR_DOOMED = "actor_doomed" ERROR
        ["actor", "reason"]
        "An actor was restarted too often; the service shuts down with exit code 70.";
    ACTOR_DROP_PANICKED = "actor_drop_panicked" ERROR
        ["reason"]
        "An actor panicked while it was being dropped; the rest of the service keeps running.";
    ATTEMPT_ABANDONED = "attempt_abandoned" WARN
        ["slot", "age_ms"]
        "An attempt exceeded its deadline and did not stop; its slot continues with a new thread.";
    ATTEMPT_PANICKED = "attempt_panicked" ERROR
        ["slot", "format", "reason", "location", "lines_left_out"]
        "Processing a picture panicked; its slot continues.";
    JOB_CREATED = "job_created" INFO
        ["request_id", "job_id", "kind", "priority", "images"]
        "A job was stored durably; its 202 is being sent.";
    JOB_COMPLETED = "job_completed" INFO
        ["request_id", "job_id", "status", "results", "failed", "duration_ms"]
        "A job ended; `duration_ms` counts from the start of its first picture.";
    PICTURE_SETTLED = "picture_settled" INFO
        ["request_id", "job_id", "picture", "attempt", "outcome", "error_code", "cause", "duration_ms"]
        "A picture of a job, counted from 0, succeeded (`ok`) or `failed`; `duration_ms` counts from when it was claimed.";
    PICTURE_SETTLED_FAULT = "picture_settled" ERROR
        ["request_id", "job_id", "picture", "attempt", "outcome", "error_code", "cause", "duration_ms"]
        "A picture of a job failed because of an internal fault, or because processes crashed while processing it.";
    BLOBS_LEFT = "blobs_left" WARN
        ["job_id", "cause"]
        "Blobs of a job that was not created could not be deleted; the Janitor will delete them.";
    DISPATCH_PAUSED = "dispatch_paused" WARN
        ["pause_ms", "job_id", "cause"]
        "The store, the blobs or the workers were unavailable, so pictures wait. `job_id` is the job whose picture hit the problem, if any.";
    SETTLE_DELAYED = "settle_delayed" WARN
        ["job_id", "cause"]
        "A picture's outcome could not be stored; this is retried until its lease expires.";
    PICTURE_DEFERRED = "picture_deferred" WARN
        ["request_id", "job_id", "picture", "attempt", "failures", "retry_in_ms", "cause", "lines_left_out"]
        "An attempt failed through no fault of the picture, or found no capacity; the picture is retried later.";
    CLAIMS_ORPHANED = "claims_orphaned" WARN
        ["pictures"]
        "The store had assigned pictures to this process that it did not know about; they are back in the queue.";
    FIGURES_CORRECTED = "figures_corrected" INFO
        ["by", "callers"]
        "A full count differed from the stored counters or from what `callers` callers use; both are now corrected. This is expected while processes of two versions run.";
    CLOCK_JUMPED = "clock_jumped" WARN
        ["jump_s", "wait_s"]
        "The clock has jumped. With `wait_s`, it jumped since the last sweep, or the service was not running; nothing expires for that long. Without it, the new time is ignored until the next start.";
    BLOBS_NOT_REMOVED = "blobs_not_removed" WARN
        ["job_id", "retry_in_ms", "cause"]
        "A job's blobs could not be deleted; they are skipped and retried later.";
    LEASES_EXPIRED = "leases_expired" WARN
        ["returned", "given_up"]
        "A process crashed while processing pictures, or lost its connection. The pictures are retried alone, or failed after too many crashes.";
    PICTURES_GIVEN_BACK = "pictures_given_back" INFO
        ["pictures", "ok"]
        "The service is stopping; pictures in progress went back into the queue, and no attempt was counted.";
    WEBHOOK_DELIVERED = "webhook_delivered" INFO
        ["request_id", "job_id", "delivery_id", "host", "attempt", "status_code", "duration_ms", "age_ms"]
        "A webhook was delivered to its receiver; `age_ms` counts from the job's end.";
    WEBHOOK_FAILED = "webhook_failed" WARN
        ["request_id", "job_id", "delivery_id", "host", "attempt", "status_code", "duration_ms", "reason", "retry_in_ms", "lines_left_out"]
        "A delivery attempt failed; without `retry_in_ms` it was the last one.";
    WEBHOOK_DEAD_LETTER = "webhook_dead_letter" WARN
        ["request_id", "job_id", "delivery_id", "host", "attempt", "reason"]
        "A webhook became a dead letter; an operator can redeliver it.";
    DELIVERY_PAUSED = "delivery_paused" WARN
        ["pause_ms", "cause"]
        "The webhooks that are due could not be read from the store.";
    DELIVERY_UNWRITTEN = "delivery_unwritten" WARN
        ["delivery_id", "cause"]
        "The outcome of a delivery attempt could not be stored; the webhook is sent once more, with the same id.";
    OUTBOUND_BLOCKED = "outbound_blocked" INFO
        ["request_id", "job_id", "host", "reason", "lines_left_out"]
        "The outbound guard blocked a URL; its sender does not learn the reason.";
    COLLECTION_DELAYED = "collection_delayed" WARN
        ["cause"]
        "The Janitor could not finish a sweep; it tries again at the next one.";
    STAGES_TIMED = "stages_timed" DEBUG
        ["format", "decode_ms", "palette_ms", "subject_ms", "layout_ms", "card_ms", "encode_ms"]
        "Durations of a picture's processing stages.";
}

/// Logs an event of the table: `log!(ACTOR_RESTARTED, actor, cause = "panic", restarts = 3)`.
///
/// The fields are those of `tracing::event!`, with an optional constant message at the end. `None` is written as null.
#[macro_export]
macro_rules! log {
    ($event:ident $(, $($rest:tt)*)?) => {
        $crate::tracing::event!(
            $crate::events::$event.level,
            event = $crate::events::$event.name,
            $($($rest)*)?
        )
    };
}
