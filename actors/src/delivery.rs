//! Delivery: jobs' ends from the outbox to whoever wants to be told.
//!
//! It claims what is due, sends it, writes down what came of it; the rows say what is due, so a wake is a hint and
//! a process that dies over a try leaves it to the next claim. A receiver that is slow or dead costs its own
//! deliveries time and nobody else's: each host has a few places, and one that fails on and on is left alone for
//! a while. Idle on a store of its own it asks nothing. If the actor fails, tries in flight are lost and fall due
//! again.

mod attempt;
mod hosts;
mod schedule;
mod settings;
mod signature;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, ResponseFuture, SpawnHandle, Supervised,
};
use huemill_observability::log;
use huemill_store::outbox::{ClaimDue, DeliveryLease, DueDeliveries, DueDelivery};
use tokio::sync::watch;

pub use schedule::Schedule;
pub use settings::{DeliverySettings, DownloadUrl, WebhookSender};
pub use signature::{Signatures, Signer};
pub use webhook::failure;

use crate::clock::Instant;
use crate::supervise::{Ping, Pong};
use attempt::attempt;
use hosts::{Admission, HostHealth, Hosts};

/// Something may be due: a job ended, or an operator wants something sent anew.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryDue;

impl Message for DeliveryDue {
    type Result = ();
}

/// Sent when the service drains, so that nothing more is begun: waits until then for the tries in flight.
#[derive(Debug, Clone, Copy)]
pub struct Drain {
    /// Until when.
    pub until: Instant,
}

impl Message for Drain {
    type Result = ();
}

/// The wait after the store failed.
const PAUSE: Duration = Duration::from_secs(2);

/// Hosts that a claim leaves out, at most.
const LEFT_OUT: usize = 64;

/// Whether the store is being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    No,
    Yes,
    /// And must be asked again after that.
    Again,
}

/// The actor.
pub struct Delivery {
    settings: DeliverySettings,
    sender: Arc<WebhookSender>,
    hosts: Hosts,
    flying: watch::Sender<u32>,
    asking: Asking,
    alarm: Option<SpawnHandle>,
}

impl Delivery {
    /// Nothing in flight.
    #[must_use]
    pub fn new(settings: DeliverySettings, sender: WebhookSender) -> Self {
        let hosts = Hosts::new(settings.each, settings.circuit);
        Self {
            settings,
            sender: Arc::new(sender),
            hosts,
            flying: watch::Sender::new(0),
            asking: Asking::No,
            alarm: None,
        }
    }

    fn free(&self) -> u32 {
        self.settings.at_once.saturating_sub(*self.flying.borrow())
    }

    fn ask(&mut self, ctx: &mut Context<Self>) {
        if self.asking != Asking::No {
            self.asking = Asking::Again;
            return;
        }
        let most = self.free();
        if most == 0 || !self.settings.sends || self.sender.drain.has_begun() {
            return;
        }
        self.asking = Asking::Yes;
        let without = self.hosts.closed(Instant::now(), LEFT_OUT);
        let call = ClaimDue {
            limit: most,
            limit_per_host: self.settings.each,
            excluded_hosts: without,
            lease: self.settings.hold(),
        };
        let store = self.sender.repository.store.clone();
        let post = async move { store.due(&call).await };
        ctx.spawn(wrap_future(post).map(|post, delivery: &mut Self, ctx| {
            let again = std::mem::replace(&mut delivery.asking, Asking::No) == Asking::Again;
            match post {
                Ok(post) => delivery.take(post, again, ctx),
                Err(error) => {
                    log!(DELIVERY_PAUSED, pause_ms = PAUSE.as_millis() as u64, cause = %error);
                    delivery.wake_in(PAUSE, ctx);
                }
            }
        }));
    }

    fn take(&mut self, post: DueDeliveries, again: bool, ctx: &mut Context<Self>) {
        let (mut snooze, now, got) = (Vec::new(), Instant::now(), !post.due.is_empty());
        for due in post.due {
            match self.hosts.admit(&due.host, now) {
                Admission::Go => self.begin(due, ctx),
                Admission::Wait(wait) => snooze.push((due.lease, wait)),
            }
        }
        self.snooze(snooze, ctx);
        let opens = self.hosts.opens_in(now);
        let next = post.next.filter(|next| !next.is_zero());
        if let Some(wait) = [next, opens].into_iter().flatten().min() {
            self.wake_in(wait, ctx);
        }
        if again || got {
            self.ask(ctx);
        }
    }

    fn begin(&mut self, due: DueDelivery, ctx: &mut Context<Self>) {
        self.flies(|flying| flying + 1);
        let host = due.host.clone();
        let work = attempt(Arc::clone(&self.sender), self.settings.clone(), due);
        ctx.spawn(wrap_future(work).map(move |health: HostHealth, delivery: &mut Self, ctx| {
            delivery.flies(|flying| flying - 1);
            delivery.hosts.left(&host, health, Instant::now());
            delivery.ask(ctx);
        }));
    }

    /// Changes how many are in flight, and shows it.
    fn flies(&self, change: impl FnOnce(u32) -> u32) {
        self.flying.send_modify(|flying| *flying = change(*flying));
        let in_flight = *self.flying.borrow();
        self.sender.observed.update(|all| all.delivery.in_flight = in_flight);
    }

    /// Those for whom there was no place after all. Should this fail, their claims run out.
    fn snooze(&self, leases: Vec<(DeliveryLease, Duration)>, ctx: &mut Context<Self>) {
        for (lease, wait) in leases {
            let store = self.sender.repository.store.clone();
            ctx.spawn(wrap_future(async move {
                let _ = store.snooze(&[lease], wait).await;
            }));
        }
    }

    /// Asks again after this wait, or sooner.
    fn wake_in(&mut self, wait: Duration, ctx: &mut Context<Self>) {
        if let Some(alarm) = self.alarm.take() {
            ctx.cancel_future(alarm);
        }
        self.alarm = Some(ctx.run_later(wait.min(self.settings.longest_sleep), |delivery, ctx| {
            delivery.alarm = None;
            delivery.ask(ctx);
        }));
    }
}

impl Actor for Delivery {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        (self.asking, self.alarm) = (Asking::No, None);
        self.ask(ctx);
        if !self.sender.repository.store.is_sole_writer() {
            ctx.run_interval(self.settings.poll, Self::ask);
        }
    }
}

impl Supervised for Delivery {
    /// The tries in flight are gone with the failure.
    fn restarting(&mut self, _: &mut Self::Context) {
        self.hosts = Hosts::new(self.settings.each, self.settings.circuit);
        self.flies(|_| 0);
    }
}

impl Handler<DeliveryDue> for Delivery {
    type Result = ();

    fn handle(&mut self, _: DeliveryDue, ctx: &mut Self::Context) {
        self.ask(ctx);
    }
}

impl Handler<Drain> for Delivery {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, rest: Drain, _: &mut Self::Context) -> Self::Result {
        let mut flying = self.flying.subscribe();
        Box::pin(async move {
            let _ = tokio::time::timeout_at(rest.until, flying.wait_for(|flying| *flying == 0)).await;
        })
    }
}

impl Handler<Ping> for Delivery {
    type Result = Pong;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Pong {
        Pong::now()
    }
}
