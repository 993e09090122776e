//! What happened, in numbers: the one vocabulary in which every actor and the edge tell the Metrics actor.
//!
//! Plain data and cheap to send. Labels are `&'static str` out of closed sets, so that no stranger's text can
//! become a time series.

mod words;

use std::time::Duration;

pub use words::{AUTH_REASONS, Aspect, DOWNLOADS, EventLoop, Poll, RequestFacts, WEBHOOK_REASONS};

/// One thing that happened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A response was written to its end, or its client went away.
    RequestFinished(RequestFacts),
    /// An answer broke off behind its head through a fault of ours.
    AnswerBroken {
        /// Route template, or `unmatched`.
        endpoint: &'static str,
    },
    /// Somebody called a users' route: a number that stands for the caller's address and tells nothing of it.
    CallerSeen(u64),
    /// A picture was turned into a result on behalf of this endpoint.
    ImageProcessed {
        /// Route template.
        endpoint: &'static str,
    },
    /// An attempt at a picture ended: its format (`unknown` where it could not be told) and how it went
    /// (`ok`, or the error code in lower case).
    AttemptEnded {
        /// Lower-case format name.
        format: &'static str,
        /// `ok` or a lower-case error code.
        outcome: &'static str,
    },
    /// A picture of this form was turned into a result.
    PictureShaped(Aspect),
    /// One stage of one picture took this long.
    StageTimed {
        /// Lower-case stage name.
        stage: &'static str,
        /// Wall-clock time.
        time: Duration,
    },
    /// How many slots there are and how many are at work.
    Slots {
        /// Slots in all.
        total: usize,
        /// Slots with an attempt on them.
        busy: usize,
        /// Attempts that were given up while their thread still runs.
        abandoned: usize,
    },
    /// How many pictures wait for a slot.
    QueueDepth(usize),
    /// How long a picture waited for its slot.
    QueueWaited(Duration),
    /// Bytes of the memory budget: reserved now, and in all.
    Budget {
        /// Bytes reserved.
        used: u64,
        /// Bytes in all.
        total: u64,
    },
    /// Bytes of admitted uploads whose request has not ended.
    UploadsInFlight(u64),
    /// An actor is up (`true`) or backing off (`false`).
    ActorUp {
        /// The actor's noun, lower case.
        actor: &'static str,
        /// Whether it takes messages.
        up: bool,
    },
    /// An actor was restarted after a panic (`panic`) or an unwanted stop (`stop`).
    ActorRestarted {
        /// The actor's noun, lower case.
        actor: &'static str,
        /// `panic` or `stop`.
        cause: &'static str,
    },
    /// An actor took a ping that had waited this long in its mailbox, or has not taken it after this long.
    MailboxWaited {
        /// The actor's noun, lower case.
        actor: &'static str,
        /// Time in the mailbox.
        time: Duration,
    },
    /// An event loop came to a timer so long after it was due.
    LoopLagged {
        /// Of which kind it is.
        kind: EventLoop,
        /// The delay.
        time: Duration,
    },
    /// A dependency of /ready was probed.
    DependencyChecked {
        /// The name in /ready.
        dependency: &'static str,
        /// Whether it is well.
        ok: bool,
    },
    /// A job was accepted.
    JobCreated {
        /// What it was made of: `zip_batch`, `url_batch` or `image_batch`.
        kind: &'static str,
    },
    /// The first picture of a job was begun.
    JobStarted {
        /// From its creation until now.
        waited: Duration,
    },
    /// A job ended.
    JobEnded {
        /// `completed`, `failed` or `canceled`.
        status: &'static str,
        /// From its first picture to its end.
        processing: Duration,
        /// Where no picture of it has a result: the code.
        error_code: Option<&'static str>,
    },
    /// The jobs in the store.
    Jobs {
        /// How many, by state: queued, processing, completed, failed, canceled, expired.
        by_state: [u64; 6],
        /// Pictures that wait.
        queued_items: u64,
        /// Age of the oldest job that waits.
        oldest_queued: Option<Duration>,
    },
    /// Leases that ran out.
    LeasesExpired {
        /// Pictures back in the queue.
        returned: u64,
        /// Pictures given up.
        given_up: u64,
    },
    /// A picture's lease was another's when it was done, or while it was at work: nothing was changed.
    StaleCompletion,
    /// Pictures that the store held for this process, which did not know of them: back in the queue.
    ClaimsOrphaned(u64),
    /// An attempt at a picture failed by a fault that is not the picture's; it is tried again later.
    PictureDeferred,
    /// Jobs of which no picture has been settled for long, although none waits for its turn.
    JobsStalled(u64),
    /// Kinds of job that an operator has paused; all of them count as one.
    QueuePaused(u64),
    /// Processes that share the store and live.
    Processes(u64),
    /// Blobs of a job could not be removed; it is tried again later.
    BlobsNotRemoved,
    /// The Janitor removed something.
    Collected {
        /// `jobs`, `results`, `keys`, `nonces`, `blobs` or `orphans`.
        kind: &'static str,
        /// How many.
        count: u64,
    },
    /// Bytes of the blobs of all jobs, as the store counts them.
    BlobBytes(u64),
    /// The store was called.
    StoreCalled {
        /// The operation.
        operation: &'static str,
        /// Whether it did what it was asked.
        ok: bool,
        /// How long it took.
        time: Duration,
    },
    /// Bytes that are free where the data lies.
    DiskFree(u64),
    /// The memory that counts for /ready: of the control group whose limit is the nearest, or of the machine.
    Memory {
        /// Bytes in use that cannot be taken back at once.
        used: u64,
        /// Bytes in all.
        limit: u64,
    },
    /// What /ready answers from now on.
    Ready(bool),
    /// Bytes that the spool holds.
    Spool {
        /// Bytes in memory.
        memory: u64,
        /// Bytes in temporary files.
        disk: u64,
    },
    /// A caller could not prove who it is.
    AuthFailed {
        /// One of [`AUTH_REASONS`].
        reason: &'static str,
    },
    /// An idempotency key came again with another request.
    IdempotencyConflict,
    /// A job's status was asked for.
    StatusPolled(Poll),
    /// An answer told its client when to ask again.
    RetryAfterTold {
        /// Seconds.
        seconds: u64,
    },
    /// Results of a completed job were fetched for the first time.
    JobFetched,
    /// The download of a job's results began.
    ResultsDownloaded {
        /// One of [`DOWNLOADS`].
        kind: &'static str,
    },
    /// The outbound guard let something not through.
    OutboundBlocked {
        /// The guard's word for it.
        reason: &'static str,
    },
    /// A download for somebody ended.
    Downloaded {
        /// `ok`, or the error code in lower case.
        outcome: &'static str,
        /// How long it took.
        time: Duration,
    },
    /// A webhook was tried.
    WebhookTried {
        /// Whether it had been tried before, since it was created or sent anew.
        again: bool,
        /// One of [`WEBHOOK_REASONS`], where the try failed.
        reason: Option<&'static str>,
        /// How long it took.
        time: Duration,
    },
    /// A webhook was given up.
    DeadLetter,
    /// The webhooks in the outbox.
    Outbox {
        /// Those that wait.
        pending: u64,
        /// Those that were given up.
        dead: u64,
    },
}
