//! A supervised actor that fails on command.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, System};
use huemill_actors::metrics::Recorder;
use huemill_actors::supervise::{
    ActorRegistry, ActorStatus, FatalErrorReceiver, RestartPolicy, ShutdownTrigger, Supervision, start,
};
use huemill_observability::Event;
use tokio::sync::mpsc;

/// Runs a test on an actix system whose time moves only when everybody waits.
pub fn on_paused_time(test: impl Future<Output = ()>) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    System::with_tokio_rt(|| runtime().unwrap()).block_on(test);
}

/// Supervision under test.
pub struct Stage {
    pub supervision: Supervision,
    pub events: mpsc::Receiver<Event>,
    pub fatal_error: FatalErrorReceiver,
}

impl Stage {
    pub fn with(policy: RestartPolicy) -> Self {
        let (recorder, events) = Recorder::channel(100);
        let (shutdown_trigger, fatal_error) = ShutdownTrigger::new();
        Self {
            supervision: Supervision {
                policy,
                recorder,
                shutdown_trigger,
                actor_registry: ActorRegistry::default(),
            },
            events,
            fatal_error,
        }
    }

    pub fn start(&self, subject: Subject) -> Addr<Subject> {
        start(System::current().arbiter(), "subject", &self.supervision, |_| subject)
    }

    pub fn standing(&self) -> ActorStatus {
        self.supervision.actor_registry.of("subject").unwrap()
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
pub struct Subject {
    pub count: usize,
    pub lives: Arc<AtomicUsize>,
    pub ticks: Arc<AtomicUsize>,
    pub on_start: Plan,
    pub on_restart: Plan,
    pub at_the_end: Plan,
}

/// What goes wrong, how many times.
#[derive(Clone, Default)]
pub struct Plan(pub Arc<Mutex<(usize, Fate)>>);

#[derive(Clone, Copy, Default)]
pub enum Fate {
    #[default]
    Panic,
    Stop,
}

impl Plan {
    pub fn times(times: usize, fate: Fate) -> Self {
        Self(Arc::new(Mutex::new((times, fate))))
    }

    pub fn meet(&self, ctx: &mut Context<Subject>) {
        let fate = {
            let mut plan = self.0.lock().unwrap();
            if plan.0 == 0 {
                return;
            }
            plan.0 -= 1;
            plan.1
        };
        match fate {
            Fate::Panic => panic!("as planned"),
            Fate::Stop => ctx.stop(),
        }
    }
}

impl Actor for Subject {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.lives.fetch_add(1, Ordering::SeqCst);
        ctx.run_interval(Duration::from_millis(10), |subject, _| {
            subject.ticks.fetch_add(1, Ordering::SeqCst);
        });
        self.on_start.meet(ctx);
    }

    fn stopped(&mut self, ctx: &mut Self::Context) {
        self.at_the_end.meet(ctx);
    }
}

impl actix::Supervised for Subject {
    fn restarting(&mut self, ctx: &mut Self::Context) {
        self.count = 0;
        self.on_restart.meet(ctx);
    }
}

pub struct Add(pub usize);
pub struct Break;
pub struct BreakLater;
pub struct Halt;

impl Message for Add {
    type Result = usize;
}
impl Message for Break {
    type Result = ();
}
impl Message for BreakLater {
    type Result = ();
}
impl Message for Halt {
    type Result = ();
}

impl Handler<Add> for Subject {
    type Result = usize;

    fn handle(&mut self, Add(more): Add, _: &mut Self::Context) -> usize {
        self.count += more;
        self.count
    }
}

impl Handler<Break> for Subject {
    type Result = ();

    fn handle(&mut self, _: Break, _: &mut Self::Context) {
        panic!("broken")
    }
}

impl Handler<BreakLater> for Subject {
    type Result = ();

    fn handle(&mut self, _: BreakLater, ctx: &mut Self::Context) {
        ctx.run_later(Duration::from_millis(5), |_, _| panic!("broken later"));
    }
}

impl Handler<Halt> for Subject {
    type Result = ();

    fn handle(&mut self, _: Halt, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
