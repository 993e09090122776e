//! The message over which the real actors panic: the fault that is injected from outside, so that they carry no
//! hook for it.

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

pub struct Break;

impl Message for Break {
    type Result = ();
}

macro_rules! breaks {
    ($($actor:ty),+) => {
        $(impl Handler<Break> for $actor {
            type Result = ();

            fn handle(&mut self, _: Break, _: &mut Context<Self>) {
                panic!("as planned")
            }
        })+
    };
}

breaks!(Delivery, Dispatcher, Fetcher, Health, Idempotency, Intake, Janitor, Metrics, Workers);
