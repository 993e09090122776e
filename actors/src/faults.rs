//! Faults on order, for the drills: what no fault from outside brings about. Only in a build with the feature `faults`,
//! which no release has.

use actix::{Handler, Message};

use crate::janitor::Janitor;

/// Has the actor that it is sent to panic.
#[derive(Debug, Clone, Copy)]
pub struct Panic;

impl Message for Panic {
    type Result = ();
}

impl Handler<Panic> for Janitor {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("ordered by a drill");
    }
}
