//! Delivery: sends the webhooks of ended jobs from the outbox to their receivers.
//!
//! It claims what is due, sends it and records the result. The rows say what is due, so a wake-up is only a hint,
//! and an attempt that dies with its process falls due again. A slow or dead receiver delays only its own
//! deliveries: the number of attempts per host and per address is limited, and a circuit breaker pauses a host that keeps
//! failing. Callers share the places for attempts, and first attempts go before further ones, so one whose receivers
//! hang delays only itself. On a store of its own, an idle Delivery sends no queries. If the actor fails, the attempts in flight are lost
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
pub use signature::{KeySecrets, Signatures, Signer, hex};
pub use webhook::failure;

use crate::clock::Instant;
use crate::outbound::{AtOnce, Endpoints};
use crate::share::{Place, Places};
use crate::supervise::{Drain, answer_pings};
use attempt::attempt;
use hosts::{BUSY_WAIT, HostAdmission, HostHealth, Hosts};

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
    /// One for each attempt in flight, shared among callers.
    places: Places,
    endpoints: Endpoints,
    /// Where the turns of the callers go on.
    turns: [String; 2],
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
            sender: Arc::new(sender),
            hosts,
            places: Places::new(u64::from(settings.at_once)),
            endpoints: Endpoints::new(settings.each),
            turns: [String::new(), String::new()],
            settings,
            in_flight: watch::Sender::new(0),
            claim_state: ClaimState::Idle,
            alarm: None,
        }
    }

    /// Which deliveries to claim now: no caller gets more than its share.
    fn request(&mut self) -> ClaimDue {
        let room = |caller| self.places.room(caller) as u32;
        let holders = self.places.holders();
        ClaimDue {
            limit: (self.places.total() - self.places.taken()) as u32,
            limit_per_host: self.settings.each,
            limit_per_caller: self.places.room_for_another() as u32,
            callers: holders.into_iter().map(|caller| (caller, room(caller))).collect(),
            excluded_hosts: self.hosts.unavailable(Instant::now(), MAX_EXCLUDED),
            turns: self.turns.clone(),
            lease: self.settings.hold(),
        }
    }

    /// Claims what is due. If a claim is running, another one follows it.
    fn claim(&mut self, ctx: &mut Context<Self>) {
        if self.claim_state != ClaimState::Idle {
            self.claim_state = ClaimState::RunAgain;
            return;
        }
        if !self.settings.sends || self.sender.drain.has_begun() {
            return;
        }
        let call = self.request();
        if call.limit == 0 {
            return;
        }
        self.claim_state = ClaimState::Running;
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
        self.turns = deliveries.turns;
        for due in deliveries.due {
            match self.admit(&due, now) {
                Ok(place) => self.start(due, place, ctx),
                Err(wait) => snoozed.push((due.lease, wait)),
            }
        }
        self.snooze(snoozed, ctx);
        let opens = self.hosts.next_opening(now);
        let next = deliveries.next.filter(|next| !next.is_zero());
        let others = (deliveries.has_more_callers && is_empty).then_some(BUSY_WAIT);
        if let Some(wait) = [next, opens, others].into_iter().flatten().min() {
            self.wake_in(wait, ctx);
        }
        if again || !is_empty {
            self.claim(ctx);
        }
    }

    /// A place for an attempt, or how long to wait for one.
    fn admit(&mut self, due: &DueDelivery, now: Instant) -> Result<Place, Duration> {
        let place = self.places.try_take(due.caller, 1).map_err(|_| BUSY_WAIT)?;
        match self.hosts.admit(&due.host, now) {
            HostAdmission::Admitted => Ok(place),
            HostAdmission::Wait(wait) => Err(wait),
        }
    }

    fn start(&mut self, due: DueDelivery, place: Place, ctx: &mut Context<Self>) {
        self.update_in_flight(|in_flight| in_flight + 1);
        let host = due.host.clone();
        let admission = AtOnce { endpoints: self.endpoints.clone(), caller: due.caller };
        let work = attempt(Arc::clone(&self.sender), self.settings.clone(), due, admission);
        ctx.spawn(wrap_future(work).map(move |health: HostHealth, delivery: &mut Self, ctx| {
            drop(place);
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
        self.places = Places::new(u64::from(self.settings.at_once));
        self.endpoints = Endpoints::new(self.settings.each);
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
