//! Metric events: what actors and the HTTP edge report to the Metrics actor.
//!
//! Events are plain data and cheap to send. Labels are `&'static str` from closed sets, so no client's text can become a
//! time series. The receivers of failed webhooks are the exception: the registry shows only a few of them at a time.

mod labels;

use std::time::Duration;

pub use labels::{
    AUTH_REASONS, AspectClass, DOWNLOADS, EventLoop, POLICIES, PollResult, RequestFacts, WEBHOOK_REASONS,
};

/// Something that happened and is counted, timed or shown.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A response was sent completely, or its client disconnected.
    RequestFinished(RequestFacts),
    /// A response broke off after its headers because of an internal fault.
    AnswerBroken {
        /// The route template, or `unmatched`.
        endpoint: &'static str,
    },
    /// A client called a user route. The number is a hash of its address and does not reveal it.
    CallerSeen(u64),
    /// A picture was processed successfully for this endpoint.
    ImageProcessed {
        /// The route template.
        endpoint: &'static str,
    },
    /// An attempt at a picture ended.
    AttemptEnded {
        /// The format's name in lower case, or `unknown`.
        format: &'static str,
        /// `ok`, or the error code in lower case.
        outcome: &'static str,
    },
    /// A picture with this aspect ratio was processed successfully.
    PictureShaped(AspectClass),
    /// A processing stage of a picture ended.
    StageTimed {
        /// The stage's name in lower case.
        stage: &'static str,
        /// Wall-clock time.
        time: Duration,
    },
    /// The state of the worker slots.
    Slots {
        /// All slots.
        total: usize,
        /// Slots that are processing a picture.
        busy: usize,
        /// Pictures in the guest slot, 0 or 1.
        guests: usize,
        /// Abandoned attempts whose thread is still running.
        abandoned: usize,
    },
    /// The number of pictures that wait for a slot.
    QueueDepth(usize),
    /// A picture got a slot after waiting this long.
    QueueWaited(Duration),
    /// The state of the memory budget for pictures.
    Budget {
        /// Reserved bytes.
        used: u64,
        /// The budget's size in bytes.
        total: u64,
    },
    /// Bytes of admitted uploads whose requests are still in progress.
    UploadsInFlight(u64),
    /// An actor became available (`true`) or went down or into backoff (`false`).
    ActorUp {
        /// The actor's name in lower case.
        actor: &'static str,
        /// Whether it accepts messages.
        up: bool,
    },
    /// An actor was restarted after a panic (`panic`) or an unexpected stop (`stop`).
    ActorRestarted {
        /// The actor's name in lower case.
        actor: &'static str,
        /// `panic` or `stop`.
        cause: &'static str,
    },
    /// An actor handled a ping that had waited this long in its mailbox, or the ping timed out after this long.
    MailboxWaited {
        /// The actor's name in lower case.
        actor: &'static str,
        /// Time in the mailbox.
        time: Duration,
    },
    /// A timer of an event loop fired late.
    LoopLagged {
        /// The kind of event loop.
        kind: EventLoop,
        /// The delay.
        time: Duration,
    },
    /// A dependency that /ready reports was probed.
    DependencyChecked {
        /// The dependency's name in /ready.
        dependency: &'static str,
        /// Whether it is healthy.
        ok: bool,
    },
    /// A job was accepted.
    JobCreated {
        /// The job's type: `zip_batch`, `url_batch` or `image_batch`.
        kind: &'static str,
    },
    /// The first picture of a job was started.
    JobStarted {
        /// The time since the job's creation.
        waited: Duration,
    },
    /// A job ended.
    JobEnded {
        /// `completed`, `failed` or `canceled`.
        status: &'static str,
        /// The time from the start of its first picture to its end.
        processing: Duration,
        /// The error code, if no picture of the job has a result.
        error_code: Option<&'static str>,
    },
    /// The number of jobs in the store.
    Jobs {
        /// Jobs by state: queued, processing, completed, failed, canceled, expired.
        by_state: [u64; 6],
        /// Pictures that wait to be processed.
        queued_items: u64,
        /// The age of the oldest queued job.
        oldest_queued: Option<Duration>,
    },
    /// Leases expired.
    LeasesExpired {
        /// Pictures that went back into the queue.
        returned: u64,
        /// Pictures that failed because they had reached the crash limit.
        given_up: u64,
    },
    /// An attempt lost its lease to another process before it ended; its result was discarded.
    StaleCompletion,
    /// Pictures that the store had assigned to this process without the process knowing; they went back into the queue.
    ClaimsOrphaned(u64),
    /// An attempt failed for a reason that is not the picture's fault; it is retried later.
    PictureDeferred,
    /// The number of jobs in processing that make no progress, although none of their pictures waits in the queue.
    JobsStalled(u64),
    /// The number of pauses in force: one for the whole queue, or one for each paused job type.
    QueuePaused(u64),
    /// The number of live processes that share the store.
    Processes(u64),
    /// A job's blobs could not be deleted; the deletion is retried later.
    BlobsNotRemoved,
    /// The Janitor deleted expired data.
    Collected {
        /// `jobs`, `results`, `keys`, `nonces`, `blobs` or `orphans`.
        kind: &'static str,
        /// The number of deleted objects.
        count: u64,
    },
    /// The total size of all jobs' blobs, as the store counts it.
    BlobBytes(u64),
    /// A store operation ended.
    StoreCalled {
        /// The operation's name.
        operation: &'static str,
        /// Whether it succeeded.
        ok: bool,
        /// How long it took.
        time: Duration,
    },
    /// Free bytes on the data directory's disk.
    DiskFree(u64),
    /// The memory that /ready checks: of the control group with the tightest limit, or of the machine.
    Memory {
        /// Used bytes that cannot be reclaimed immediately.
        used: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Whether /ready answers 200 from now on.
    Ready(bool),
    /// The size of the spool for uploads and responses.
    Spool {
        /// Bytes in memory.
        memory: u64,
        /// Bytes in temporary files.
        disk: u64,
    },
    /// Authentication of a caller failed.
    AuthFailed {
        /// One of [`AUTH_REASONS`].
        reason: &'static str,
    },
    /// A request was refused because its caller has reached a limit of its own.
    RateLimited {
        /// One of [`POLICIES`].
        policy: &'static str,
    },
    /// Log lines of a request were left out because its caller sent too many requests.
    LogLinesSampled(u64),
    /// An idempotency key was reused with a different request.
    IdempotencyConflict,
    /// A client polled a job's status.
    StatusPolled(PollResult),
    /// A response was sent with a `Retry-After` header.
    RetryAfterSent {
        /// The header's value in seconds.
        seconds: u64,
    },
    /// Results of a completed job were downloaded for the first time.
    JobFetched,
    /// A download of a job's results started.
    ResultsDownloaded {
        /// One of [`DOWNLOADS`].
        kind: &'static str,
    },
    /// The outbound guard blocked a request.
    OutboundBlocked {
        /// The guard's reason.
        reason: &'static str,
    },
    /// A download of a picture from a URL ended.
    Downloaded {
        /// `ok`, or the error code in lower case.
        outcome: &'static str,
        /// How long it took.
        time: Duration,
    },
    /// An attempt to deliver a webhook ended.
    WebhookTried {
        /// Whether this is a retry. The first attempt after a redelivery is not.
        again: bool,
        /// One of [`WEBHOOK_REASONS`], if the attempt failed.
        reason: Option<&'static str>,
        /// How long it took.
        time: Duration,
    },
    /// An attempt to deliver a webhook failed at this receiver: scheme, host and port of its URL.
    ReceiverFailed(Box<str>),
    /// A webhook became a dead letter after its last attempt failed.
    DeadLetter,
    /// The number of webhooks in the outbox.
    Outbox {
        /// Webhooks that wait for their next attempt.
        pending: u64,
        /// Dead letters.
        dead: u64,
    },
}
