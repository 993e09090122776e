//! The Dispatcher: hands pictures of jobs from the store to the workers and writes their results back.
//!
//! It claims as many pictures as there are free slots, has each processed, stores its card and settles it. The
//! store decides which job is next. A wake-up (a new job) is only a hint: missed work is found when a picture ends,
//! or by the poll if other processes share the store. On a store of its own, an idle Dispatcher sends no queries.
//!
//! A picture that was in flight when a process died is a suspect: at most one is tried at a time, beside others
//! that are not; one whose process died again is tried with nothing beside it. A heartbeat on the io runtime, which
//! nothing here can stall, renews the leases. While store or blobs are unavailable, pictures are given back and
//! claims pause. They also pause while the disk is low. If the actor itself fails, it gives back everything it held and starts over; the heartbeat finds
//! what is lost on the way.

mod card;
mod claimed_items;
mod claiming;
mod dependencies;
mod item_attempt;
mod item_failure;
mod lease_heartbeat;

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
use huemill_store::store::{Claim, ClaimResult, Lease, Selection};
use tokio::sync::mpsc;

pub use dependencies::{DispatcherDependencies, DispatcherSettings, JobEndNotifier};
pub use item_failure::BlobCheck;

use crate::clock::Instant;
use crate::observed::{Observation, Pause};
use crate::supervise::{Drain, answer_pings};
use claimed_items::ClaimedItems;
use claiming::{ClaimState, Suspects, next_claim};
use dependencies::within;
use item_attempt::{AttemptEnd, attempt};
use lease_heartbeat::{LeaseEvent, LeaseHeartbeat};

/// Sent when there may be work: a job was created, or items came back.
#[derive(Debug, Clone, Copy)]
pub struct WorkAvailable;

impl Message for WorkAvailable {
    type Result = ();
}

/// Sent when a job was canceled or deleted, to stop its pictures. A hint: a picture that misses it settles in vain.
#[derive(Debug, Clone)]
pub struct CancelJob(pub JobId);

impl Message for CancelJob {
    type Result = ();
}

/// The first and the longest pause after a failure. Pauses grow until a picture is settled or none is left to try.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// The actor that hands out pictures.
pub struct Dispatcher {
    settings: DispatcherSettings,
    dependencies: Arc<DispatcherDependencies>,
    items: ClaimedItems,
    heartbeat: Option<LeaseHeartbeat>,
    claim_state: ClaimState,
    suspects: Suspects,
    /// The timer for the next deferred item.
    alarm: Option<(Instant, SpawnHandle)>,
    next_pause: Duration,
    paused: Option<Pause>,
    /// Leases that the actor held before it restarted.
    left_over: Vec<Lease>,
}

impl Dispatcher {
    /// A dispatcher without claims.
    #[must_use]
    pub fn new(settings: DispatcherSettings, dependencies: DispatcherDependencies) -> Self {
        Self {
            settings,
            dependencies: Arc::new(dependencies),
            items: ClaimedItems::default(),
            heartbeat: None,
            claim_state: ClaimState::Idle,
            suspects: Suspects::default(),
            alarm: None,
            next_pause: PAUSES.0,
            paused: None,
            left_over: Vec::new(),
        }
    }

    /// Claims from the store whatever is possible now. If a claim is running, another one follows it.
    fn claim(&mut self, ctx: &mut Context<Self>) {
        if self.claim_state != ClaimState::Idle {
            self.claim_state = ClaimState::RunAgain;
            return;
        }
        if self.paused.is_none() && self.is_disk_low() {
            self.pause(None, &"the disk is low", ctx);
            return;
        }
        let next = || next_claim(&self.settings, &self.dependencies, &self.items, &self.suspects);
        let Some(ask) = self.paused.is_none().then(next).flatten() else { return };
        self.claim_state = ClaimState::Running;
        let store = Arc::clone(&self.dependencies.repository.store);
        let (sequence, selection) = (ask.sequence, ask.selection);
        let claim = async move { within(ask.lease, store.claim(&ask)).await };
        ctx.spawn(wrap_future(claim).map(move |claims, dispatcher: &mut Self, ctx| {
            let state = std::mem::replace(&mut dispatcher.claim_state, ClaimState::Idle);
            match claims {
                Ok(claims) => {
                    let more = dispatcher.take(claims, sequence, selection, ctx);
                    if more || state == ClaimState::RunAgain {
                        dispatcher.claim(ctx);
                    }
                }
                Err(error) => {
                    // If the claim succeeded in the store nevertheless, the heartbeat finds it.
                    dispatcher.items.answered_up_to(sequence);
                    dispatcher.pause(None, &error, ctx);
                }
            }
        }));
    }

    /// Whether the disk is too full to store the cards of more pictures. What is in progress goes on.
    fn is_disk_low(&self) -> bool {
        self.dependencies.free.get().is_some_and(|free| free < self.settings.disk_low)
    }

    /// Starts the claimed pictures. Returns whether another claim may bring more.
    fn take(
        &mut self,
        claims: ClaimResult,
        sequence: u64,
        selection: Selection,
        ctx: &mut Context<Self>,
    ) -> bool {
        if claims.items.is_empty() {
            self.next_pause = PAUSES.0;
        }
        let wait = self.suspects.update(&claims, selection);
        let more = !claims.items.is_empty() || selection != Selection::InTurn;
        claims.items.into_iter().for_each(|claim| self.start(claim, selection, ctx));
        self.items.answered_up_to(sequence);
        self.wake_in(wait, ctx);
        self.publish();
        more || self.suspects.wanted().is_some()
    }

    /// Claims again after this wait, unless an earlier timer is set.
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

    fn start(&mut self, claim: Claim, selection: Selection, ctx: &mut Context<Self>) {
        if let Some(waited) = claim.waited {
            self.dependencies.recorder.record(Event::JobStarted { waited });
        }
        let (lease, cancel) = (claim.lease.clone(), self.items.insert(&claim.lease));
        let scope = Scope::default().of_request(&claim.request_id);
        let download =
            matches!(claim.source, ItemSource::Url { .. }).then(|| self.items.start_download(claim.caller));
        let work = attempt(Arc::clone(&self.dependencies), self.settings, claim, cancel, download);
        ctx.spawn(wrap_future(work).map(move |end, dispatcher: &mut Self, ctx| {
            dispatcher.items.release(&lease);
            dispatcher.suspects.finished(selection);
            dispatcher.publish();
            let _scope = scope.enter();
            dispatcher.ended(end, &lease.job, ctx);
        }));
    }

    fn ended(&mut self, end: AttemptEnd, job: &JobId, ctx: &mut Context<Self>) {
        match end {
            AttemptEnd::Settled => {
                self.next_pause = PAUSES.0;
                self.claim(ctx);
            }
            AttemptEnd::Lost => self.claim(ctx),
            AttemptEnd::GivenBack(fault) => self.pause(Some(job), &fault.describe(), ctx),
        }
    }

    /// Pauses claims for a while because store, blobs or workers are unavailable; `job` is the job that noticed it.
    fn pause(&mut self, job: Option<&JobId>, cause: &dyn std::fmt::Display, ctx: &mut Context<Self>) {
        if self.paused.is_some() {
            return;
        }
        let (length, job_id) = (self.next_pause, job.map(JobId::as_str));
        log!(DISPATCH_PAUSED, pause_ms = length.as_millis() as u64, job_id, cause = %cause);
        self.paused = Some(Pause { cause: cause.to_string(), until: Instant::now() + length });
        self.publish();
        ctx.run_later(length, |dispatcher, ctx| {
            dispatcher.paused = None;
            dispatcher.publish();
            dispatcher.claim(ctx);
        });
        self.next_pause = (length * 2).min(PAUSES.1);
    }

    /// Publishes what it holds, whether it pauses, and whether suspects wait.
    fn publish(&self) {
        self.dependencies.observed.update(|Observation { dispatcher, .. }| {
            dispatcher.claimed = self.items.len();
            dispatcher.downloads = self.items.downloads();
            dispatcher.paused.clone_from(&self.paused);
            dispatcher.suspects_waiting = self.suspects.are_waiting();
        });
    }
}

impl Actor for Dispatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (events, mut receiver) = mpsc::unbounded_channel();
        ctx.add_stream(poll_fn(move |cx| receiver.poll_recv(cx)));
        (self.claim_state, self.suspects) = (ClaimState::Idle, Suspects::default());
        (self.alarm, self.paused) = (None, None);
        self.publish();
        self.heartbeat =
            Some(LeaseHeartbeat::start(&self.dependencies, self.settings, self.items.clone(), events));
        let store = Arc::clone(&self.dependencies.repository.store);
        let (leases, is_sole_writer) = (std::mem::take(&mut self.left_over), store.is_sole_writer());
        if !leases.is_empty() {
            // They are claimed again once they are back. If this fails, the next heartbeat gives them back and
            // reports it.
            let give_back = async move { store.give_back(&leases).await };
            ctx.spawn(wrap_future(give_back).map(|_, dispatcher: &mut Self, ctx| dispatcher.claim(ctx)));
        }
        self.claim(ctx);
        if is_sole_writer {
            // Even if a wake-up gets lost, waiting items are claimed. While nothing waits, no query is sent.
            ctx.run_interval(self.settings.lease, |dispatcher, ctx| {
                if dispatcher.dependencies.estimate.waiting() > 0 {
                    dispatcher.claim(ctx);
                }
            });
        } else {
            ctx.run_interval(self.settings.poll, Self::claim);
        }
    }
}

impl Supervised for Dispatcher {
    /// The futures of the attempts are gone with the failed actor, so their leases are given back.
    fn restarting(&mut self, _: &mut Self::Context) {
        self.left_over = self.items.take_all();
        // The answer to a running claim is lost as well.
        self.items.answered_up_to(self.items.sent());
    }
}

impl Handler<WorkAvailable> for Dispatcher {
    type Result = ();

    fn handle(&mut self, _: WorkAvailable, ctx: &mut Self::Context) {
        self.claim(ctx);
    }
}

impl Handler<CancelJob> for Dispatcher {
    type Result = ();

    fn handle(&mut self, CancelJob(job): CancelJob, _: &mut Self::Context) {
        self.items.cancel(&job);
    }
}

impl Handler<Drain> for Dispatcher {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, drain: Drain, _: &mut Self::Context) -> Self::Result {
        let (items, heartbeat) = (self.items.clone(), self.heartbeat.take());
        let (store, owner) =
            (Arc::clone(&self.dependencies.repository.store), self.dependencies.owner.clone());
        Box::pin(async move {
            items.drain(&*store, drain.until).await;
            drop(heartbeat);
            // Other processes may take over what could not be given back.
            let _ = store.leave(&owner).await;
        })
    }
}

impl StreamHandler<LeaseEvent> for Dispatcher {
    fn handle(&mut self, event: LeaseEvent, ctx: &mut Self::Context) {
        self.suspects.add_waiting(event.suspects);
        self.publish();
        self.claim(ctx);
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

answer_pings!(Dispatcher);
