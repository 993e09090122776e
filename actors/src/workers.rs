//! Workers: the slots that process pictures, their queue and the memory budget.
//!
//! HTTP and the Dispatcher call [`run`]. An attempt waits in the queue for a slot, then on the slot's thread for
//! memory, both together at most `queue_wait`; it must be done by the request's deadline. A caller that goes away
//! cancels its attempt. An attempt that does not stop at its deadline gets a grace period and is then abandoned:
//! the slot gets a new thread, the old one keeps its memory until it ends, and too many abandoned threads are a
//! fatal error.
//!
//! Beside the slots there is one for guests: when all slots are taken, the attempt of a client that has nothing in work
//! starts there at once, so that it does not wait behind the long pictures of others.
//!
//! If the actor itself fails, the attempts on its threads continue and are answered, queued ones are answered
//! [`NotReady`](crate::fault::Code::NotReady), and new slots are made. A timer of each caller bounds its wait in
//! any case.

mod attempt_state;
mod engine;
mod input;
mod messages;
mod queue;
mod slot;
mod slot_attempt;
mod slots;

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, ResponseFuture, StreamHandler, Supervised,
};
use futures_util::future::{join_all, ready};
use futures_util::stream::poll_fn;
use huemill_observability::{Event, log};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout_at;

pub use engine::{EngineFactory, PictureCost, SlotEngine, engines};
pub use input::Input;
pub(crate) use input::{entry_fault, input_too_large};
pub use messages::{Class, Done, PingSlots, Run, RunResult, SlotFigures, WorkersSettings};
pub use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::line_sampler::LineSampler;
use crate::reached_limit::Unit;
use crate::supervise::{FatalError, ShutdownTrigger, answer_pings, ask};
use crate::telemetry::Recorder;
use attempt_state::AttemptPhase;
use queue::Queue;
use slot::{AbandonedCount, CurrentWork, Slot, SlotReport};
use slot_attempt::{SlotAttempt, SlotResources};
use slots::Slots;

/// How long after its deadline a request fails whose message the actor has not taken at all.
const UNTAKEN: Duration = Duration::from_millis(500);

/// Processes a picture; waits for the result at most until the deadline. Dropping this future cancels the work: a
/// queued attempt releases its input at once, a running one ends after its current stage.
pub async fn run(workers: &Addr<Workers>, mut run: Run) -> RunResult {
    run.cancel = run.cancel.child_token();
    let _cancel_on_drop = run.cancel.clone().drop_guard();
    let until = run.deadline + UNTAKEN;
    match timeout_at(until, ask(workers, run)).await {
        Ok(result) => result?,
        Err(_) => {
            Err(Fault::new(Code::Overloaded).with_cause("the workers did not take the message in time"))
        }
    }
}

/// The actor that owns the slots.
pub struct Workers {
    settings: WorkersSettings,
    resources: SlotResources,
    shutdown_trigger: ShutdownTrigger,
    abandoned_count: AbandonedCount,
    queue: Queue,
    slots: Slots,
    reports: mpsc::UnboundedSender<SlotReport>,
    last_id: u64,
    /// Whether the last picture that got a slot belonged to a job.
    was_batch: bool,
}

impl Workers {
    /// Workers without slots: these start with the actor. `io` is where threads wait for memory.
    #[must_use]
    pub fn new(
        settings: WorkersSettings,
        engines: EngineFactory,
        io: Handle,
        recorder: Recorder,
        line_sampler: LineSampler,
        shutdown_trigger: ShutdownTrigger,
    ) -> Self {
        let resources = SlotResources {
            engines,
            budget: Budget::new(settings.memory),
            io,
            recorder,
            line_sampler,
            limits: settings.limits,
            longest_input: settings.longest_input,
        };
        let queue = Queue::new(settings.queue);
        let (reports, _) = mpsc::unbounded_channel();
        Self {
            settings,
            resources,
            shutdown_trigger,
            abandoned_count: AbandonedCount::default(),
            queue,
            slots: Slots::default(),
            reports,
            last_id: 0,
            was_batch: false,
        }
    }

    /// The memory budget, for others whose memory counts against it.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.resources.budget.clone()
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A slot with a new thread. If no thread can be started, the actor panics, and supervision tries again.
    fn start_slot(&mut self, index: usize) -> Slot {
        let thread = self.next_id();
        Slot::start(index, thread, self.resources.clone(), self.reports.clone(), &self.abandoned_count)
            .unwrap_or_else(|error| panic!("no thread for slot {index}: {error}"))
    }

    fn accept(&mut self, run: Run) -> Result<(SlotAttempt, oneshot::Receiver<RunResult>), Fault> {
        let is_interactive = run.class == Class::Interactive;
        if is_interactive && !self.slots.serve_at_once(run.caller) {
            let room = self.queue.check_room(run.caller);
            room.map_err(|none| {
                none.into_fault("pictures", "waiting pictures", Unit::Pictures, "the queue is full")
            })?;
        }
        Ok(SlotAttempt::new(self.next_id(), run, self.settings.queue_wait))
    }

    /// The next attempt and the index of its slot.
    fn next_attempt(&mut self) -> Option<(usize, SlotAttempt)> {
        let free = self.slots.free()?;
        let attempt = if free.is_for_guests {
            let in_work: Vec<_> = self.slots.callers().collect();
            self.queue.pop_guest(|caller| in_work.contains(&caller))?
        } else {
            let attempt = self.queue.pop(self.is_batch_next())?;
            self.was_batch = attempt.batch;
            attempt
        };
        Some((free.index, attempt))
    }

    /// Gives waiting attempts to free slots.
    fn dispatch(&mut self, ctx: &mut Context<Self>) {
        while let Some((free, attempt)) = self.next_attempt() {
            let SlotAttempt { caller, batch, .. } = attempt;
            let state = Arc::clone(&attempt.state);
            if attempt.counted {
                self.resources.recorder.record(Event::QueueWaited(state.requested.elapsed()));
            }
            if let Err(attempt) = self.slots[free].begin(Box::new(attempt)) {
                // The thread has ended, and its report has not arrived yet.
                self.slots[free] = self.start_slot(free);
                assert!(self.slots[free].begin(attempt).is_ok(), "a new thread takes commands");
            }
            let thread = self.slots[free].thread;
            let until = state.deadline + self.settings.grace;
            let overdue =
                ctx.run_later(until.saturating_duration_since(Instant::now()), move |workers, ctx| {
                    workers.abandon(thread, ctx);
                });
            self.slots[free].work = Some(CurrentWork { state, caller, batch, overdue });
        }
        self.record();
    }

    /// Whether a job's picture goes before a client's: when no slot has one and, if there is only one slot, in turns.
    fn is_batch_next(&self) -> bool {
        !self.slots.have_batch() && (self.slots.regular().len() > 1 || !self.was_batch)
    }

    /// Abandons the attempt on this thread, if the thread still processes one.
    fn abandon(&mut self, thread: u64, ctx: &mut Context<Self>) {
        let Some(index) = self.slots.iter().position(|slot| slot.thread == thread) else { return };
        let Some(state) = self.slots[index].work.as_ref().map(|work| &work.state) else { return };
        let age_ms = state.requested.elapsed().as_millis() as u64;
        // The scope adds the picture's request to the log line.
        let scope = state.scope.enter();
        log!(ATTEMPT_ABANDONED, slot = index, age_ms);
        drop(scope);
        self.slots[index] = self.start_slot(index);
        let abandoned = self.abandoned_count.get();
        if abandoned > self.settings.most_abandoned {
            let reason = format!("{abandoned} attempts were abandoned and still run");
            self.shutdown_trigger.trigger(FatalError { actor: "workers", reason });
        }
        self.dispatch(ctx);
    }

    fn figures(&self) -> SlotFigures {
        let (busy, guests) = self.slots.busy();
        SlotFigures {
            slots: self.slots.regular().len(),
            busy,
            guests,
            queued: self.queue.len(),
            abandoned: self.abandoned_count.get(),
        }
    }

    fn record(&self) {
        let SlotFigures { slots, busy, guests, queued, abandoned } = self.figures();
        self.resources.recorder.record(Event::Slots { total: slots, busy, guests, abandoned });
        self.resources.recorder.record(Event::QueueDepth(queued));
    }
}

impl Actor for Workers {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (reports, mut receiver) = mpsc::unbounded_channel();
        self.reports = reports;
        ctx.add_stream(poll_fn(move |cx| receiver.poll_recv(cx)));
        self.slots = Slots::start(self.settings.slots.max(1), |index| self.start_slot(index));
        self.record();
    }
}

impl Supervised for Workers {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.queue.clear();
        self.slots = Slots::default();
    }
}

impl Handler<Run> for Workers {
    type Result = ResponseFuture<RunResult>;

    fn handle(&mut self, run: Run, ctx: &mut Self::Context) -> Self::Result {
        let (attempt, result) = match self.accept(run) {
            Ok(accepted) => accepted,
            Err(fault) => return Box::pin(ready(Err(fault))),
        };
        let state = Arc::clone(&attempt.state);
        self.queue.push(attempt);
        self.dispatch(ctx);
        if state.phase() == AttemptPhase::Queued {
            let (id, cancel) = (state.id, state.cancel.clone());
            let canceled = wrap_future(async move { cancel.cancelled().await });
            ctx.spawn(canceled.map(move |(), workers: &mut Self, _| {
                if workers.queue.remove(id) {
                    workers.record();
                }
            }));
        }
        Box::pin(state.wait(result))
    }
}

impl StreamHandler<SlotReport> for Workers {
    fn handle(&mut self, report: SlotReport, ctx: &mut Self::Context) {
        match report {
            SlotReport::Free { thread } => {
                let slot = self.slots.iter_mut().find(|slot| slot.thread == thread);
                if let Some(work) = slot.and_then(|slot| slot.work.take()) {
                    ctx.cancel_future(work.overdue);
                }
            }
            SlotReport::Gone { thread } => {
                if let Some(index) = self.slots.iter().position(|slot| slot.thread == thread) {
                    self.slots[index] = self.start_slot(index);
                }
            }
        }
        self.dispatch(ctx);
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<PingSlots> for Workers {
    type Result = ResponseFuture<SlotFigures>;

    fn handle(&mut self, _: PingSlots, ctx: &mut Self::Context) -> Self::Result {
        let limit = self.settings.grace;
        let is_overdue = |work: &CurrentWork| work.state.deadline + limit < Instant::now();
        let overdue = self.slots.iter().filter(|slot| slot.work.as_ref().is_some_and(is_overdue));
        let overdue: Vec<_> = overdue.map(|slot| slot.thread).collect();
        // Their timers should have done this, but a flood of messages can keep timers from running.
        for thread in overdue {
            self.abandon(thread, ctx);
        }
        let pings: Vec<_> = self.slots.iter().filter(|slot| slot.work.is_none()).map(Slot::ping).collect();
        let figures = self.figures();
        self.record();
        Box::pin(async move {
            join_all(pings).await;
            figures
        })
    }
}

answer_pings!(Workers);
