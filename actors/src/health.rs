//! Health: runs probes in the background and publishes a health report in a shared cell that HTTP reads.
//!
//! At every interval it measures disk and memory, asks the workers for their slot figures and pings the other
//! actors, each within a time limit. Less often it sends the canary picture through the workers. A canary that is
//! merely late (no slot, no memory, workers restarting) changes nothing: busy slots do useful work, and their
//! figures tell whether they make progress. The last canary result holds then, and the canary is sent again at the
//! next interval. Until a canary has succeeded once, the service is not ready.
//!
//! It holds the addresses of the actors it checks; none holds its address. If it fails or hangs, the report goes
//! stale, and a stale report is not ready.

mod health_report;
mod memory;
mod probe_results;
mod probe_targets;

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Supervised};
use huemill_observability::trace::Scope;
use huemill_observability::{Event, log};
use huemill_store::Caller;

pub use crate::probe::{DiskProbe, MemoryProbe, MemoryUse, Probe, disk_free, least_free};
pub use health_report::{Check, DEPENDENCIES, HealthCell, HealthReport};
pub use memory::memory_use;
pub use probe_results::HealthSettings;
pub use probe_targets::{MAILBOXES, ProbeTargets};

use crate::canary::{self, CanaryResult};
use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::probe::BackgroundProbe;
use crate::telemetry::Recorder;
use crate::workers::{self, CancellationToken, Class, Input, Run, RunResult};
use probe_results::ProbeResults;
use probe_targets::{ProbeResult, StoreTimes, reason_of};

/// The actor that checks the service's health.
#[allow(clippy::struct_excessive_bools, reason = "the flags are independent of each other")]
pub struct Health {
    settings: HealthSettings,
    cell: HealthCell,
    recorder: Recorder,
    probe_targets: ProbeTargets,
    disk: BackgroundProbe<u64>,
    memory: BackgroundProbe<MemoryUse>,
    canary_picture: Arc<[u8]>,
    canary_result: Option<CanaryResult>,
    canary_due: Instant,
    store_due: Instant,
    /// Whether the blobs could be written and read since the start.
    blobs_proven: bool,
    is_canary_running: bool,
    is_round_running: bool,
    was_ready: bool,
}

impl Health {
    /// A Health that writes its results to `cell`.
    #[must_use]
    pub fn new(
        settings: HealthSettings,
        cell: HealthCell,
        recorder: Recorder,
        probe_targets: ProbeTargets,
    ) -> Self {
        let disk = BackgroundProbe::new(probe_targets.disk.clone(), probe_targets.io.clone());
        let memory = BackgroundProbe::new(probe_targets.memory.clone(), probe_targets.io.clone());
        Self {
            settings,
            cell,
            recorder,
            probe_targets,
            disk,
            memory,
            canary_picture: canary::picture(),
            canary_result: None,
            canary_due: Instant::now(),
            store_due: Instant::now(),
            blobs_proven: false,
            is_canary_running: false,
            is_round_running: false,
            was_ready: false,
        }
    }

    /// Runs one round of probes concurrently, and the canary if it is due.
    fn start_round(&mut self, ctx: &mut Context<Self>) {
        if !self.is_canary_running && Instant::now() >= self.canary_due {
            self.send_canary(ctx);
        }
        if std::mem::replace(&mut self.is_round_running, true) {
            return;
        }
        let limit = self.settings.timeout;
        let (disk, memory) = (self.disk.run(limit), self.memory.run(limit));
        let store = self.probe_store(limit);
        let slots = self.probe_targets.slot_figures(limit);
        let pings = self.probe_targets.ping_all(limit);
        let is_store_shared = !self.probe_targets.repository.store.is_sole_writer();
        let round = async move {
            let (disk, memory, slots, store, pings) = tokio::join!(disk, memory, slots, store, pings);
            ProbeResults { disk, memory, slots, store, is_store_shared, pings }
        };
        ctx.spawn(wrap_future(round).map(|results, health: &mut Self, _| health.finish_round(results)));
    }

    /// Writes to and reads from store and blobs, less often than each round, to keep the load on an idle store low.
    fn probe_store(
        &mut self,
        limit: Duration,
    ) -> impl Future<Output = Option<Result<StoreTimes, String>>> + use<> {
        let is_due = Instant::now() >= self.store_due;
        let probe = is_due.then(|| {
            self.store_due = Instant::now() + self.settings.store_interval;
            self.probe_targets.store(limit, self.blobs_proven)
        });
        async move { Some(probe?.await) }
    }

    fn finish_round(&mut self, results: ProbeResults) {
        self.is_round_running = false;
        self.blobs_proven |= matches!(results.store, Some(Ok(StoreTimes { blobs: Ok(_), .. })));
        self.record(&results);
        self.cell.update(results.checks(&self.settings, &self.probe_targets.actor_registry.all()));
        self.cell.mark_fresh();
        self.publish();
        let room = &self.probe_targets.room;
        self.recorder.record(Event::Spool { memory: room.memory_used(), disk: room.disk_used() });
    }

    /// Records the measurements as metrics.
    fn record(&self, results: &ProbeResults) {
        if let Ok(free) = results.disk {
            self.recorder.record(Event::DiskFree(free));
        }
        if let Ok(MemoryUse { used, total }) = results.memory {
            self.recorder.record(Event::Memory { used, limit: total });
        }
        for ProbeResult { actor, waited, .. } in &results.pings {
            if let Some(time) = *waited {
                self.recorder.record(Event::MailboxWaited { actor, time });
            }
        }
    }

    fn send_canary(&mut self, ctx: &mut Context<Self>) {
        self.is_canary_running = true;
        let limit = self.settings.canary_timeout;
        let run = Run {
            caller: Caller::Service,
            input: Input::Bytes(self.canary_picture.clone()),
            options: canary::options(),
            deadline: Instant::now() + limit,
            cancel: CancellationToken::new(),
            class: Class::Interactive,
            counted: false,
            scope: Scope::default(),
        };
        let workers = self.probe_targets.workers.clone();
        let result = async move { workers::run(&workers, run).await };
        ctx.spawn(wrap_future(result).map(|result, health: &mut Self, _| health.take_canary(result)));
    }

    fn take_canary(&mut self, result: RunResult) {
        self.is_canary_running = false;
        let (result, figures) = match result {
            Ok(done) => {
                self.canary_due = Instant::now() + self.settings.canary_interval;
                let took = (done.waited + done.worked).as_millis() as u64;
                (canary::check(&done.outcome), vec![("canary_ms", took)])
            }
            Err(fault) if is_late(&fault) => return self.canary_is_late(&fault),
            Err(fault) => (CanaryResult::failed(&reason_of(&fault)), Vec::new()),
        };
        let check = |result: &Result<(), String>| match result {
            Ok(()) => Check::passed(figures.clone()),
            Err(reason) => Check { figures: figures.clone(), ..Check::failed(reason.clone()) },
        };
        self.cell.update([("colorthief", check(&result.palette)), ("smartcrop", check(&result.crop))]);
        self.canary_result = Some(result);
        self.publish();
    }

    fn canary_is_late(&self, fault: &Fault) {
        if self.canary_result.is_none() {
            let check = Check::failed(format!("not proven yet: {}", reason_of(fault)));
            self.cell.update([("colorthief", check.clone()), ("smartcrop", check)]);
        }
    }

    /// Records the report as metrics, and logs it when readiness changes.
    fn publish(&mut self) {
        let report = self.cell.read();
        for (dependency, ok) in report.dependencies() {
            self.recorder.record(Event::DependencyChecked { dependency, ok });
        }
        self.recorder.record(Event::Ready(report.ready));
        if report.ready == std::mem::replace(&mut self.was_ready, report.ready) {
            return;
        }
        if report.ready {
            log!(READINESS_GAINED, ready = true, failing = "");
        } else {
            let failed = report.dependencies().filter_map(|(name, ok)| (!ok).then_some(name));
            let failing = report.reason.into_iter().chain(failed).collect::<Vec<_>>().join(",");
            log!(READINESS_LOST, ready = false, failing);
        }
    }
}

/// Whether the canary found no free slot in time, which proves nothing either way.
fn is_late(fault: &Fault) -> bool {
    matches!(fault.code, Code::Overloaded | Code::NotReady)
}

impl Actor for Health {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        (self.is_round_running, self.is_canary_running) = (false, false);
        self.start_round(ctx);
        ctx.run_interval(self.settings.interval, Self::start_round);
    }
}

impl Supervised for Health {}
