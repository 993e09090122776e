//! The Janitor: what is past its time goes, in bounded batches, counted.
//!
//! Jobs past their TTL become tombstones and lose their items; blobs go after the rows that named them: a
//! tombstone's all, an ended job's inputs. Tombstones, keys and nonces go when their own time has passed. Of all
//! processes that share a store one does this at a time. Blobs whose job has no row, left by a crash between blob and
//! row, are found by a walk of the blob store beside the rounds, a page at a time. What cannot be removed is reported
//! and passed over. If the Janitor fails or the store is away, nothing is lost: it is done the next time.

mod sweep;

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, Supervised};
use huemill_observability::log;
use huemill_store::store::Owner;

use crate::blob_quota::BlobQuota;
use crate::clock::Instant;
use crate::estimate::Estimate;
use crate::fault::Fault;
use crate::metrics::Recorder;
use crate::observed::Observed;
use crate::records::Records;
use crate::supervise::{Heard, Ping};
use sweep::{Sweep, WALK_PAGES};

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
    /// Between two looks at the figures of the store, at most.
    pub figures: Duration,
    /// Between two counts of everything, which correct the figures.
    pub recount: Duration,
    /// How long a process has the duty to sweep without taking it again.
    pub duty: Duration,
    /// A job of which no attempt has ended for this long, and of which nothing waits for its turn, is stalled.
    pub stalled: Duration,
    /// How far the clock may jump ahead between two rounds before nothing expires for as long.
    pub clock_jump: Duration,
    /// Whether this process sweeps at all.
    pub sweeps: bool,
    /// What is removed at a time.
    pub batch: u32,
}

impl Default for JanitorSettings {
    /// A round a minute, figures every 15 s, a count a day, tombstones of 7 days, orphans of an hour, a walk an hour, jobs
    /// stalled after 90 s, an hour's jump, 100 at a time.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            tombstone: Duration::from_secs(7 * 24 * 3600),
            orphan: Duration::from_secs(3600),
            walk: Duration::from_secs(3600),
            figures: Duration::from_secs(15),
            recount: Duration::from_secs(24 * 3600),
            duty: Duration::from_secs(90),
            stalled: Duration::from_secs(90),
            clock_jump: Duration::from_secs(3600),
            sweeps: true,
            batch: 100,
        }
    }
}

/// The actor.
pub struct Janitor {
    settings: JanitorSettings,
    sweep: Arc<Sweep>,
    sweeping: bool,
    tidy_due: bool,
    /// The next page of the walk for orphans.
    page: u16,
    /// When everything was last counted.
    recounted: Option<Instant>,
}

/// After a wake, what ends within this time is tidied up in one go.
const TIDY: Duration = Duration::from_secs(1);

/// Between two pages of a walk.
const PAGE: Duration = Duration::from_millis(5);

/// After a page that failed.
const PAGE_AGAIN: Duration = Duration::from_secs(10);

impl Janitor {
    /// A janitor of these records.
    #[must_use]
    pub(crate) fn new(
        settings: JanitorSettings,
        records: Records,
        owner: Owner,
        (estimate, quota): (Estimate, BlobQuota),
        observed: Observed,
        recorder: Recorder,
    ) -> Self {
        let sweep = Arc::new(Sweep::new(settings, records, owner, (estimate, quota), observed, recorder));
        Self { settings, sweep, sweeping: false, tidy_due: false, page: 0, recounted: None }
    }

    fn round(&mut self, ctx: &mut Context<Self>) {
        let recount = self.recounted.is_none_or(|at| at.elapsed() >= self.settings.recount);
        let sweep = Arc::clone(&self.sweep);
        let round = async move {
            if recount {
                sweep.recount().await?;
            }
            sweep.round().await.map(|()| recount)
        };
        self.run(round, ctx);
    }

    fn tidy(&mut self, ctx: &mut Context<Self>) {
        let sweep = Arc::clone(&self.sweep);
        self.run(async move { sweep.tidy().await.map(|()| false) }, ctx);
    }

    /// One round at a time; a round that would meet another is left to the next.
    fn run(&mut self, round: impl Future<Output = Result<bool, Fault>> + 'static, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.sweeping, true) {
            return;
        }
        ctx.spawn(wrap_future(round).map(|done, janitor: &mut Self, _| {
            janitor.sweeping = false;
            match done {
                Ok(true) => janitor.recounted = Some(Instant::now()),
                Ok(false) => {}
                Err(fault) => log!(COLLECTION_DELAYED, cause = fault.cause.as_deref()),
            }
        }));
    }

    /// The figures where other processes change them too.
    fn figures(&mut self, ctx: &mut Context<Self>) {
        let sweep = Arc::clone(&self.sweep);
        ctx.spawn(wrap_future(async move {
            // A store that is away is reported by everything else; the next look is soon.
            let _ = sweep.figures().await;
        }));
    }

    /// The walk's next page, beside whatever round there is; after the last one the walk rests.
    fn walk(&mut self, ctx: &mut Context<Self>) {
        let (sweep, page) = (Arc::clone(&self.sweep), self.page);
        let walked = async move {
            if page == WALK_PAGES { sweep.sweep_unfinished().await } else { sweep.walk(page).await }
        };
        ctx.spawn(wrap_future(walked).map(|walked, janitor: &mut Self, ctx| {
            let pause = match walked {
                Ok(()) if janitor.page == WALK_PAGES => {
                    janitor.page = 0;
                    janitor.settings.walk
                }
                Ok(()) => {
                    janitor.page += 1;
                    PAGE
                }
                Err(fault) => {
                    log!(COLLECTION_DELAYED, cause = fault.cause.as_deref());
                    PAGE_AGAIN
                }
            };
            ctx.run_later(pause, Self::walk);
        }));
    }
}

impl Actor for Janitor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        (self.sweeping, self.tidy_due) = (false, false);
        self.round(ctx);
        ctx.run_interval(self.settings.interval, Self::round);
        if self.settings.sweeps {
            self.walk(ctx);
        }
        if !self.sweep.is_alone() {
            ctx.run_interval(self.settings.figures, Self::figures);
        }
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
