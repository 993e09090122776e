//! A message that makes real actors panic. The tests inject this fault from outside, so the actors need no hook for
//! it.

use actix::{Context, Handler, Message};
use huemill_actors::delivery::Delivery;
use huemill_actors::dispatcher::Dispatcher;
use huemill_actors::fetcher::Fetcher;
use huemill_actors::health::Health;
use huemill_actors::idempotency::Idempotency;
use huemill_actors::intake::Intake;
use huemill_actors::janitor::Janitor;
use huemill_actors::metrics::Metrics;
use huemill_actors::workers::Workers;

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
