//! The one table of log events: name, level, fields. A unit is in the field's name.
//!
//! Written with [`log!`](crate::log), which takes name and level from here. The README shows the same table, and
//! a test holds the two to each other. One name may have several rows, one a level.

use tracing::Level;

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct LogEvent {
    /// What operators search for.
    pub name: &'static str,
    /// How loud it is: `error` only where somebody must act.
    pub level: Level,
    /// The fields beside `ts`, `level`, `event` and those of the span (`request_id`).
    pub fields: &'static [&'static str],
    /// When it is written.
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

        /// Every row with its constant's name, in the README's order.
        pub const NAMED: &[(&str, LogEvent)] = &[$((stringify!($constant), $constant)),*];
    };
}

events! {
    HTTP_REQUEST = "http_request" INFO
        ["request_id", "endpoint", "method", "status_code", "duration_ms", "success", "error_code", "bytes_in", "bytes_out"]
        "A response was finished, or its client went away.";
    HTTP_ERROR = "http_error" INFO
        ["request_id", "endpoint", "status_code", "error_code", "cause"]
        "A client's mistake was answered.";
    HTTP_ERROR_BUSY = "http_error" WARN
        ["request_id", "endpoint", "status_code", "error_code", "cause"]
        "A request was refused for want of slots, memory or readiness.";
    HTTP_ERROR_FAULT = "http_error" ERROR
        ["request_id", "endpoint", "status_code", "error_code", "cause"]
        "A request failed through a fault of ours.";
    SECURITY_VIOLATION = "security_violation" ERROR
        ["request_id", "endpoint", "status_code", "error_code", "cause"]
        "A request tried to get around a guard.";
    ANSWER_BROKEN = "answer_broken" ERROR
        ["request_id", "endpoint", "status_code", "error_code", "cause"]
        "An answer broke off behind its head through a fault of ours; its client sees a cut connection.";
    ZIP_AMBIGUOUS = "zip_ambiguous" WARN
        ["request_id", "endpoint", "entries"]
        "A ZIP calls so many of its pictures otherwise where they lie than in its directory, whose names are used.";
    PANIC = "panic" ERROR
        ["message", "location", "thread"]
        "Code panicked; where it was contained, another event says what became of it.";
    SERVICE_STARTED = "service_started" INFO
        ["version", "address", "workers"]
        "The listener is bound and requests are answered.";
    READINESS_GAINED = "readiness_changed" INFO
        ["ready", "failing"]
        "/ready answers 200 from now on.";
    READINESS_LOST = "readiness_changed" WARN
        ["ready", "failing"]
        "/ready answers 503 from now on; `failing` names the dependencies.";
    LOG_FILTER_CHANGED = "log_filter_changed" INFO
        ["filter"]
        "SIGUSR1 or SIGUSR2 switched what is logged.";
    TRACE_EXPORT_FAILED = "trace_export_failed" WARN
        ["spans", "cause"]
        "The collector does not take traces; said once, until it does again.";
    TRACE_EXPORT_RESUMED = "trace_export_resumed" INFO
        ["lost"]
        "The collector takes traces again; `lost` counts the spans lost since the start.";
    SHUTDOWN_STARTED = "shutdown_started" INFO
        ["reason"]
        "A signal or an actor's end asked the service to stop; it drains.";
    SHUTDOWN_FINISHED = "shutdown_finished" INFO
        ["duration_ms", "exit_code"]
        "Everything has stopped; the process ends.";
    ACTOR_RESTARTED = "actor_restarted" WARN
        ["actor", "cause", "reason", "backoff_ms"]
        "An actor was restarted after a panic or an unwanted stop; its queue is kept.";
    ACTOR_DOOMED = "actor_doomed" ERROR
        ["actor", "reason"]
        "An actor was restarted too often; the service drains and ends with exit code 70.";
    ACTOR_DROP_PANICKED = "actor_drop_panicked" ERROR
        ["reason"]
        "An actor's own clean-up panicked; it is gone, the rest goes on.";
    ATTEMPT_ABANDONED = "attempt_abandoned" WARN
        ["slot", "age_ms"]
        "A picture's attempt passed its deadline and did not stop; its slot has a new thread.";
    ATTEMPT_PANICKED = "attempt_panicked" ERROR
        ["slot", "format", "reason"]
        "A picture made the code panic; its slot goes on.";
    JOB_CREATED = "job_created" INFO
        ["request_id", "job_id", "kind", "priority", "images"]
        "A job is durable; its 202 is on its way.";
    JOB_COMPLETED = "job_completed" INFO
        ["request_id", "job_id", "status", "results", "failed", "duration_ms"]
        "A job ended; `duration_ms` counts from its first picture.";
    PICTURE_SETTLED = "picture_settled" INFO
        ["request_id", "job_id", "picture", "attempt", "outcome", "error_code", "cause", "duration_ms"]
        "A picture of a job, counted from 0, is done (`ok`) or `failed`; `duration_ms` counts from when it was taken up.";
    PICTURE_SETTLED_FAULT = "picture_settled" ERROR
        ["request_id", "job_id", "picture", "attempt", "outcome", "error_code", "cause", "duration_ms"]
        "A picture of a job failed through a fault of ours, or because processes died over it.";
    BLOBS_LEFT = "blobs_left" WARN
        ["job_id", "cause"]
        "Blobs of a job that was not created could not be removed; the Janitor will.";
    DISPATCH_PAUSED = "dispatch_paused" WARN
        ["pause_ms", "job_id", "cause"]
        "Store, blobs or workers were not to be had; pictures wait. `job_id` is the job whose picture found it, if one did.";
    SETTLE_DELAYED = "settle_delayed" WARN
        ["job_id", "cause"]
        "A picture's end could not be written; it is tried again, or its lease runs out.";
    PICTURE_DEFERRED = "picture_deferred" WARN
        ["request_id", "job_id", "picture", "attempt", "failures", "retry_in_ms", "cause"]
        "An attempt at a picture failed by a fault that is not the picture's, or found no room; it waits by itself and is tried again.";
    CLAIMS_ORPHANED = "claims_orphaned" WARN
        ["pictures"]
        "The store held pictures for this process that it did not know of; they are back in the queue.";
    FIGURES_CORRECTED = "figures_corrected" INFO
        ["by"]
        "A count of everything differed from the figures, which are right again; expected while processes of two versions run.";
    CLOCK_JUMPED = "clock_jumped" WARN
        ["jump_s", "wait_s"]
        "The clock has jumped. With `wait_s`: since the last sweep, or the service was not running; nothing expires for so long. Without: it is not believed before the next start.";
    BLOBS_NOT_REMOVED = "blobs_not_removed" WARN
        ["job_id", "retry_in_ms", "cause"]
        "Blobs of a job could not be removed; they are passed over and tried again.";
    LEASES_EXPIRED = "leases_expired" WARN
        ["returned", "given_up"]
        "A process died over pictures, or was cut off; they are suspects now, or given up after too many deaths.";
    PICTURES_GIVEN_BACK = "pictures_given_back" INFO
        ["pictures", "ok"]
        "The service stops; pictures in flight wait for the next process, none counted as an attempt.";
    WEBHOOK_DELIVERED = "webhook_delivered" INFO
        ["request_id", "job_id", "delivery_id", "host", "attempt", "status_code", "duration_ms", "age_ms"]
        "A receiver took a job's end; `age_ms` counts from that end.";
    WEBHOOK_FAILED = "webhook_failed" WARN
        ["request_id", "job_id", "delivery_id", "host", "attempt", "status_code", "duration_ms", "reason", "retry_in_ms"]
        "A try failed; without `retry_in_ms` it was the last one.";
    WEBHOOK_DEAD_LETTER = "webhook_dead_letter" WARN
        ["request_id", "job_id", "delivery_id", "host", "attempt", "reason"]
        "A webhook was given up; an operator may have it sent anew.";
    DELIVERY_PAUSED = "delivery_paused" WARN
        ["pause_ms", "cause"]
        "The store could not be asked for webhooks that are due.";
    DELIVERY_UNWRITTEN = "delivery_unwritten" WARN
        ["delivery_id", "cause"]
        "What came of a webhook's try could not be written; it is sent once more, with the same id.";
    OUTBOUND_BLOCKED = "outbound_blocked" WARN
        ["request_id", "job_id", "host", "reason"]
        "The outbound guard let a URL not through; its sender is not told why.";
    COLLECTION_DELAYED = "collection_delayed" WARN
        ["cause"]
        "The Janitor could not finish a round; it tries again the next time.";
    STAGES_TIMED = "stages_timed" DEBUG
        ["format", "decode_ms", "palette_ms", "crop_ms", "card_ms", "encode_ms"]
        "How long the stages of a picture took.";
}

/// Writes a log event of the table: `log!(ACTOR_RESTARTED, actor, cause = "panic", restarts = 3)`.
///
/// Fields as in `tracing::event!`, a constant message text last where one helps. A `None` is written as null.
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
