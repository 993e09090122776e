//! Health: probes in the background, folded into one verdict in a shared cell that HTTP reads.
//!
//! Every interval it looks at the disk and the memory, asks the workers for their pulse and the other actors
//! for a sign of life, each within a time limit of its own; and less often it sends the canary through the
//! workers' own path. A canary that is merely late (no slot, no memory, workers restarting) changes nothing:
//! busy slots are paying work, and whether they make progress is what their pulse tells. The last proof holds
//! then, and the canary is sent again at the next interval. Without any proof yet, nothing is ready.
//!
//! It holds addresses of those it asks, nobody holds its own. If it fails or hangs, the verdict goes stale, and
//! that is not ready.

mod memory;
mod probe_results;
mod probe_targets;
mod probes;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Supervised};
use huemill_imaging::Options;
use huemill_observability::trace::Scope;
use huemill_observability::{Event, log};
use tokio::time::timeout;

pub use memory::memory_use;
pub use probe_targets::{MAILBOXES, ProbeTargets};
pub use probes::{DiskProbe, MemoryProbe, MemoryUse, Probe, disk_free, least_free};
pub use verdict::{Check, DEPENDENCIES, HealthCell, HealthReport};

use crate::canary::{self, Proof};
use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::metrics::Recorder;
use crate::workers::{self, Answer, Cancel, Class, Input, Run};
use probe_results::ProbeResults;
use probe_targets::{ProbeResult, StoreTimes};
use probes::Background;

/// How often what is checked, and what is well.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HealthSettings {
    /// Between two rounds of probes.
    pub interval: Duration,
    /// How long one probe may take.
    pub timeout: Duration,
    /// Between two canaries that proved something.
    pub canary_interval: Duration,
    /// How long a canary may take, waiting included.
    pub canary_timeout: Duration,
    /// Between two probes of the store and the blobs.
    pub store_interval: Duration,
    /// Findings older than this are not ready.
    pub stale: Duration,
    /// Bytes that must be free on the disk of the data.
    pub disk_free: u64,
    /// The part of the memory, 0 to 1, below which its use must stay.
    pub memory_ratio: f64,
}

impl Default for HealthSettings {
    /// Every 5 s, 3 s a probe, a canary every 30 s with 20 s of time, the store every 10 s, stale after 30 s, 1 GB free, 80 % used.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(3),
            canary_interval: Duration::from_secs(30),
            canary_timeout: Duration::from_secs(20),
            store_interval: Duration::from_secs(10),
            stale: Duration::from_secs(30),
            disk_free: 1_000_000_000,
            memory_ratio: 0.8,
        }
    }
}

/// The actor.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Health {
    settings: HealthSettings,
    cell: HealthCell,
    recorder: Recorder,
    probe_targets: ProbeTargets,
    disk: Background<u64>,
    memory: Background<MemoryUse>,
    picture: Arc<[u8]>,
    proof: Option<Proof>,
    canary_due: Instant,
    store_due: Instant,
    /// Whether the blobs could be written and read since the start.
    blobs_proven: bool,
    canary_out: bool,
    round_out: bool,
    was_ready: bool,
}

impl Health {
    /// A Health that writes its findings to `cell`.
    #[must_use]
    pub fn new(
        settings: HealthSettings,
        cell: HealthCell,
        recorder: Recorder,
        probe_targets: ProbeTargets,
    ) -> Self {
        let disk = Background::new(probe_targets.disk.clone(), probe_targets.io.clone());
        let memory = Background::new(probe_targets.memory.clone(), probe_targets.io.clone());
        Self {
            settings,
            cell,
            recorder,
            probe_targets,
            disk,
            memory,
            picture: canary::picture(),
            proof: None,
            canary_due: Instant::now(),
            store_due: Instant::now(),
            blobs_proven: false,
            canary_out: false,
            round_out: false,
            was_ready: false,
        }
    }

    /// One round of probes, all at once; a canary if it is due.
    fn round(&mut self, ctx: &mut Context<Self>) {
        if !self.canary_out && Instant::now() >= self.canary_due {
            self.send_canary(ctx);
        }
        if std::mem::replace(&mut self.round_out, true) {
            return;
        }
        let limit = self.settings.timeout;
        let (disk, memory) = (self.disk.ask(limit), self.memory.ask(limit));
        let store = self.ask_store(limit);
        let pulse = self.probe_targets.pulse(limit);
        let signs = self.probe_targets.signs(limit);
        let is_store_shared = !self.probe_targets.repository.store.is_sole_writer();
        let round = async move {
            let (disk, memory, pulse, store, signs) = tokio::join!(disk, memory, pulse, store, signs);
            ProbeResults { disk, memory, pulse, store, is_store_shared, signs }
        };
        ctx.spawn(wrap_future(round).map(|results, health: &mut Self, _| health.conclude(results)));
    }

    /// Writes and reads in store and blobs, every other round or so: a store that idles is left in peace.
    fn ask_store(
        &mut self,
        limit: Duration,
    ) -> impl Future<Output = Option<Result<StoreTimes, String>>> + use<> {
        let due = Instant::now() >= self.store_due;
        let asked = due.then(|| {
            self.store_due = Instant::now() + self.settings.store_interval;
            self.probe_targets.store(limit, self.blobs_proven)
        });
        async move { Some(asked?.await) }
    }

    fn conclude(&mut self, results: ProbeResults) {
        self.round_out = false;
        self.blobs_proven |= matches!(results.store, Some(Ok(StoreTimes { blobs: Ok(_), .. })));
        self.tell(&results);
        self.cell.note(results.judge(&self.settings, &self.probe_targets.actor_registry.all()));
        self.cell.stamp();
        self.publish();
        let room = &self.probe_targets.room;
        self.recorder.record(Event::Spool { memory: room.memory_used(), disk: room.disk_used() });
    }

    /// Tells the metrics what was measured.
    fn tell(&self, results: &ProbeResults) {
        if let Ok(free) = results.disk {
            self.recorder.record(Event::DiskFree(free));
        }
        if let Ok(MemoryUse { used, total }) = results.memory {
            self.recorder.record(Event::Memory { used, limit: total });
        }
        for ProbeResult { actor, waited, .. } in &results.signs {
            if let Some(time) = *waited {
                self.recorder.record(Event::MailboxWaited { actor, time });
            }
        }
    }

    fn send_canary(&mut self, ctx: &mut Context<Self>) {
        self.canary_out = true;
        let limit = self.settings.canary_timeout;
        let run = Run {
            input: Input::Bytes(self.picture.clone()),
            options: Options::default(),
            deadline: Instant::now() + limit,
            cancel: Cancel::new(),
            class: Class::Interactive,
            counted: false,
            scope: Scope::default(),
        };
        let workers = self.probe_targets.workers.clone();
        let flight = async move { workers::run(&workers, run).await };
        ctx.spawn(wrap_future(flight).map(|answer, health: &mut Self, _| health.take_canary(answer)));
    }

    fn take_canary(&mut self, answer: Answer) {
        self.canary_out = false;
        let (proof, figures) = match answer {
            Ok(done) => {
                self.canary_due = Instant::now() + self.settings.canary_interval;
                let took = (done.waited + done.worked).as_millis() as u64;
                (canary::judge(&done.outcome), vec![("canary_ms", took)])
            }
            Err(fault) if is_late(&fault) => return self.canary_is_late(&fault),
            Err(fault) => (Proof::failed(&reason_of(&fault)), Vec::new()),
        };
        let check = |result: &Result<(), String>| match result {
            Ok(()) => Check::well(figures.clone()),
            Err(reason) => Check { figures: figures.clone(), ..Check::ill(reason.clone()) },
        };
        self.cell.note([("colorthief", check(&proof.palette)), ("smartcrop", check(&proof.crop))]);
        self.proof = Some(proof);
        self.publish();
    }

    fn canary_is_late(&self, fault: &Fault) {
        if self.proof.is_none() {
            let check = Check::ill(format!("not proven yet: {}", reason_of(fault)));
            self.cell.note([("colorthief", check.clone()), ("smartcrop", check)]);
        }
    }

    /// Tells the metrics, and the log where readiness changed.
    fn publish(&mut self) {
        let verdict = self.cell.read();
        for (dependency, ok) in verdict.dependencies() {
            self.recorder.record(Event::DependencyChecked { dependency, ok });
        }
        self.recorder.record(Event::Ready(verdict.ready));
        if verdict.ready == std::mem::replace(&mut self.was_ready, verdict.ready) {
            return;
        }
        if verdict.ready {
            log!(READINESS_GAINED, ready = true, failing = "");
        } else {
            let ill = verdict.dependencies().filter_map(|(name, ok)| (!ok).then_some(name));
            let failing = verdict.reason.into_iter().chain(ill).collect::<Vec<_>>().join(",");
            log!(READINESS_LOST, ready = false, failing);
        }
    }
}

/// A canary that found no room proves nothing, neither way.
fn is_late(fault: &Fault) -> bool {
    matches!(fault.code, Code::Overloaded | Code::NotReady)
}

fn reason_of(fault: &Fault) -> String {
    fault.cause.clone().unwrap_or_else(|| fault.to_string())
}

async fn in_time<T>(limit: Duration, answer: impl Future<Output = Result<T, Fault>>) -> Result<T, String> {
    match timeout(limit, answer).await {
        Ok(answer) => answer.map_err(|fault| reason_of(&fault)),
        Err(_) => Err(no_answer(limit)),
    }
}

fn no_answer(limit: Duration) -> String {
    format!("no answer in {} ms", limit.as_millis())
}

impl Actor for Health {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        (self.round_out, self.canary_out) = (false, false);
        self.round(ctx);
        ctx.run_interval(self.settings.interval, Self::round);
    }
}

impl Supervised for Health {}
