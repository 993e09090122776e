//! Workers: the N slots on which pictures are worked on, their queue and the memory budget.
//!
//! HTTP asks with [`run`]. An attempt waits in the queue for a slot, then on the slot's own thread for memory,
//! both together no longer than `queue_wait`; the work must be done by the request's deadline. A requester that
//! goes away takes its attempt with it. An attempt that does not stop at its deadline gets a time of grace, then
//! is abandoned: the slot gets a new thread, the old one keeps its memory until it ends, and too many of those
//! are the process's doom.
//!
//! If the actor itself fails, the attempts on its threads go on and are answered, those in the queue are answered
//! [`NotReady`](crate::fault::Code::NotReady), and new slots are made. Every requester's own timer answers it in
//! time whatever happens here.

mod attempt;
mod attempt_state;
mod engine;
mod faults;
mod input;
mod queue;
mod run;
mod settings;
mod slot;
mod slot_figures;

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

pub use engine::{EngineFactory, Load, SlotEngine, engines};
pub(crate) use faults::{of_entry, too_many_bytes};
pub use input::Input;
pub use run::{Answer, Class, Done, Run};
pub use settings::WorkersSettings;
pub use slot_figures::{Ping, SlotFigures};
pub use tokio_util::sync::CancellationToken as Cancel;

use crate::budget::Budget;
use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::metrics::Recorder;
use crate::supervise::{FatalError, ShutdownTrigger, ask};
use attempt::{Attempt, Tools};
use attempt_state::AttemptState;
use queue::Queue;
use slot::{AbandonedCount, Slot, SlotReport, Work};

/// How long after its deadline a request is given up whose message the actor has not even taken.
const UNTAKEN: Duration = Duration::from_millis(500);

/// Asks for a picture to be worked on and awaits the answer, no longer than until the deadline. Dropping this
/// future cancels the work: a queued attempt frees its input at once, a running one ends at its next stage.
pub async fn run(workers: &Addr<Workers>, mut run: Run) -> Answer {
    run.cancel = run.cancel.child_token();
    let _dropped_means_canceled = run.cancel.clone().drop_guard();
    let until = run.deadline + UNTAKEN;
    match timeout_at(until, ask(workers, run)).await {
        Ok(answer) => answer?,
        Err(_) => {
            Err(Fault::new(Code::Overloaded).with_cause("the workers did not take the message in time"))
        }
    }
}

/// The actor.
pub struct Workers {
    settings: WorkersSettings,
    tools: Tools,
    shutdown_trigger: ShutdownTrigger,
    tally: AbandonedCount,
    queue: Queue,
    slots: Vec<Slot>,
    notes: mpsc::UnboundedSender<SlotReport>,
    numbers: u64,
    /// Whether the last picture that got a slot was a job's.
    batch_before: bool,
}

impl Workers {
    /// Workers that have no slots yet: these come when the actor starts. `io` is where threads wait for memory.
    #[must_use]
    pub fn new(
        settings: WorkersSettings,
        engines: EngineFactory,
        io: Handle,
        recorder: Recorder,
        shutdown_trigger: ShutdownTrigger,
    ) -> Self {
        let tools = Tools {
            engines,
            budget: Budget::new(settings.memory),
            io,
            recorder,
            limits: settings.limits,
            longest_input: settings.longest_input,
        };
        let queue = Queue::new(settings.queue);
        let (notes, _) = mpsc::unbounded_channel();
        Self {
            settings,
            tools,
            shutdown_trigger,
            tally: AbandonedCount::default(),
            queue,
            slots: Vec::new(),
            notes,
            numbers: 0,
            batch_before: false,
        }
    }

    /// The budget, for others whose memory counts in it.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.tools.budget.clone()
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// A slot with a new thread. Without threads there is nothing to do: the supervision tries again.
    fn slot(&mut self, index: usize) -> Slot {
        let life = self.number();
        Slot::start(index, life, self.tools.clone(), self.notes.clone(), &self.tally)
            .unwrap_or_else(|error| panic!("no thread for slot {index}: {error}"))
    }

    fn accept(&mut self, run: Run) -> Result<(Attempt, oneshot::Receiver<Answer>), Fault> {
        let batch = matches!(run.class, Class::Batch { .. });
        if !batch && self.queue.is_full() && self.slots.iter().all(|slot| slot.work.is_some()) {
            return Err(Fault::new(Code::Overloaded).with_cause("the queue is full"));
        }
        let start_by = match run.class {
            Class::Interactive => Instant::now() + self.settings.queue_wait,
            Class::Batch { start_by } => start_by,
        };
        let cancel = run.cancel.child_token();
        let state = AttemptState::new(self.number(), cancel, start_by, run.deadline, run.scope);
        let (reply, answer) = oneshot::channel();
        let Run { input, options, counted, .. } = run;
        Ok((Attempt { state: Arc::new(state), input, options, batch, counted, reply }, answer))
    }

    /// Gives waiting attempts to free slots.
    fn dispatch(&mut self, ctx: &mut Context<Self>) {
        while let Some(free) = self.slots.iter().position(|slot| slot.work.is_none()) {
            let Some(attempt) = self.queue.pop(self.batch_first()) else { break };
            let (state, batch) = (Arc::clone(&attempt.state), attempt.batch);
            self.batch_before = batch;
            if attempt.counted {
                self.tools.recorder.record(Event::QueueWaited(state.asked.elapsed()));
            }
            if let Err(attempt) = self.slots[free].begin(attempt) {
                // The thread has ended, and its note of it is still on its way.
                self.slots[free] = self.slot(free);
                assert!(self.slots[free].begin(attempt).is_ok(), "a new thread takes orders");
            }
            let life = self.slots[free].life;
            let until = state.deadline + self.settings.grace;
            let overdue =
                ctx.run_later(until.saturating_duration_since(Instant::now()), move |workers, ctx| {
                    workers.abandon(life, ctx);
                });
            self.slots[free].work = Some(Work { state, batch, overdue });
        }
        self.count();
    }

    /// Whether a job's picture goes before a client's: where no slot has one, and, where there is one slot alone, in
    /// turns.
    fn batch_first(&self) -> bool {
        let has_none = self.slots.iter().all(|slot| slot.work.as_ref().is_none_or(|work| !work.batch));
        has_none && (self.slots.len() > 1 || !self.batch_before)
    }

    /// Gives up the attempt on this thread, if it is still at it.
    fn abandon(&mut self, life: u64, ctx: &mut Context<Self>) {
        let Some(index) = self.slots.iter().position(|slot| slot.life == life) else { return };
        let Some(state) = self.slots[index].work.as_ref().map(|work| &work.state) else { return };
        let age_ms = state.asked.elapsed().as_millis() as u64;
        // The line tells whose picture it was.
        let scope = state.scope.enter();
        log!(ATTEMPT_ABANDONED, slot = index, age_ms);
        drop(scope);
        self.slots[index] = self.slot(index);
        let (abandoned, most) = (self.tally.count(), self.settings.most_abandoned);
        if abandoned > most {
            let reason = format!("{abandoned} attempts were abandoned and still run");
            self.shutdown_trigger.trigger(FatalError { actor: "workers", reason });
        }
        self.dispatch(ctx);
    }

    fn pulse(&self) -> SlotFigures {
        SlotFigures {
            slots: self.slots.len(),
            busy: self.slots.iter().filter(|slot| slot.work.is_some()).count(),
            queued: self.queue.len(),
            abandoned: self.tally.count(),
        }
    }

    fn count(&self) {
        let SlotFigures { slots, busy, queued, abandoned } = self.pulse();
        self.tools.recorder.record(Event::Slots { total: slots, busy, abandoned });
        self.tools.recorder.record(Event::QueueDepth(queued));
    }
}

impl Actor for Workers {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (notes, mut taken) = mpsc::unbounded_channel();
        self.notes = notes;
        ctx.add_stream(poll_fn(move |cx| taken.poll_recv(cx)));
        self.slots = (0..self.settings.slots.max(1)).map(|index| self.slot(index)).collect();
        self.count();
    }
}

impl Supervised for Workers {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.queue.clear();
        self.slots.clear();
    }
}

impl Handler<Run> for Workers {
    type Result = ResponseFuture<Answer>;

    fn handle(&mut self, run: Run, ctx: &mut Self::Context) -> Self::Result {
        let (attempt, answer) = match self.accept(run) {
            Ok(accepted) => accepted,
            Err(fault) => return Box::pin(ready(Err(fault))),
        };
        let state = Arc::clone(&attempt.state);
        self.queue.push(attempt);
        self.dispatch(ctx);
        if state.phase() == attempt_state::AttemptPhase::Queued {
            let (id, cancel) = (state.id, state.cancel.clone());
            let gone = wrap_future(async move { cancel.cancelled().await });
            ctx.spawn(gone.map(move |(), workers: &mut Self, _| {
                if workers.queue.remove(id) {
                    workers.count();
                }
            }));
        }
        Box::pin(state.wait(answer))
    }
}

impl StreamHandler<SlotReport> for Workers {
    fn handle(&mut self, note: SlotReport, ctx: &mut Self::Context) {
        match note {
            SlotReport::Free { life } => {
                let slot = self.slots.iter_mut().find(|slot| slot.life == life);
                if let Some(work) = slot.and_then(|slot| slot.work.take()) {
                    ctx.cancel_future(work.overdue);
                }
            }
            SlotReport::Gone { life } => {
                if let Some(index) = self.slots.iter().position(|slot| slot.life == life) {
                    self.slots[index] = self.slot(index);
                }
            }
        }
        self.dispatch(ctx);
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<Ping> for Workers {
    type Result = ResponseFuture<SlotFigures>;

    fn handle(&mut self, _: Ping, ctx: &mut Self::Context) -> Self::Result {
        let overdue = |work: &Work| work.state.deadline + self.settings.grace < Instant::now();
        let late: Vec<_> = self
            .slots
            .iter()
            .filter(|slot| slot.work.as_ref().is_some_and(overdue))
            .map(|slot| slot.life)
            .collect();
        // Their timers should have done it; a flood of messages may keep timers from running.
        for life in late {
            self.abandon(life, ctx);
        }
        let signs: Vec<_> = self.slots.iter().filter(|slot| slot.work.is_none()).map(Slot::ping).collect();
        let pulse = self.pulse();
        self.count();
        Box::pin(async move {
            join_all(signs).await;
            pulse
        })
    }
}
