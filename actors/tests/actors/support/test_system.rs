//! The whole actor system under test; the test controls its dependencies.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use huemill_actors::actor_system::{ActorSystem, ActorSystemSettings, Dependencies};
use huemill_actors::clock::Clock;
use huemill_actors::fault::{Code, Fault};
use huemill_actors::health::{HealthReport, HealthSettings, MemoryUse};
use huemill_actors::outbound;
use huemill_actors::supervise::RestartPolicy;
use huemill_actors::workers::{EngineFactory, PictureCost, RunResult, SlotEngine, WorkersSettings, run};
use huemill_imaging::{Crop, Error, Monitor, Options, Outcome, Swatch};
use huemill_observability::{LabelValues, Registry};
use huemill_store::store::Owner;
use huemill_store::{SpoolRoom, SpoolSettings};

use super::test_actors::{TestStorage, open_storage};
use super::{Gate, io, outbound_dependencies, outcome, picture, until};

/// Controls what the test engine makes of the canary.
#[derive(Default)]
pub struct CanaryControl {
    pub gate: Gate,
    /// The canary's outcome: 0 right, 1 wrong palette, 2 wrong crop, 3 an error.
    pub canary: AtomicU8,
    pub canaries: AtomicUsize,
}

/// An engine that knows the canary's outcome and holds every other picture at the gate.
struct CanaryEngine(Arc<CanaryControl>);

impl SlotEngine for CanaryEngine {
    fn inspect(&mut self, _: &[u8], _: &Options) -> Result<PictureCost, Error> {
        Ok(PictureCost { format: "png", memory: 0 })
    }

    fn process(&mut self, bytes: &[u8], _: &Options, _: &dyn Monitor) -> Result<Outcome, Error> {
        let mut outcome = outcome();
        if bytes == b"gate" {
            self.0.gate.pass();
            return Ok(outcome);
        }
        self.0.canaries.fetch_add(1, Ordering::SeqCst);
        let what = self.0.canary.load(Ordering::SeqCst);
        if what == 3 {
            return Err(Error::Damaged("as planned".to_owned()));
        }
        let colors = [[40, 90, 60], [250, 220, 120], [200, 50, if what == 1 { 60 } else { 45 }]];
        outcome.palette = colors.map(swatch).into();
        outcome.crop = Crop { x: if what == 2 { 0 } else { 32 }, y: 0, width: 96, height: 64, score: 1.0 };
        Ok(outcome)
    }
}

fn swatch(rgb: [u8; 3]) -> Swatch {
    Swatch { rgb, oklch: [0.0; 3], share: 0.0, name: "", dark_text: false, derived: false }
}

/// An actor system and its controllable dependencies.
pub struct TestSystem {
    pub actor_system: ActorSystem,
    pub engine: Arc<CanaryControl>,
    pub free: Arc<AtomicU64>,
    pub used: Arc<AtomicU64>,
    pub rounds: Arc<AtomicUsize>,
    /// While it is shut, the disk probe hangs.
    pub disk_gate: Arc<Gate>,
    _kept: TestStorage,
}

/// Short intervals, so that tests need not wait.
pub fn settings() -> ActorSystemSettings {
    ActorSystemSettings {
        policy: RestartPolicy { first_backoff: Duration::from_millis(1), ..RestartPolicy::default() },
        workers: WorkersSettings {
            slots: 2,
            queue_wait: Duration::from_millis(20),
            ..WorkersSettings::default()
        },
        health: HealthSettings {
            interval: Duration::from_millis(5),
            timeout: Duration::from_millis(100),
            canary_interval: Duration::from_millis(10),
            store_interval: Duration::from_millis(10),
            ..HealthSettings::default()
        },
        ..ActorSystemSettings::default()
    }
}

impl TestSystem {
    pub fn start(settings: ActorSystemSettings) -> Self {
        Self::with(settings, CanaryControl::default())
    }

    #[allow(clippy::needless_pass_by_value, reason = "tests make them on the spot")]
    pub fn with(settings: ActorSystemSettings, engine: CanaryControl) -> Self {
        let engine = Arc::new(engine);
        let (free, used) = (Arc::new(AtomicU64::new(2_000_000_000)), Arc::new(AtomicU64::new(10)));
        let (rounds, disk_gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Gate::default()));
        disk_gate.open();
        let (control, shown_free, shown_used) = (engine.clone(), free.clone(), used.clone());
        let (counted, gate) = (rounds.clone(), disk_gate.clone());
        let engines: EngineFactory = Arc::new(move || Ok(Box::new(CanaryEngine(control.clone()))));
        let storage = open_storage();
        let dependencies = Dependencies {
            io: io(),
            registry: Arc::new(Registry::new("0.0.0", &LabelValues::default()).unwrap()),
            room: SpoolRoom::open(SpoolSettings::default()).unwrap(),
            store: storage.store.clone(),
            snapshots: storage.snapshots.clone(),
            blobs: storage.blobs.clone(),
            owner: Owner("test".to_owned()),
            engines,
            disk: Arc::new(move || {
                gate.pass();
                Ok(shown_free.load(Ordering::SeqCst))
            }),
            memory: Arc::new(move || {
                counted.fetch_add(1, Ordering::SeqCst);
                Ok(MemoryUse { used: shown_used.load(Ordering::SeqCst), total: 100 })
            }),
            clock: Clock::system(),
            outbound_dependencies: outbound_dependencies(outbound::AddressPolicy::default()),
        };
        Self {
            actor_system: ActorSystem::start(&settings, dependencies),
            engine,
            free,
            used,
            rounds,
            disk_gate,
            _kept: storage,
        }
    }

    pub async fn ready() -> Self {
        let system = Self::start(settings());
        system.wait_until_ready().await;
        system
    }

    pub fn report(&self) -> HealthReport {
        self.actor_system.verdict.read()
    }

    pub async fn wait_until_ready(&self) {
        until(|| self.report().ready).await;
    }

    /// Waits until exactly these checks fail.
    pub async fn wait_for_failed(&self, failed: &[&str]) -> HealthReport {
        let failed_checks = |report: &HealthReport| -> Vec<_> {
            report.dependencies().filter_map(|(name, ok)| (!ok).then_some(name)).collect()
        };
        until(|| failed_checks(&self.report()) == failed).await;
        self.report()
    }

    /// Waits for more rounds of probes.
    pub async fn wait_for_rounds(&self, rounds: usize) {
        let before = self.rounds.load(Ordering::SeqCst);
        until(|| self.rounds.load(Ordering::SeqCst) >= before + rounds).await;
    }

    /// Puts a picture on every slot that stays there until the gate opens. Returns the tasks that wait for the
    /// results.
    pub async fn fill_slots(&self) -> [actix_rt::task::JoinHandle<RunResult>; 2] {
        let pictures = [(); 2].map(|()| {
            let workers = self.actor_system.workers.clone();
            actix_rt::spawn(async move {
                loop {
                    // The canary may be ahead of it; then it tries again.
                    match run(&workers, picture("gate")).await {
                        Err(Fault { code: Code::Overloaded, .. }) => {}
                        answer => return answer,
                    }
                }
            })
        });
        until(|| self.report().checks["workers"].figures.contains(&("busy", 2))).await;
        pictures
    }

    pub async fn stop(self) {
        self.engine.gate.open();
        self.actor_system.stop(Duration::from_secs(1)).await;
    }
}
