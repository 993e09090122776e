//! The Janitor: what is past its time goes, in bounded batches, counted.
//!
//! Jobs past their TTL become tombstones and lose their items; blobs go after the rows that named them: a
//! tombstone's all, an ended job's inputs. Tombstones, keys and nonces go when their own time has passed. Blobs
//! whose job has no row, left by a crash between blob and row, are found by walking the blob store, and go once
//! they are old enough not to belong to a job that is being received. How much there is is measured at start and every
//! minute, but in no more than a five-hundredth of the time: a walk that takes long is taken less often. If it fails or the store is away, nothing is
//! lost: it is done the next time.

mod broom;

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, Supervised};
use huemill_observability::log;

use crate::clock::Instant;
use crate::estimate::Estimate;
use crate::fault::Fault;
use crate::fill::Fill;
use crate::metrics::Recorder;
use crate::records::Records;
use crate::supervise::{Heard, Ping};
use broom::Broom;

/// A job has ended or was deleted: blobs may go.
#[derive(Debug, Clone, Copy)]
pub struct Wake;

impl Message for Wake {
    type Result = ();
}

/// When what goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JanitorSettings {
    /// Between two rounds.
    pub interval: Duration,
    /// How long a tombstone stays.
    pub tombstone: Duration,
    /// How old a blob without a row must be to count as an orphan.
    pub orphan: Duration,
    /// Between two walks over the blobs for orphans.
    pub walk: Duration,
    /// Between two measurements of the blobs, at least.
    pub measure: Duration,
    /// What is removed at a time.
    pub batch: u32,
}

impl Default for JanitorSettings {
    /// A round and a measurement a minute, tombstones of 7 days, orphans of an hour, a walk an hour, 100 at a time.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            tombstone: Duration::from_secs(7 * 24 * 3600),
            orphan: Duration::from_secs(3600),
            walk: Duration::from_secs(3600),
            measure: Duration::from_secs(60),
            batch: 100,
        }
    }
}

/// The actor.
pub struct Janitor {
    settings: JanitorSettings,
    broom: Arc<Broom>,
    walked: Option<Instant>,
    sweeping: bool,
    tidy_due: bool,
}

/// After a measurement, so many times as long as it took pass before the next.
const REST: u32 = 499;

/// After a wake, what ends within this time is tidied up in one go.
const TIDY: Duration = Duration::from_secs(1);

impl Janitor {
    /// A janitor of these records.
    #[must_use]
    pub(crate) fn new(
        settings: JanitorSettings,
        records: Records,
        estimate: Estimate,
        fill: Fill,
        recorder: Recorder,
    ) -> Self {
        let broom = Arc::new(Broom { settings, records, estimate, fill, recorder });
        Self { settings, broom, walked: None, sweeping: false, tidy_due: false }
    }

    fn sweep(&mut self, ctx: &mut Context<Self>) {
        let walk = self.walked.is_none_or(|walked| walked.elapsed() >= self.settings.walk);
        let broom = Arc::clone(&self.broom);
        let round = async move { broom.round(walk).await.map(|()| walk) };
        self.run(round, ctx);
    }

    fn tidy(&mut self, ctx: &mut Context<Self>) {
        let broom = Arc::clone(&self.broom);
        let round = async move { broom.tidy().await.map(|()| false) };
        self.run(round, ctx);
    }

    /// Measures the blobs, beside whatever round there is, and again after a while.
    fn measure(&mut self, ctx: &mut Context<Self>) {
        let (broom, started) = (Arc::clone(&self.broom), Instant::now());
        let measured = async move { broom.measure().await };
        ctx.spawn(wrap_future(measured).map(move |measured, janitor: &mut Self, ctx| {
            if let Err(fault) = measured {
                log!(COLLECTION_DELAYED, cause = fault.cause.as_deref());
            }
            ctx.run_later(rest(janitor.settings.measure, started.elapsed()), Self::measure);
        }));
    }

    /// One round at a time; a round that would meet another is left to the next.
    fn run(&mut self, round: impl Future<Output = Result<bool, Fault>> + 'static, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.sweeping, true) {
            return;
        }
        ctx.spawn(wrap_future(round).map(|swept, janitor: &mut Self, _| {
            janitor.sweeping = false;
            match swept {
                Ok(true) => janitor.walked = Some(Instant::now()),
                Ok(false) => {}
                Err(fault) => log!(COLLECTION_DELAYED, cause = fault.cause.as_deref()),
            }
        }));
    }
}

/// The pause after a measurement that took so long.
fn rest(least: Duration, took: Duration) -> Duration {
    least.max(took.saturating_mul(REST))
}

impl Actor for Janitor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        (self.sweeping, self.tidy_due) = (false, false);
        self.sweep(ctx);
        self.measure(ctx);
        ctx.run_interval(self.settings.interval, Self::sweep);
    }
}

impl Supervised for Janitor {}

impl Handler<Wake> for Janitor {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        if std::mem::replace(&mut self.tidy_due, true) {
            return;
        }
        ctx.run_later(TIDY, |janitor, ctx| {
            janitor.tidy_due = false;
            janitor.tidy(ctx);
        });
    }
}

impl Handler<Ping> for Janitor {
    type Result = Heard;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Heard {
        Heard::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_takes_no_more_than_a_five_hundredth_of_the_time() {
        let seconds = Duration::from_secs;
        for (took, pause) in [(0, 60), (1, 499), (10, 4_990)] {
            assert_eq!(rest(seconds(60), seconds(took)), seconds(pause));
        }
        assert_eq!(rest(seconds(60), Duration::MAX), Duration::MAX);
    }
}
