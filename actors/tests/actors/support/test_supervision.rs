//! Supervision under test, an actor that fails on command, and a message that makes real actors panic. The tests inject
//! this fault from outside, so the actors need no hook for it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, System, SystemRunner};
use huemill_actors::delivery::Delivery;
use huemill_actors::dispatcher::Dispatcher;
use huemill_actors::fetcher::Fetcher;
use huemill_actors::health::Health;
use huemill_actors::idempotency::Idempotency;
use huemill_actors::intake::Intake;
use huemill_actors::janitor::Janitor;
use huemill_actors::metrics::{Metrics, Recorder};
use huemill_actors::supervise::{
    ActorRegistry, ActorStatus, FatalErrorReceiver, RestartPolicy, ShutdownTrigger, Supervision, start,
};
use huemill_actors::workers::Workers;
use huemill_observability::Event;
use tokio::sync::mpsc;

/// An actix system whose time advances only while all tasks wait, for `#[actix_rt::test(system = "PausedTime")]`.
pub struct PausedTime;

impl PausedTime {
    #[allow(clippy::new_ret_no_self, reason = "the attribute calls this name")]
    pub fn new() -> SystemRunner {
        let runtime =
            || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        System::with_tokio_rt(|| runtime().unwrap())
    }
}

/// Supervision, and what it reports.
pub struct TestSupervision {
    pub supervision: Supervision,
    pub events: mpsc::Receiver<Event>,
    pub fatal_error: FatalErrorReceiver,
}

impl TestSupervision {
    pub fn with(policy: RestartPolicy) -> Self {
        let (recorder, events) = Recorder::channel(10_000);
        let (shutdown_trigger, fatal_error) = ShutdownTrigger::new();
        let actor_registry = ActorRegistry::default();
        let supervision = Supervision { policy, recorder, shutdown_trigger, actor_registry };
        Self { supervision, events, fatal_error }
    }

    /// Restarts actors after a millisecond.
    pub fn quick() -> Self {
        Self::with(RestartPolicy { first_backoff: Duration::from_millis(1), ..RestartPolicy::default() })
    }

    pub fn start(&self, actor: TestActor) -> Addr<TestActor> {
        start(System::current().arbiter(), "test_actor", &self.supervision, |_| actor)
    }

    pub fn status(&self) -> ActorStatus {
        self.supervision.actor_registry.of("test_actor").unwrap()
    }

    pub fn restart_causes(&mut self) -> Vec<&'static str> {
        let cause = |event| match event {
            Event::ActorRestarted { cause, .. } => Some(cause),
            _ => None,
        };
        std::iter::from_fn(|| self.events.try_recv().ok()).filter_map(cause).collect()
    }
}

/// A counter that fails on command.
#[derive(Default)]
pub struct TestActor {
    pub count: usize,
    pub starts: Arc<AtomicUsize>,
    pub ticks: Arc<AtomicUsize>,
    pub on_start: FailurePlan,
    pub on_restart: FailurePlan,
    pub on_stop: FailurePlan,
}

/// How often to fail, and how.
#[derive(Clone, Default)]
pub struct FailurePlan(pub Arc<Mutex<(usize, Failure)>>);

#[derive(Clone, Copy, Default)]
pub enum Failure {
    #[default]
    Panic,
    Stop,
}

impl FailurePlan {
    pub fn times(times: usize, failure: Failure) -> Self {
        Self(Arc::new(Mutex::new((times, failure))))
    }

    pub fn trigger(&self, ctx: &mut Context<TestActor>) {
        let failure = {
            let mut plan = self.0.lock().unwrap();
            if plan.0 == 0 {
                return;
            }
            plan.0 -= 1;
            plan.1
        };
        match failure {
            Failure::Panic => panic!("as planned"),
            Failure::Stop => ctx.stop(),
        }
    }
}

impl Actor for TestActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.starts.fetch_add(1, Ordering::SeqCst);
        ctx.run_interval(Duration::from_millis(10), |actor, _| {
            actor.ticks.fetch_add(1, Ordering::SeqCst);
        });
        self.on_start.trigger(ctx);
    }

    fn stopped(&mut self, ctx: &mut Self::Context) {
        self.on_stop.trigger(ctx);
    }
}

impl actix::Supervised for TestActor {
    fn restarting(&mut self, ctx: &mut Self::Context) {
        self.count = 0;
        self.on_restart.trigger(ctx);
    }
}

pub struct Add(pub usize);
pub struct PanicLater;
pub struct StopNow;

impl Message for Add {
    type Result = usize;
}

impl Message for PanicLater {
    type Result = ();
}

impl Message for StopNow {
    type Result = ();
}

impl Handler<Add> for TestActor {
    type Result = usize;

    fn handle(&mut self, Add(more): Add, _: &mut Self::Context) -> usize {
        self.count += more;
        self.count
    }
}

impl Handler<PanicNow> for TestActor {
    type Result = ();

    fn handle(&mut self, _: PanicNow, _: &mut Self::Context) {
        panic!("broken")
    }
}

impl Handler<PanicLater> for TestActor {
    type Result = ();

    fn handle(&mut self, _: PanicLater, ctx: &mut Self::Context) {
        ctx.run_later(Duration::from_millis(5), |_, _| panic!("broken later"));
    }
}

impl Handler<StopNow> for TestActor {
    type Result = ();

    fn handle(&mut self, _: StopNow, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

/// Makes any actor panic.
pub struct PanicNow;

impl Message for PanicNow {
    type Result = ();
}

macro_rules! panic_on_command {
    ($($actor:ty),+) => {
        $(impl Handler<PanicNow> for $actor {
            type Result = ();

            fn handle(&mut self, _: PanicNow, _: &mut Context<Self>) {
                panic!("as planned")
            }
        })+
    };
}

panic_on_command!(Delivery, Dispatcher, Fetcher, Health, Idempotency, Intake, Janitor, Metrics, Workers);
