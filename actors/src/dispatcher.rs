//! The Dispatcher: pictures of jobs from the store to the workers and their results back.
//!
//! It claims as many as there are free slots, has each worked on, stores its card, settles it; the store says
//! which job is next. A wake (a new job) is a hint: what it misses is found when a picture ends, or by the poll
//! where other processes write too. Idle on a store of its own it asks nothing at all.
//!
//! A picture that was in flight when a process died is tried alone, so that one that kills the process does not
//! take others with it. Leases are prolonged by a pulse on the io runtime, which nothing here can stall.
//! Where store or blobs are away, pictures are given back and claims pause. If the actor itself fails, it gives
//! back all that it held and begins anew.

mod attempt;
mod held;
mod pulse;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseFuture, StreamHandler, Supervised,
};
use futures_util::stream::poll_fn;
use huemill_observability::trace::Scope;
use huemill_observability::{Event, log};
use huemill_store::job::{ItemSource, JobId};
use huemill_store::store::{Ask, Claim, Claims, StoreError};
use tokio::sync::mpsc;

pub use settings::{DispatcherSettings, Tools};

use crate::clock::Instant;
use crate::supervise::{Heard, Ping};
use attempt::{Finish, attempt};
use held::Held;
use pulse::Pulse;

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

/// The first wait after a failure, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// Whether the store is being asked for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claiming {
    No,
    Yes,
    /// And must be asked again after that.
    Again,
}

/// The actor.
pub struct Dispatcher {
    settings: DispatcherSettings,
    tools: Arc<Tools>,
    held: Held,
    notes: mpsc::UnboundedSender<pulse::Note>,
    pulse: Option<Pulse>,
    claiming: Claiming,
    /// Suspects wait, to be tried alone.
    suspects: bool,
    /// The picture in flight must stay alone.
    alone: bool,
    pause: Duration,
    paused: bool,
}

impl Dispatcher {
    /// A dispatcher that holds nothing.
    #[must_use]
    pub fn new(settings: DispatcherSettings, tools: Tools) -> Self {
        let (notes, _) = mpsc::unbounded_channel();
        Self {
            settings,
            tools: Arc::new(tools),
            held: Held::default(),
            notes,
            pulse: None,
            claiming: Claiming::No,
            suspects: false,
            alone: false,
            pause: PAUSES.0,
            paused: false,
        }
    }

    /// What can be asked for now.
    fn ask(&self) -> Option<Ask> {
        let (held, stopping) = (self.held.len(), self.tools.drain.has_begun());
        let DispatcherSettings { slots, downloads, .. } = self.settings;
        // A picture on its way here needs no slot yet, so a slow server holds up nobody else's; but not without end.
        let at_work = held.saturating_sub(self.held.downloads());
        let free = slots.saturating_sub(at_work).min((slots + downloads).saturating_sub(held));
        if stopping || self.paused || self.alone || free == 0 || (self.suspects && held > 0) {
            return None;
        }
        Some(Ask {
            owner: self.tools.owner.clone(),
            most: if self.suspects { 1 } else { free as u32 },
            lease: self.settings.lease,
            suspect: self.suspects,
            pace_ms: self.tools.estimate.pace_ms(),
        })
    }

    fn claim(&mut self, ctx: &mut Context<Self>) {
        if self.claiming != Claiming::No {
            self.claiming = Claiming::Again;
            return;
        }
        let Some(ask) = self.ask() else { return };
        self.claiming = Claiming::Yes;
        let store = Arc::clone(&self.tools.records.store);
        let suspect = ask.suspect;
        let claim = async move { store.claim(&ask).await };
        ctx.spawn(wrap_future(claim).map(move |claims, dispatcher: &mut Self, ctx| {
            let again = std::mem::replace(&mut dispatcher.claiming, Claiming::No) == Claiming::Again;
            match claims {
                Ok(claims) => dispatcher.take(claims, suspect, again, ctx),
                Err(error) => dispatcher.pause(None, &error, ctx),
            }
        }));
    }

    fn take(&mut self, claims: Claims, suspect: bool, again: bool, ctx: &mut Context<Self>) {
        self.pause = PAUSES.0;
        let (empty, waits) = (claims.items.is_empty(), claims.suspects);
        let turned = waits != std::mem::replace(&mut self.suspects, waits);
        self.alone = suspect && !empty;
        for claim in claims.items {
            self.begin(claim, ctx);
        }
        if again || !empty || turned {
            self.claim(ctx);
        }
    }

    fn begin(&mut self, claim: Claim, ctx: &mut Context<Self>) {
        if let Some(waited) = claim.waited {
            self.tools.recorder.record(Event::JobStarted { waited });
        }
        let (lease, cancel) = (claim.lease.clone(), self.held.hold(&claim.lease));
        let scope = Scope::default().of_request(&claim.request_id);
        let download = matches!(claim.source, ItemSource::Url { .. }).then(|| self.held.download());
        let work = attempt(Arc::clone(&self.tools), self.settings, claim, cancel, download);
        ctx.spawn(wrap_future(work).map(move |finish, dispatcher: &mut Self, ctx| {
            dispatcher.held.let_go(&lease);
            dispatcher.alone = false;
            let _scope = scope.enter();
            dispatcher.finished(finish, &lease.job, ctx);
        }));
    }

    fn finished(&mut self, finish: Finish, job: &JobId, ctx: &mut Context<Self>) {
        match finish {
            Finish::Settled | Finish::Lost => self.claim(ctx),
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
        ctx.run_later(self.pause, |dispatcher, ctx| {
            dispatcher.paused = false;
            dispatcher.claim(ctx);
        });
        self.pause = (self.pause * 2).min(PAUSES.1);
    }
}

impl Actor for Dispatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (notes, mut taken) = mpsc::unbounded_channel();
        self.notes = notes;
        ctx.add_stream(poll_fn(move |cx| taken.poll_recv(cx)));
        (self.claiming, self.alone, self.paused) = (Claiming::No, false, false);
        self.pulse = Some(Pulse::start(&self.tools, self.settings, self.held.clone(), self.notes.clone()));
        self.claim(ctx);
        if !self.tools.records.store.is_sole_writer() {
            ctx.run_interval(self.settings.poll, Self::claim);
        }
    }
}

impl Supervised for Dispatcher {
    /// The attempts' futures are gone with the failure: what they held goes back.
    fn restarting(&mut self, _: &mut Self::Context) {
        let (held, store) = (self.held.take_all(), Arc::clone(&self.tools.records.store));
        self.tools.io.spawn(async move { store.give_back(&held).await });
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
        self.held.cancel(&job);
    }
}

impl Handler<Rest> for Dispatcher {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, rest: Rest, _: &mut Self::Context) -> Self::Result {
        let (held, store) = (self.held.clone(), Arc::clone(&self.tools.records.store));
        Box::pin(async move {
            let _ = tokio::time::timeout_at(rest.until, held.emptied()).await;
            let left = held.take_all();
            if !left.is_empty() {
                let given: Result<u64, StoreError> = store.give_back(&left).await;
                log!(PICTURES_GIVEN_BACK, pictures = left.len(), ok = given.is_ok());
            }
        })
    }
}

impl StreamHandler<pulse::Note> for Dispatcher {
    fn handle(&mut self, note: pulse::Note, ctx: &mut Self::Context) {
        self.suspects |= note.returned;
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
