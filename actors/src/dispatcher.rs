//! The Dispatcher: pictures of jobs from the store to the workers and their results back.
//!
//! It claims as many as there are free slots, has each worked on, stores its card, settles it; the store says
//! which job is next. A wake (a new job) is a hint: what it misses is found when a picture ends, or by the poll
//! where other processes write too. Idle on a store of its own it asks nothing at all.
//!
//! A picture that was in flight when a process died is a suspect: one of them is tried at a time, beside others that are
//! none; one in whose company a process died again is tried with nothing beside it. Leases are kept by a heartbeat on
//! the io runtime, which nothing here can stall. Where store or blobs are away for all, pictures are given back and
//! claims pause. If the actor itself fails, it gives back all that it held and begins anew; what is lost on that way is
//! found by the heartbeat.

mod attempt;
mod blob_check;
mod card;
mod claimed_items;
mod claiming;
mod judgement;
mod lease_heartbeat;
mod settings;
mod suspects;

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseFuture, SpawnHandle,
    StreamHandler, Supervised,
};
use futures_util::stream::poll_fn;
use huemill_observability::trace::Scope;
use huemill_observability::{Event, log};
use huemill_store::job::{ItemSource, JobId};
use huemill_store::store::{Claim, Lease, Selection, StoreError};
use tokio::sync::mpsc;

pub use blob_check::BlobCheck;
pub use settings::{DispatcherSettings, Tools};

use crate::clock::Instant;
use crate::observed::{Observation, Pause};
use crate::supervise::{Heard, Ping};
use attempt::{Finish, attempt};
use claimed_items::ClaimedItems;
use claiming::Claiming;
use lease_heartbeat::{LeaseEvent, LeaseHeartbeat};
use suspects::Suspects;

/// There may be work: a job was created, or items came back.
#[derive(Debug, Clone, Copy)]
pub struct Wake;

impl Message for Wake {
    type Result = ();
}

/// A job was canceled or deleted: its pictures need not go on. A hint; whoever misses it settles in vain.
#[derive(Debug, Clone)]
pub struct CancelJob(pub JobId);

impl Message for CancelJob {
    type Result = ();
}

/// Sent when the service drains, so that nothing more is claimed: waits for the pictures in flight until then, and gives
/// back the rest.
#[derive(Debug, Clone, Copy)]
pub struct Rest {
    /// Until when.
    pub until: Instant,
}

impl Message for Rest {
    type Result = ();
}

/// The first wait after a failure, and the longest. It grows until a picture is settled, or none is left to try.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// What the store answers within this time. A reply that comes later, or never, is made good by the next heartbeat.
async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = |_| Err(StoreError::Away(format!("no answer within {limit:?}")));
    tokio::time::timeout(limit, call).await.unwrap_or_else(late)
}

/// The actor.
pub struct Dispatcher {
    settings: DispatcherSettings,
    tools: Arc<Tools>,
    items: ClaimedItems,
    events: mpsc::UnboundedSender<LeaseEvent>,
    heartbeat: Option<LeaseHeartbeat>,
    claiming: Claiming,
    suspects: Suspects,
    /// Wakes for the next item that was deferred.
    alarm: Option<(Instant, SpawnHandle)>,
    pause: Duration,
    paused: bool,
    /// What an earlier life of the actor held.
    left: Vec<Lease>,
}

impl Dispatcher {
    /// A dispatcher that holds nothing.
    #[must_use]
    pub fn new(settings: DispatcherSettings, tools: Tools) -> Self {
        let (events, _) = mpsc::unbounded_channel();
        Self {
            settings,
            tools: Arc::new(tools),
            items: ClaimedItems::default(),
            events,
            heartbeat: None,
            claiming: Claiming::No,
            suspects: Suspects::default(),
            alarm: None,
            pause: PAUSES.0,
            paused: false,
            left: Vec::new(),
        }
    }

    /// Asks again after this wait, unless that is to be sooner anyway.
    fn wake_in(&mut self, wait: Option<Duration>, ctx: &mut Context<Self>) {
        let Some(wait) = wait else { return };
        let at = Instant::now() + wait;
        if let Some((due, handle)) = self.alarm {
            if due <= at && due > Instant::now() {
                return;
            }
            ctx.cancel_future(handle);
        }
        let handle = ctx.run_later(wait, |dispatcher, ctx| {
            dispatcher.alarm = None;
            dispatcher.claim(ctx);
        });
        self.alarm = Some((at, handle));
    }

    fn begin(&mut self, claim: Claim, selection: Selection, ctx: &mut Context<Self>) {
        if let Some(waited) = claim.waited {
            self.tools.recorder.record(Event::JobStarted { waited });
        }
        let (lease, cancel) = (claim.lease.clone(), self.items.hold(&claim.lease));
        let scope = Scope::default().of_request(&claim.request_id);
        let download = matches!(claim.source, ItemSource::Url { .. }).then(|| self.items.download());
        let work = attempt(Arc::clone(&self.tools), self.settings, claim, cancel, download);
        ctx.spawn(wrap_future(work).map(move |finish, dispatcher: &mut Self, ctx| {
            dispatcher.items.let_go(&lease);
            if selection != Selection::InTurn {
                dispatcher.suspects.in_flight = None;
            }
            dispatcher.observe();
            let _scope = scope.enter();
            dispatcher.finished(finish, &lease.job, ctx);
        }));
    }

    fn finished(&mut self, finish: Finish, job: &JobId, ctx: &mut Context<Self>) {
        match finish {
            Finish::Settled => {
                self.pause = PAUSES.0;
                self.claim(ctx);
            }
            Finish::Lost => self.claim(ctx),
            Finish::GivenBack(fault) => self.pause(Some(job), &fault.with_cause(), ctx),
        }
    }

    /// Leaves store, blobs or workers in peace for a while. The job, if it was one of its pictures that found them away.
    fn pause(&mut self, job: Option<&JobId>, cause: &dyn std::fmt::Display, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.paused, true) {
            return;
        }
        log!(
            DISPATCH_PAUSED,
            pause_ms = self.pause.as_millis() as u64,
            job_id = job.map(JobId::as_str),
            cause = %cause
        );
        let pause = Pause { cause: cause.to_string(), until: Instant::now() + self.pause };
        self.tools.observed.update(|all| all.dispatcher.paused = Some(pause));
        ctx.run_later(self.pause, |dispatcher, ctx| {
            dispatcher.paused = false;
            dispatcher.tools.observed.update(|all| all.dispatcher.paused = None);
            dispatcher.claim(ctx);
        });
        self.pause = (self.pause * 2).min(PAUSES.1);
    }
}

impl Dispatcher {
    /// Shows what it holds, and whether suspects wait.
    fn observe(&self) {
        let (claimed, downloads) = (self.items.len(), self.items.downloads());
        let suspects_waiting = self.suspects.waiting || self.suspects.isolated_waiting;
        self.tools.observed.update(|Observation { dispatcher, .. }| {
            (dispatcher.claimed, dispatcher.downloads) = (claimed, downloads);
            dispatcher.suspects_waiting = suspects_waiting;
        });
    }
}

impl Actor for Dispatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (events, mut taken) = mpsc::unbounded_channel();
        self.events = events;
        ctx.add_stream(poll_fn(move |cx| taken.poll_recv(cx)));
        (self.claiming, self.suspects, self.paused) = (Claiming::No, Suspects::default(), false);
        self.alarm = None;
        self.tools.observed.update(|all| all.dispatcher.paused = None);
        self.observe();
        let (items, events) = (self.items.clone(), self.events.clone());
        self.heartbeat = Some(LeaseHeartbeat::start(&self.tools, self.settings, items, events));
        let (left, store) = (std::mem::take(&mut self.left), Arc::clone(&self.tools.records.store));
        if !left.is_empty() {
            // Claimed again once it is back. Where this fails, the next heartbeat gives it back and says so.
            let given_back = async move { store.give_back(&left).await };
            ctx.spawn(wrap_future(given_back).map(|_, dispatcher: &mut Self, ctx| dispatcher.claim(ctx)));
        }
        self.claim(ctx);
        if self.tools.records.store.is_sole_writer() {
            // Whatever becomes of a wake: what the figures say waits is asked for. Nothing is asked while nothing waits.
            ctx.run_interval(self.settings.lease, |dispatcher, ctx| {
                if dispatcher.tools.estimate.waiting() > 0 {
                    dispatcher.claim(ctx);
                }
            });
        } else {
            ctx.run_interval(self.settings.poll, Self::claim);
        }
    }
}

impl Supervised for Dispatcher {
    /// The attempts' futures are gone with the failure: what they held goes back.
    fn restarting(&mut self, _: &mut Self::Context) {
        self.left = self.items.take_all();
        // The answer to a claim that was under way is gone as well.
        self.items.answered_up_to(self.items.sent());
    }
}

impl Handler<Wake> for Dispatcher {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        self.claim(ctx);
    }
}

impl Handler<CancelJob> for Dispatcher {
    type Result = ();

    fn handle(&mut self, CancelJob(job): CancelJob, _: &mut Self::Context) {
        self.items.cancel(&job);
    }
}

impl Handler<Rest> for Dispatcher {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, rest: Rest, _: &mut Self::Context) -> Self::Result {
        let (held, store) = (self.items.clone(), Arc::clone(&self.tools.records.store));
        let (owner, heartbeat) = (self.tools.owner.clone(), self.heartbeat.take());
        Box::pin(async move {
            let _ = tokio::time::timeout_at(rest.until, held.emptied()).await;
            let left = held.take_all();
            if !left.is_empty() {
                let given: Result<u64, StoreError> = store.give_back(&left).await;
                log!(PICTURES_GIVEN_BACK, pictures = left.len(), ok = given.is_ok());
            }
            drop(heartbeat);
            // Whatever could not be given back is for the others to take.
            let _ = store.leave(&owner).await;
        })
    }
}

impl StreamHandler<LeaseEvent> for Dispatcher {
    fn handle(&mut self, event: LeaseEvent, ctx: &mut Self::Context) {
        self.suspects.waiting |= event.suspects;
        self.observe();
        self.claim(ctx);
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<Ping> for Dispatcher {
    type Result = Heard;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Heard {
        Heard::now()
    }
}
