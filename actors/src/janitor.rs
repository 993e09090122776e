//! The Janitor: removes expired data in bounded batches and counts what it removes.
//!
//! Expired jobs become tombstones and lose their items. Blobs go after the rows that named them: all of a
//! tombstone's, and the inputs of an ended job. Tombstones, keys and nonces go when their own time has passed. Of
//! all processes that share a store, one does this at a time. Blobs whose job has no row, left by a crash between
//! blob and row, are found by a scan of the blob store that runs beside the rounds, a page at a time. Blobs that
//! cannot be removed are reported and skipped. If the Janitor fails or the store is unavailable, nothing is lost:
//! the next round does the work.

mod dependencies;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, Supervised};
use huemill_observability::log;

use crate::clock::Instant;
use crate::fault::Fault;
use crate::supervise::answer_pings;
use sweep::{SCAN_PAGES, Sweep};

pub(crate) use dependencies::JanitorDependencies;
pub use dependencies::JanitorSettings;

/// Sent when a job has ended or was deleted, since its blobs may go now.
#[derive(Debug, Clone, Copy)]
pub struct SweepSoon;

impl Message for SweepSoon {
    type Result = ();
}

/// Makes the actor panic, for drills of restarts that no outside fault can cause. Only builds with the feature
/// `faults` have a route that sends it; no release does.
#[derive(Debug, Clone, Copy)]
pub struct Panic;

impl Message for Panic {
    type Result = ();
}

/// The actor that removes expired data.
pub struct Janitor {
    settings: JanitorSettings,
    sweep: Arc<Sweep>,
    is_sweeping: bool,
    is_cleanup_scheduled: bool,
    /// The next page of the scan for orphans.
    page: u16,
    /// When everything was last counted.
    recounted: Option<Instant>,
}

/// Wait after a [`SweepSoon`], so that one cleanup covers all jobs that end meanwhile.
const CLEANUP_DELAY: Duration = Duration::from_secs(1);

/// Pause between two pages of a scan.
const PAGE_PAUSE: Duration = Duration::from_millis(5);

/// Pause after a page that failed.
const PAGE_RETRY: Duration = Duration::from_secs(10);

impl Janitor {
    /// A janitor of this repository.
    #[must_use]
    pub(crate) fn new(settings: JanitorSettings, dependencies: JanitorDependencies) -> Self {
        let sweep = Arc::new(Sweep::new(settings, dependencies));
        Self { settings, sweep, is_sweeping: false, is_cleanup_scheduled: false, page: 0, recounted: None }
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

    fn clean_up(&mut self, ctx: &mut Context<Self>) {
        let sweep = Arc::clone(&self.sweep);
        self.run(async move { sweep.clean_up().await.map(|()| false) }, ctx);
    }

    /// Runs one round at a time; a round that would overlap with another is skipped.
    fn run(&mut self, round: impl Future<Output = Result<bool, Fault>> + 'static, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.is_sweeping, true) {
            return;
        }
        ctx.spawn(wrap_future(round).map(|done, janitor: &mut Self, _| {
            janitor.is_sweeping = false;
            match done {
                Ok(true) => janitor.recounted = Some(Instant::now()),
                Ok(false) => {}
                Err(fault) => log!(COLLECTION_DELAYED, cause = fault.cause.as_deref()),
            }
        }));
    }

    /// Reads the figures again, where other processes change them too.
    fn figures(&mut self, ctx: &mut Context<Self>) {
        let sweep = Arc::clone(&self.sweep);
        ctx.spawn(wrap_future(async move {
            // If the store is unavailable, everything else reports it, and the next read follows soon.
            let _ = sweep.figures().await;
        }));
    }

    /// Scans the next page for orphans, beside any round; pauses longer after the last page.
    fn scan(&mut self, ctx: &mut Context<Self>) {
        let (sweep, page) = (Arc::clone(&self.sweep), self.page);
        let scanned = async move {
            if page == SCAN_PAGES { sweep.sweep_unfinished().await } else { sweep.scan(page).await }
        };
        ctx.spawn(wrap_future(scanned).map(|scanned, janitor: &mut Self, ctx| {
            let pause = match scanned {
                Ok(()) if janitor.page == SCAN_PAGES => {
                    janitor.page = 0;
                    janitor.settings.walk
                }
                Ok(()) => {
                    janitor.page += 1;
                    PAGE_PAUSE
                }
                Err(fault) => {
                    log!(COLLECTION_DELAYED, cause = fault.cause.as_deref());
                    PAGE_RETRY
                }
            };
            ctx.run_later(pause, Self::scan);
        }));
    }
}

impl Actor for Janitor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        (self.is_sweeping, self.is_cleanup_scheduled) = (false, false);
        self.round(ctx);
        ctx.run_interval(self.settings.interval, Self::round);
        if self.settings.sweeps {
            self.scan(ctx);
        }
        if !self.sweep.is_sole_writer() {
            ctx.run_interval(self.settings.figures, Self::figures);
        }
    }
}

impl Supervised for Janitor {}

impl Handler<SweepSoon> for Janitor {
    type Result = ();

    fn handle(&mut self, _: SweepSoon, ctx: &mut Self::Context) {
        if std::mem::replace(&mut self.is_cleanup_scheduled, true) {
            return;
        }
        ctx.run_later(CLEANUP_DELAY, |janitor, ctx| {
            janitor.is_cleanup_scheduled = false;
            janitor.clean_up(ctx);
        });
    }
}

impl Handler<Panic> for Janitor {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("ordered by a drill");
    }
}

answer_pings!(Janitor);
