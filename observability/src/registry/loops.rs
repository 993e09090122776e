//! How long messages wait for their actors, and timers for their event loops.

use std::time::Duration;

use prometheus::{HistogramVec, Registry, register_histogram_vec_with_registry};

use super::Known;
use crate::EventLoop;

/// Edges in seconds: a message crosses threads in some ten microseconds.
const MAILBOX_SECONDS: [f64; 9] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0];

/// Edges in seconds: timers tick in milliseconds, so that the first edge holds what is in time.
const LAG_SECONDS: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

#[derive(Debug)]
pub(super) struct Loops {
    mailbox: HistogramVec,
    lag: HistogramVec,
}

impl Loops {
    pub(super) fn new(registry: &Registry, known: &Known<'_>) -> Result<Self, prometheus::Error> {
        let loops = Self {
            mailbox: register_histogram_vec_with_registry!(
                "actor_mailbox_wait_seconds",
                "Time that a ping waited in an actor's mailbox, or until it was given up, by actor.",
                &["actor"],
                MAILBOX_SECONDS.to_vec(),
                registry
            )?,
            lag: register_histogram_vec_with_registry!(
                "event_loop_lag_seconds",
                "Time by which an event loop's timer of every second was late, by kind of loop.",
                &["loop"],
                LAG_SECONDS.to_vec(),
                registry
            )?,
        };
        for actor in known.mailboxes {
            loops.mailbox.with_label_values(&[actor]);
        }
        for kind in EventLoop::ALL {
            loops.lag.with_label_values(&[kind.name()]);
        }
        Ok(loops)
    }

    pub(super) fn waited(&self, actor: &str, time: Duration) {
        self.mailbox.with_label_values(&[actor]).observe(time.as_secs_f64());
    }

    pub(super) fn lagged(&self, kind: EventLoop, time: Duration) {
        self.lag.with_label_values(&[kind.name()]).observe(time.as_secs_f64());
    }
}
