//! Intake: whether an upload is let in, decided before its body is read.
//!
//! HTTP asks with [`Admit`] and holds the [`Admission`] for as long as it holds the upload's bytes; it lets go
//! on drop, on any thread. Refused are uploads while the service drains, while too many others or too many bytes
//! are in flight, and while the disk is low. The counts outlive the actor, so a restart forgets nobody.
//!
//! A received job is handed in with [`Submit`]: Intake has it made durable and wakes the Dispatcher.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, ResponseFuture, Supervised,
};
use huemill_observability::Event;
use huemill_observability::trace::Scope;
use huemill_store::store::Created;
use tokio::runtime::Handle;

use crate::dispatcher::{self, Dispatcher};
use crate::fault::{Code, Fault};
use crate::health::DiskProbe;
use crate::metrics::Recorder;
use crate::submission::{JobWriter, Submission};
use crate::supervise::{Ping, Pong};
use crate::traced::traced;

/// How often the disk is looked at.
const DISK_INTERVAL: Duration = Duration::from_secs(1);

/// Asks whether an upload may be read.
#[derive(Debug, Clone, Copy)]
pub struct Admit {
    /// The body's length, where the request declares one.
    pub declared: Option<u64>,
    /// The most bytes that this route reads; a body of unknown length counts as this long.
    pub limit: u64,
    /// Whether it is to become a job, which stays on the disk.
    pub job: bool,
}

impl Message for Admit {
    type Result = Result<Admission, Fault>;
}

/// Hands in a received job, and the trace of its request; answered when it is durable, or known to be there
/// already.
#[derive(Debug)]
pub struct Submit(pub Submission, pub Scope);

impl Message for Submit {
    type Result = Result<Created, Fault>;
}

/// The drain's flag: once it is up, nothing new is let in and /ready says so. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct DrainFlag(Arc<AtomicBool>);

impl DrainFlag {
    /// Puts the flag up, for good.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it is up.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// How much may be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntakeSettings {
    /// Uploads that are received or worked on at a time.
    pub uploads: usize,
    /// Bytes of all of them together.
    pub bytes: u64,
    /// Bytes that must be free on the disk of the temporary files.
    pub disk_low: u64,
    /// Bytes that must be free there for new jobs: more than readiness asks for.
    pub jobs_disk_low: u64,
}

impl Default for IntakeSettings {
    /// 512 uploads, 4 GB together, 500 MB of free disk, 2 GB for jobs.
    fn default() -> Self {
        Self { uploads: 512, bytes: 4_000_000_000, disk_low: 500_000_000, jobs_disk_low: 2_000_000_000 }
    }
}

/// What is in flight, of all admissions.
#[derive(Debug, Default)]
struct Flow {
    uploads: AtomicUsize,
    bytes: AtomicU64,
}

/// The right to hold an upload's bytes, for as long as this lives.
#[derive(Debug)]
#[must_use = "the admission ends as soon as this is dropped"]
pub struct Admission {
    bytes: u64,
    flow: Arc<Flow>,
    recorder: Recorder,
}

impl Admission {
    /// The body turned out to be this long: what was held beyond is free for others.
    pub fn settle(&mut self, bytes: u64) {
        let beyond = self.bytes.saturating_sub(bytes);
        self.bytes -= beyond;
        self.let_go(beyond);
    }

    fn let_go(&self, bytes: u64) {
        let before = self.flow.bytes.fetch_sub(bytes, Ordering::AcqRel);
        self.recorder.record(Event::UploadsInFlight(before - bytes));
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.flow.uploads.fetch_sub(1, Ordering::AcqRel);
        self.let_go(self.bytes);
    }
}

/// The actor.
pub struct Intake {
    settings: IntakeSettings,
    flow: Arc<Flow>,
    drain: DrainFlag,
    disk: DiskProbe,
    io: Handle,
    free: Option<u64>,
    looking: bool,
    recorder: Recorder,
    /// Where jobs become durable, and who is told. Without it uploads are let in, and no jobs.
    office: Option<(JobWriter, Addr<Dispatcher>)>,
}

impl Intake {
    /// An intake with nothing in flight. `disk` is asked on `io`, since a disk can hang.
    #[must_use]
    pub fn new(
        settings: IntakeSettings,
        drain: DrainFlag,
        disk: DiskProbe,
        io: Handle,
        recorder: Recorder,
    ) -> Self {
        Self {
            settings,
            flow: Arc::default(),
            drain,
            disk,
            io,
            free: None,
            looking: false,
            recorder,
            office: None,
        }
    }

    /// The same intake, which takes jobs too.
    #[must_use]
    pub(crate) fn with_job_writer(mut self, job_writer: JobWriter, dispatcher: Addr<Dispatcher>) -> Self {
        self.office = Some((job_writer, dispatcher));
        self
    }

    /// Looks at the disk in the background. Until it has answered, the last answer holds; one that cannot tell
    /// refuses nobody, since writing will tell, and /ready does.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.looking, true) {
            return;
        }
        let disk = Arc::clone(&self.disk);
        let look = self.io.spawn_blocking(move || disk());
        ctx.spawn(wrap_future(look).map(|free, intake: &mut Self, _| {
            intake.looking = false;
            intake.free = free.ok().and_then(Result::ok);
        }));
    }

    fn admit(&self, admit: Admit) -> Result<Admission, Fault> {
        let bytes = admit.declared.unwrap_or(admit.limit);
        let refused = |cause: &str| Err(Fault::new(Code::Overloaded).with_cause(cause));
        if self.drain.has_begun() {
            return Err(Fault::new(Code::NotReady).with_cause("draining"));
        }
        if bytes > admit.limit {
            return Err(too_large(admit.limit));
        }
        let low = if admit.job { self.settings.jobs_disk_low } else { self.settings.disk_low };
        if self.free.is_some_and(|free| free < low) {
            return refused("the disk is low");
        }
        if self.flow.uploads.load(Ordering::Acquire) >= self.settings.uploads {
            return refused("too many uploads in flight");
        }
        let in_flight = self.flow.bytes.load(Ordering::Acquire);
        if in_flight.saturating_add(bytes) > self.settings.bytes {
            return refused("too many bytes in flight");
        }
        // Only this actor adds, so what was checked still holds.
        self.flow.uploads.fetch_add(1, Ordering::AcqRel);
        let before = self.flow.bytes.fetch_add(bytes, Ordering::AcqRel);
        self.recorder.record(Event::UploadsInFlight(before + bytes));
        Ok(Admission { bytes, flow: Arc::clone(&self.flow), recorder: self.recorder.clone() })
    }
}

/// A body that is longer than its route takes.
fn too_large(limit: u64) -> Fault {
    Fault::new(Code::PayloadTooLarge)
        .with_message(format!("This is larger than {} MB. Send something smaller.", limit / 1_000_000))
}

impl Actor for Intake {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.looking = false;
        self.look(ctx);
        ctx.run_interval(DISK_INTERVAL, Self::look);
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
        let Some((job_writer, dispatcher)) = self.office.clone() else {
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

impl Handler<Ping> for Intake {
    type Result = Pong;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Pong {
        Pong::now()
    }
}
