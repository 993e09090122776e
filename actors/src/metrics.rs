//! Metrics: counts recorded events into the registry and renders it for scrapes.
//!
//! Events arrive through a bounded channel rather than the mailbox, whose limit applies to each clone of an address
//! separately. Senders never wait; events that do not fit are dropped, and the drops are counted. A scrape sends
//! [`Render`]. If the actor fails, at most one event is lost: channel and registry outlive it, so counters do not
//! restart.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::{Actor, AsyncContext, Context, Handler, Message, StreamHandler, Supervised};
use futures_util::stream::poll_fn;
use huemill_observability::{Event, Registry};
use tokio::sync::mpsc;

use crate::supervise::answer_pings;

pub use crate::telemetry::Recorder;

/// Maximum number of events counted in one turn, so that pings and scrapes get theirs.
const EVENTS_PER_TURN: usize = 256;

/// Renders all metrics in Prometheus's text format.
#[derive(Debug, Clone, Copy)]
pub struct Render;

impl Message for Render {
    type Result = String;
}

/// The actor that counts events.
pub struct Metrics {
    registry: Arc<Registry>,
    events: Arc<Mutex<mpsc::Receiver<Event>>>,
    recorder: Recorder,
}

impl Metrics {
    /// Counts into `registry` what is sent through `recorder`.
    #[must_use]
    pub fn new(registry: Arc<Registry>, recorder: Recorder, events: mpsc::Receiver<Event>) -> Self {
        Self { registry, events: Arc::new(Mutex::new(events)), recorder }
    }
}

impl Metrics {
    /// Counts waiting events, at most `limit` of them.
    fn count(&self, limit: usize) {
        for _ in 0..limit {
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
    /// Also counts the events that arrived meanwhile: one turn of the arbiter per event would cost more than the
    /// event.
    fn handle(&mut self, event: Event, _: &mut Self::Context) {
        self.registry.record(&event);
        self.count(EVENTS_PER_TURN);
    }

    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<Render> for Metrics {
    type Result = String;

    /// Counts all waiting events first, so that a scrape shows everything recorded before it. It takes no more than
    /// the channel holds at the start, so it ends.
    fn handle(&mut self, _: Render, _: &mut Self::Context) -> String {
        let waiting = lock(&self.events).len();
        self.count(waiting);
        self.registry.set_dropped(self.recorder.dropped());
        self.registry.render()
    }
}

answer_pings!(Metrics);
