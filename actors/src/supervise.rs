//! Supervision: restarts an actor that fails. actix's own `Supervisor` does not serve: it restarts only on `stop()`,
//! without a backoff, and a panic under it leaves a dead address and a lost queue.
//!
//! A future polls the actor under `catch_unwind`. On a panic (in a handler, a future, `started()` or
//! `restarting()`) or an unexpected stop it checks the restart limit, backs off and restarts the actor in place:
//! same address, queued messages kept. `restarting()` rebuilds the state from injected dependencies, `started()`
//! sets the timers again. Past the limit it reports a fatal error and the application exits. A stack overflow or an
//! abort still kills the process.

mod restart_policy;
mod shutdown;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::dev::{ContextFut, ToEnvelope, channel};
use actix::{Actor, ActorContext, Addr, Context, Handler, Message, Supervised};
use actix_rt::ArbiterHandle;
use futures_util::FutureExt;
use huemill_observability::{Event, log, panic_text};

pub use restart_policy::RestartPolicy;
pub use shutdown::{Drain, DrainFlag, EXIT_CODE, FatalError, FatalErrorReceiver, ShutdownTrigger};

use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::telemetry::Recorder;
use restart_policy::RestartHistory;

/// Messages that a mailbox holds before senders have to wait (actix's default). The limit applies to each clone of an
/// address separately, so it does not work as admission control.
const MAILBOX_CAPACITY: usize = 16;

/// Asks any actor to prove that it takes messages; the answer is when it took this one.
#[derive(Debug, Clone, Copy)]
pub struct Ping;

impl Message for Ping {
    type Result = Instant;
}

/// Makes an actor answer each [`Ping`] as soon as it takes it.
macro_rules! answer_pings {
    ($actor:ty) => {
        impl actix::Handler<$crate::supervise::Ping> for $actor {
            type Result = actix::MessageResult<$crate::supervise::Ping>;

            fn handle(&mut self, _: $crate::supervise::Ping, _: &mut Self::Context) -> Self::Result {
                actix::MessageResult($crate::clock::Instant::now())
            }
        }
    };
}

pub(crate) use answer_pings;

/// What an actor is supervised with; all actors share one.
#[derive(Debug, Clone)]
pub struct Supervision {
    /// When to restart and when to stop trying.
    pub policy: RestartPolicy,
    /// Records starts, failures and restarts.
    pub recorder: Recorder,
    /// Where fatal errors are reported.
    pub shutdown_trigger: ShutdownTrigger,
    /// Where the state of each actor can be read.
    pub actor_registry: ActorRegistry,
}

/// Starts an actor on an arbiter and keeps it alive as long as someone holds its address and the arbiter runs. `name`
/// is its name in lower case, as metrics, logs and /ready spell it.
pub fn start<A, F>(
    arbiter: &ArbiterHandle,
    name: &'static str,
    supervision: &Supervision,
    factory: F,
) -> Addr<A>
where
    A: Supervised + Actor<Context = Context<A>>,
    F: FnOnce(&mut Context<A>) -> A + Send + 'static,
{
    let (send, receive) = channel::channel(MAILBOX_CAPACITY);
    let supervision = supervision.clone();
    arbiter.spawn_fn(move || {
        let mut ctx = Context::with_receiver(receive);
        match catch_unwind(AssertUnwindSafe(|| factory(&mut ctx))) {
            Ok(actor) => {
                let supervised = SupervisedActor(Some(ctx.into_future(actor)));
                actix_rt::spawn(supervise(supervised, name, supervision));
            }
            Err(panic) => {
                supervision.fail_for_good(name, &format!("cannot be built: {}", panic_text(&*panic)));
            }
        }
    });
    Addr::new(send)
}

/// Sends a message and awaits the answer. Distinguishes two errors that actix does not: the actor is gone
/// ([`Code::NotReady`]), or it is alive and panicked on this message ([`Code::InternalError`]).
pub async fn ask<A, M>(address: &Addr<A>, message: M) -> Result<M::Result, Fault>
where
    A: Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    address.send(message).await.map_err(|error| {
        if address.connected() {
            Fault::new(Code::InternalError).with_cause("the actor panicked on this message")
        } else {
            Fault::new(Code::NotReady).with_cause(format!("the actor is gone: {error}"))
        }
    })
}

/// Why an actor stopped running.
enum ActorExit {
    Panic(String),
    Stop,
}

impl ActorExit {
    fn cause(&self) -> &'static str {
        match self {
            Self::Panic(_) => "panic",
            Self::Stop => "stop",
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Panic(text) => text,
            Self::Stop => "stopped itself",
        }
    }
}

/// The actor with its context and mailbox. Dropping a live `ContextFut` polls it once more, which may panic; such a
/// panic is contained here.
struct SupervisedActor<A: Actor<Context = Context<A>>>(Option<ContextFut<A, Context<A>>>);

impl<A: Supervised + Actor<Context = Context<A>>> SupervisedActor<A> {
    /// Polls the actor until it exits; `None` when it ended normally because no one holds its address.
    async fn run(&mut self) -> Option<ActorExit> {
        let fut = self.0.as_mut()?;
        match AssertUnwindSafe(&mut *fut).catch_unwind().await {
            Ok(()) if fut.ctx().connected() => Some(ActorExit::Stop),
            Ok(()) => None,
            Err(panic) => Some(ActorExit::Panic(panic_text(&*panic).to_owned())),
        }
    }

    /// Restarts the actor in place; `Ok(false)` when no one holds its address any more.
    fn restart(&mut self) -> Result<bool, ActorExit> {
        let Some(fut) = self.0.as_mut() else { return Ok(false) };
        catch_unwind(AssertUnwindSafe(|| fut.restart()))
            .map_err(|panic| ActorExit::Panic(panic_text(&*panic).to_owned()))
    }

    /// Terminates the actor: it is not polled again, and its `stopped()` does not run.
    fn terminate(&mut self) {
        if let Some(fut) = self.0.as_mut() {
            fut.ctx().terminate();
        }
    }
}

impl<A: Actor<Context = Context<A>>> Drop for SupervisedActor<A> {
    fn drop(&mut self) {
        let fut = self.0.take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(fut))) {
            log!(ACTOR_DROP_PANICKED, reason = panic_text(&*panic));
        }
    }
}

async fn supervise<A>(mut supervised: SupervisedActor<A>, name: &'static str, supervision: Supervision)
where
    A: Supervised + Actor<Context = Context<A>>,
{
    let mut history = RestartHistory::default();
    supervision.up(name);
    while let Some(mut exit) = supervised.run().await {
        supervision.down(name);
        loop {
            let Some(backoff) = history.failed(&supervision.policy, Instant::now()) else {
                supervised.terminate();
                drop(supervised);
                return supervision.fail_for_good(name, exit.text());
            };
            tokio::time::sleep(backoff).await;
            match supervised.restart() {
                Ok(true) => break supervision.restarted(name, &exit, backoff.as_millis() as u64),
                Ok(false) => return,
                Err(next) => exit = next,
            }
        }
    }
    supervision.down(name);
}

impl Supervision {
    fn up(&self, actor: &'static str) {
        self.actor_registry.set_up(actor, true);
        self.recorder.record(Event::ActorUp { actor, up: true });
    }

    fn down(&self, actor: &'static str) {
        self.actor_registry.set_up(actor, false);
        self.recorder.record(Event::ActorUp { actor, up: false });
    }

    fn restarted(&self, actor: &'static str, exit: &ActorExit, backoff_ms: u64) {
        let (cause, reason) = (exit.cause(), exit.text());
        log!(ACTOR_RESTARTED, actor, cause, reason, backoff_ms);
        self.actor_registry.restarted(actor);
        self.recorder.record(Event::ActorRestarted { actor, cause });
        self.recorder.record(Event::ActorUp { actor, up: true });
    }

    fn fail_for_good(&self, actor: &'static str, reason: &str) {
        self.down(actor);
        self.shutdown_trigger.trigger(FatalError { actor, reason: reason.to_owned() });
    }
}

/// The state of one supervised actor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ActorStatus {
    /// Whether it takes messages; `false` while it backs off, and permanently once it has failed or ended.
    pub up: bool,
    /// Restarts since the start.
    pub restarts: u64,
}

/// All supervised actors by name; clones share it.
#[derive(Debug, Clone, Default)]
pub struct ActorRegistry(Arc<Mutex<BTreeMap<&'static str, ActorStatus>>>);

impl ActorRegistry {
    /// The state of all actors, by name.
    #[must_use]
    pub fn all(&self) -> BTreeMap<&'static str, ActorStatus> {
        self.lock().clone()
    }

    /// The state of one actor, if it was ever started.
    #[must_use]
    pub fn of(&self, actor: &str) -> Option<ActorStatus> {
        self.lock().get(actor).copied()
    }

    fn set_up(&self, actor: &'static str, up: bool) {
        self.lock().entry(actor).or_default().up = up;
    }

    fn restarted(&self, actor: &'static str) {
        let mut all = self.lock();
        let status = all.entry(actor).or_default();
        status.up = true;
        status.restarts += 1;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, ActorStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
