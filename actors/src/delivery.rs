//! Delivery: sends the webhooks of ended jobs from the outbox to their receivers.
//!
//! It claims what is due, sends it and records the result. The rows say what is due, so a wake-up is only a hint,
//! and an attempt that dies with its process falls due again. A slow or dead receiver delays only its own
//! deliveries: the number of attempts per host is limited, and a circuit breaker pauses a host that keeps failing.
//! On a store of its own, an idle Delivery sends no queries. If the actor fails, the attempts in flight are lost
//! and fall due again.

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
pub use signature::{Signatures, Signer, hex};
pub use webhook::failure;

use crate::clock::Instant;
use crate::supervise::{Drain, answer_pings};
use attempt::attempt;
use hosts::{HostAdmission, HostHealth, Hosts};

/// Sent when something may be due: a job ended, or an operator wants a webhook sent again.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryDue;

impl Message for DeliveryDue {
    type Result = ();
}

/// The pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// Maximum number of unavailable hosts that a claim excludes.
const MAX_EXCLUDED: usize = 64;

/// Whether a claim is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClaimState {
    Idle,
    Running,
    /// Another claim must follow the running one.
    RunAgain,
}

/// The actor that sends webhooks.
pub struct Delivery {
    settings: DeliverySettings,
    sender: Arc<WebhookSender>,
    hosts: Hosts,
    in_flight: watch::Sender<u32>,
    claim_state: ClaimState,
    alarm: Option<SpawnHandle>,
}

impl Delivery {
    /// A delivery actor with nothing in flight.
    #[must_use]
    pub fn new(settings: DeliverySettings, sender: WebhookSender) -> Self {
        let hosts = Hosts::new(settings.each, settings.circuit);
        Self {
            settings,
            sender: Arc::new(sender),
            hosts,
            in_flight: watch::Sender::new(0),
            claim_state: ClaimState::Idle,
            alarm: None,
        }
    }

    fn free(&self) -> u32 {
        self.settings.at_once.saturating_sub(*self.in_flight.borrow())
    }

    /// Claims what is due. If a claim is running, another one follows it.
    fn claim(&mut self, ctx: &mut Context<Self>) {
        if self.claim_state != ClaimState::Idle {
            self.claim_state = ClaimState::RunAgain;
            return;
        }
        let most = self.free();
        if most == 0 || !self.settings.sends || self.sender.drain.has_begun() {
            return;
        }
        self.claim_state = ClaimState::Running;
        let without = self.hosts.unavailable(Instant::now(), MAX_EXCLUDED);
        let call = ClaimDue {
            limit: most,
            limit_per_host: self.settings.each,
            excluded_hosts: without,
            lease: self.settings.hold(),
        };
        let store = self.sender.repository.store.clone();
        let claim = async move { store.due(&call).await };
        ctx.spawn(wrap_future(claim).map(|claimed, delivery: &mut Self, ctx| {
            let again =
                std::mem::replace(&mut delivery.claim_state, ClaimState::Idle) == ClaimState::RunAgain;
            match claimed {
                Ok(deliveries) => delivery.take(deliveries, again, ctx),
                Err(error) => {
                    log!(DELIVERY_PAUSED, pause_ms = STORE_PAUSE.as_millis() as u64, cause = %error);
                    delivery.wake_in(STORE_PAUSE, ctx);
                }
            }
        }));
    }

    /// Starts the claimed deliveries, and claims again if that may bring more.
    fn take(&mut self, deliveries: DueDeliveries, again: bool, ctx: &mut Context<Self>) {
        let (mut snoozed, now, is_empty) = (Vec::new(), Instant::now(), deliveries.due.is_empty());
        for due in deliveries.due {
            match self.hosts.admit(&due.host, now) {
                HostAdmission::Admitted => self.start(due, ctx),
                HostAdmission::Wait(wait) => snoozed.push((due.lease, wait)),
            }
        }
        self.snooze(snoozed, ctx);
        let opens = self.hosts.next_opening(now);
        let next = deliveries.next.filter(|next| !next.is_zero());
        if let Some(wait) = [next, opens].into_iter().flatten().min() {
            self.wake_in(wait, ctx);
        }
        if again || !is_empty {
            self.claim(ctx);
        }
    }

    fn start(&mut self, due: DueDelivery, ctx: &mut Context<Self>) {
        self.update_in_flight(|in_flight| in_flight + 1);
        let host = due.host.clone();
        let work = attempt(Arc::clone(&self.sender), self.settings.clone(), due);
        ctx.spawn(wrap_future(work).map(move |health: HostHealth, delivery: &mut Self, ctx| {
            delivery.update_in_flight(|in_flight| in_flight - 1);
            delivery.hosts.finished(&host, health, Instant::now());
            delivery.claim(ctx);
        }));
    }

    /// Changes the number of attempts in flight and publishes it.
    fn update_in_flight(&self, change: impl FnOnce(u32) -> u32) {
        self.in_flight.send_modify(|in_flight| *in_flight = change(*in_flight));
        let in_flight = *self.in_flight.borrow();
        self.sender.observed.update(|all| all.delivery.in_flight = in_flight);
    }

    /// Postpones claimed deliveries whose hosts are unavailable. If this fails, their claims run out.
    fn snooze(&self, leases: Vec<(DeliveryLease, Duration)>, ctx: &mut Context<Self>) {
        for (lease, wait) in leases {
            let store = self.sender.repository.store.clone();
            ctx.spawn(wrap_future(async move {
                let _ = store.snooze(&[lease], wait).await;
            }));
        }
    }

    /// Claims again after this wait, or sooner.
    fn wake_in(&mut self, wait: Duration, ctx: &mut Context<Self>) {
        if let Some(alarm) = self.alarm.take() {
            ctx.cancel_future(alarm);
        }
        self.alarm = Some(ctx.run_later(wait.min(self.settings.longest_sleep), |delivery, ctx| {
            delivery.alarm = None;
            delivery.claim(ctx);
        }));
    }
}

impl Actor for Delivery {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        (self.claim_state, self.alarm) = (ClaimState::Idle, None);
        self.claim(ctx);
        if !self.sender.repository.store.is_sole_writer() {
            ctx.run_interval(self.settings.poll, Self::claim);
        }
    }
}

impl Supervised for Delivery {
    /// The attempts in flight are gone with the failed actor.
    fn restarting(&mut self, _: &mut Self::Context) {
        self.hosts = Hosts::new(self.settings.each, self.settings.circuit);
        self.update_in_flight(|_| 0);
    }
}

impl Handler<DeliveryDue> for Delivery {
    type Result = ();

    fn handle(&mut self, _: DeliveryDue, ctx: &mut Self::Context) {
        self.claim(ctx);
    }
}

impl Handler<Drain> for Delivery {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, drain: Drain, _: &mut Self::Context) -> Self::Result {
        let mut in_flight = self.in_flight.subscribe();
        Box::pin(async move {
            let _ = tokio::time::timeout_at(drain.until, in_flight.wait_for(|count| *count == 0)).await;
        })
    }
}

answer_pings!(Delivery);
