//! A sign of life of the slots, and the figures of the moment.

use actix::{Handler, Message};

use super::Workers;
use crate::supervise::{self, Pong};

/// Asks whether the slots are alive: answered when each thread has answered or is at an attempt that is not
/// overdue. Whoever asks sets the time limit.
#[derive(Debug, Clone, Copy)]
pub struct Ping;

impl Message for Ping {
    type Result = SlotFigures;
}

/// The figures of the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotFigures {
    /// Slots in all.
    pub slots: usize,
    /// Slots at work.
    pub busy: usize,
    /// Attempts that wait for a slot.
    pub queued: usize,
    /// Threads that were given up and still run.
    pub abandoned: usize,
}

/// The actor's own sign of life, whatever its slots do.
impl Handler<supervise::Ping> for Workers {
    type Result = Pong;

    fn handle(&mut self, _: supervise::Ping, _: &mut Self::Context) -> Pong {
        Pong::now()
    }
}
