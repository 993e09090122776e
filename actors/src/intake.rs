//! Intake: decides whether to accept an upload before its body is read, and makes received jobs durable.
//!
//! HTTP sends [`Admit`] and holds the [`Admission`] for as long as it holds the upload's bytes; dropping it
//! releases them, on any thread. Uploads are refused at the end of a drain, while the disk is almost full, and while
//! their caller has its share of the uploads or bytes in flight. The places outlive the actor, so a restart loses none.
//!
//! HTTP submits a received job with [`Submit`]: Intake makes it durable and wakes the Dispatcher.

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, ResponseFuture, Supervised,
};
use huemill_observability::Event;
use huemill_observability::trace::Scope;
use huemill_store::Caller;
use huemill_store::store::Created;
use tokio::runtime::Handle;

use crate::blob_quota::FreeDisk;
use crate::dispatcher::{self, Dispatcher};
use crate::fault::{Code, Fault, mebibytes};
use crate::probe::DiskProbe;
use crate::reached_limit::Unit;
use crate::share::{Place, Places};
use crate::submission::{JobWriter, Submission};
use crate::supervise::{DrainFlag, answer_pings};
use crate::telemetry::{Recorder, traced};

/// How often the free disk space is measured.
const DISK_INTERVAL: Duration = Duration::from_secs(1);

/// Asks whether an upload may be received.
#[derive(Debug, Clone, Copy)]
pub struct Admit {
    /// Who sends the upload.
    pub caller: Caller,
    /// The body's length, if the request declares one.
    pub declared: Option<u64>,
    /// The longest body that this route accepts; a body of unknown length counts as this long.
    pub limit: u64,
    /// How many uploads the caller may have at a time, if its key says so; 0 is no limit.
    pub most: Option<u64>,
    /// Whether the upload becomes a job, which stays on the disk.
    pub job: bool,
}

impl Message for Admit {
    type Result = Result<Admission, Fault>;
}

/// Submits a received job, with the trace of its request. The answer comes once the job is durable or known to exist.
#[derive(Debug)]
pub struct Submit(pub Submission, pub Scope);

impl Message for Submit {
    type Result = Result<Created, Fault>;
}

/// Limits for uploads in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntakeSettings {
    /// Maximum number of uploads that are received or processed at a time.
    pub uploads: usize,
    /// Maximum number of bytes of all of them together.
    pub bytes: u64,
    /// Bytes that must be free on the disk of the temporary files.
    pub disk_low: u64,
    /// Bytes that must be free there for new jobs: more than readiness requires.
    pub jobs_disk_low: u64,
}

impl Default for IntakeSettings {
    /// 512 uploads, 4 GB in total, 500 MB of free disk, 2 GB for jobs.
    fn default() -> Self {
        Self { uploads: 512, bytes: 4_000_000_000, disk_low: 500_000_000, jobs_disk_low: 2_000_000_000 }
    }
}

/// Bytes that an admission reserves at a time as they arrive.
const STEP: u64 = 256 << 10;

/// The right to hold an upload's bytes, for as long as this lives.
#[derive(Debug)]
#[must_use = "the admission ends as soon as this is dropped"]
pub struct Admission {
    _upload: Place,
    bytes: Place,
    recorder: Recorder,
}

impl Admission {
    /// Reserves bytes for a body of which this much has arrived. They are reserved as they come, so that nobody holds
    /// bytes that he only announced.
    ///
    /// # Errors
    /// The caller's share of all bytes in flight is used, or all of them are.
    pub fn received(&mut self, bytes: u64) -> Result<(), Fault> {
        let missing = bytes.saturating_sub(self.bytes.amount());
        if missing == 0 {
            return Ok(());
        }
        // The step makes the lock rare; close to the limit every byte counts.
        let grown = self.bytes.grow(missing.max(STEP)).or_else(|_| self.bytes.grow(missing));
        grown.map_err(|none| {
            none.into_fault("uploads", "bytes of uploads", Unit::Bytes, "too many bytes in flight")
        })?;
        self.bytes.record(&self.recorder);
        Ok(())
    }

    /// Sets the final length of what is held.
    ///
    /// # Errors
    /// As [`Admission::received`].
    pub fn settle(&mut self, bytes: u64) -> Result<(), Fault> {
        self.received(bytes)?;
        self.bytes.shrink_to(bytes);
        self.bytes.record(&self.recorder);
        Ok(())
    }
}

/// Records the bytes in flight.
trait Recorded {
    fn record(&self, recorder: &Recorder);
}

impl Recorded for Place {
    fn record(&self, recorder: &Recorder) {
        recorder.record(Event::UploadsInFlight(self.places().taken()));
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.bytes.shrink_to(0);
        self.bytes.record(&self.recorder);
    }
}

/// The actor that admits uploads and takes jobs.
pub struct Intake {
    settings: IntakeSettings,
    uploads: Places,
    bytes: Places,
    drain: DrainFlag,
    disk: DiskProbe,
    io: Handle,
    /// The last measured free bytes of the disk, which others read too.
    free: FreeDisk,
    is_measuring: bool,
    recorder: Recorder,
    /// Makes jobs durable, and the actor to wake then. Without it uploads are admitted, but no jobs.
    jobs: Option<(JobWriter, Addr<Dispatcher>)>,
}

impl Intake {
    /// An intake with nothing in flight. `disk` is called on `io`, since a disk can hang.
    #[must_use]
    pub fn new(
        settings: IntakeSettings,
        drain: DrainFlag,
        disk: DiskProbe,
        io: Handle,
        recorder: Recorder,
    ) -> Self {
        Self {
            uploads: Places::new(settings.uploads as u64),
            bytes: Places::new(settings.bytes),
            settings,
            drain,
            disk,
            io,
            free: FreeDisk::default(),
            is_measuring: false,
            recorder,
            jobs: None,
        }
    }

    /// Makes this intake take jobs too.
    #[must_use]
    pub(crate) fn with_job_writer(mut self, job_writer: JobWriter, dispatcher: Addr<Dispatcher>) -> Self {
        self.free = job_writer.free.clone();
        self.jobs = Some((job_writer, dispatcher));
        self
    }

    /// Measures the free disk space in the background. The last result holds until then. If measuring fails,
    /// uploads are admitted: writing will report the error, and so does /ready.
    fn measure_disk(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.is_measuring, true) {
            return;
        }
        let disk = Arc::clone(&self.disk);
        let measurement = self.io.spawn_blocking(move || disk());
        ctx.spawn(wrap_future(measurement).map(|free, intake: &mut Self, _| {
            intake.is_measuring = false;
            intake.free.set(free.ok().and_then(Result::ok));
        }));
    }

    fn admit(&self, admit: Admit) -> Result<Admission, Fault> {
        if self.drain.refuses_uploads() {
            return Err(Fault::new(Code::NotReady).with_cause("draining"));
        }
        if admit.declared.is_some_and(|bytes| bytes > admit.limit) {
            return Err(too_large(admit.limit));
        }
        let low = if admit.job { self.settings.jobs_disk_low } else { self.settings.disk_low };
        if self.free.get().is_some_and(|free| free < low) {
            return Err(disk_low());
        }
        let upload = self.uploads.try_take_within(admit.caller, 1, admit.most);
        let upload = upload.map_err(|none| {
            none.into_fault("uploads", "uploads", Unit::ConcurrentRequests, "too many uploads in flight")
        })?;
        let bytes = self.bytes.try_take(admit.caller, 0);
        let bytes = bytes.map_err(|none| {
            none.into_fault("uploads", "bytes of uploads", Unit::Bytes, "too many bytes in flight")
        })?;
        Ok(Admission { _upload: upload, bytes, recorder: self.recorder.clone() })
    }
}

/// The error for a body that is longer than its route accepts.
fn too_large(limit: u64) -> Fault {
    Fault::new(Code::PayloadTooLarge)
        .with_message(format!("This is larger than {}. Send something smaller.", mebibytes(limit)))
}

impl Actor for Intake {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.is_measuring = false;
        self.measure_disk(ctx);
        ctx.run_interval(DISK_INTERVAL, Self::measure_disk);
    }
}

impl Supervised for Intake {}

impl Handler<Admit> for Intake {
    type Result = Result<Admission, Fault>;

    fn handle(&mut self, admit: Admit, _: &mut Self::Context) -> Self::Result {
        self.admit(admit)
    }
}

impl Handler<Submit> for Intake {
    type Result = ResponseFuture<Result<Created, Fault>>;

    fn handle(&mut self, Submit(submission, scope): Submit, _: &mut Self::Context) -> Self::Result {
        let Some((job_writer, dispatcher)) = self.jobs.clone() else {
            return Box::pin(std::future::ready(Err(Fault::new(Code::NotReady).with_cause("no store"))));
        };
        Box::pin(scope.run(async move {
            let created = traced("submit", job_writer.accept(submission)).await?;
            if let Created::New(_) = created {
                dispatcher.do_send(dispatcher::WorkAvailable);
            }
            Ok(created)
        }))
    }
}

answer_pings!(Intake);

/// The disk has no room for uploads, which takes longer to change than a busy moment.
fn disk_low() -> Fault {
    let detail =
        "The disk of the service is almost full. Send the request again once its operator has made room.";
    let mut fault = Fault::new(Code::Overloaded).with_detail(detail).with_cause("the disk is low");
    fault.retry_after = Some(Duration::from_secs(30));
    fault
}
