//! Metrics: the registry, and the [`Recorder`] through which everybody tells what happened.
//!
//! Events come through a bounded channel of their own: a mailbox's bound counts for each clone of an address
//! alone, so it is none. Nobody ever waits to tell; what does not fit is dropped, and the drops are counted. A
//! scrape asks with [`Render`]. If the actor fails, one event is lost: channel and registry outlive it, so that
//! no counter starts again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::{Actor, AsyncContext, Context, Handler, Message, StreamHandler, Supervised};
use futures_util::stream::poll_fn;
use huemill_observability::{Event, Registry};
use tokio::sync::mpsc;

use crate::supervise::{Ping, Pong};

/// Most events that are counted in one turn, so that pings and scrapes have theirs.
const TURN: usize = 256;

/// Asks for all metrics in Prometheus's text format.
#[derive(Debug, Clone, Copy)]
pub struct Render;

impl Message for Render {
    type Result = String;
}

/// Tells the Metrics actor what happened. Never waits: when the channel is full the event is dropped and the
/// drop counted. Clones share the channel.
#[derive(Debug, Clone)]
pub struct Recorder {
    events: mpsc::Sender<Event>,
    dropped: Arc<AtomicU64>,
}

impl Recorder {
    /// A recorder and the other end of its channel, which holds `capacity` events, 1 at least.
    #[must_use]
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<Event>) {
        let (events, receiver) = mpsc::channel(capacity.max(1));
        (Self { events, dropped: Arc::default() }, receiver)
    }

    /// Notes an event; cheap, and from any thread.
    pub fn record(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Events dropped since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The actor.
pub struct Metrics {
    registry: Arc<Registry>,
    events: Arc<Mutex<mpsc::Receiver<Event>>>,
    recorder: Recorder,
}

impl Metrics {
    /// Metrics that count into `registry` what `recorder` was told.
    #[must_use]
    pub fn new(registry: Arc<Registry>, recorder: Recorder, events: mpsc::Receiver<Event>) -> Self {
        Self { registry, events: Arc::new(Mutex::new(events)), recorder }
    }
}

impl Metrics {
    /// Counts what is waiting, up to `most` of it.
    fn count(&self, most: usize) {
        for _ in 0..most {
            let event = lock(&self.events).try_recv();
            let Ok(event) = event else { break };
            self.registry.record(&event);
        }
    }
}

fn lock(events: &Mutex<mpsc::Receiver<Event>>) -> MutexGuard<'_, mpsc::Receiver<Event>> {
    events.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Actor for Metrics {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let events = Arc::clone(&self.events);
        ctx.add_stream(poll_fn(move |cx| lock(&events).poll_recv(cx)));
    }
}

impl Supervised for Metrics {}

impl StreamHandler<Event> for Metrics {
    /// With what came in meanwhile: an arbiter's turn for each event would cost more than the event.
    fn handle(&mut self, event: Event, _: &mut Self::Context) {
        self.registry.record(&event);
        self.count(TURN);
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<Render> for Metrics {
    type Result = String;

    /// Counts what is waiting first, no more of it than the channel holds: a scrape sees all that was told
    /// before it.
    fn handle(&mut self, _: Render, _: &mut Self::Context) -> String {
        let waiting = lock(&self.events).len();
        self.count(waiting);
        self.registry.set_dropped(self.recorder.dropped());
        self.registry.render()
    }
}

impl Handler<Ping> for Metrics {
    type Result = Pong;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Pong {
        Pong::now()
    }
}
