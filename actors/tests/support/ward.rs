//! The whole crew under test, its world in the test's hands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use huemill_actors::actor_system::{ActorSystem, ActorSystemSettings, Dependencies};
use huemill_actors::clock::Clock;
use huemill_actors::fault::{Code, Fault};
use huemill_actors::health::{HealthReport, HealthSettings, MemoryUse};
use huemill_actors::outbound;
use huemill_actors::supervise::RestartPolicy;
use huemill_actors::workers::{Answer, EngineFactory, Load, SlotEngine, WorkersSettings, run};
use huemill_imaging::{Crop, Error, Monitor, Options, Outcome, Swatch};
use huemill_observability::{Known, Registry};
use huemill_store::store::Owner;
use huemill_store::{SpoolRoom, SpoolSettings};

use super::office::{Kept, keep};
use super::{Gate, io, outbound_dependencies, outcome, picture, until};

/// What the fake mill makes of the canary.
#[derive(Default)]
pub struct Feed {
    pub gate: Gate,
    /// 0 right, 1 wrong palette, 2 wrong crop, 3 an error.
    pub canary: AtomicU8,
    pub canaries: AtomicUsize,
}

/// Knows the canary's answer; holds every other picture at the gate.
struct CanaryMill(Arc<Feed>);

impl SlotEngine for CanaryMill {
    fn weigh(&mut self, _: &[u8], _: &Options) -> Result<Load, Error> {
        Ok(Load { format: "png", memory: 0 })
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

/// A crew in a world of its own.
pub struct Ward {
    pub actor_system: ActorSystem,
    pub feed: Arc<Feed>,
    pub free: Arc<AtomicU64>,
    pub used: Arc<AtomicU64>,
    pub rounds: Arc<AtomicUsize>,
    /// Through which the disk's probe goes.
    pub disk_gate: Arc<Gate>,
    _kept: Kept,
}

/// Everything soon, so that tests need not wait.
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

impl Ward {
    pub fn open(settings: ActorSystemSettings) -> Self {
        Self::with(settings, Feed::default())
    }

    #[allow(clippy::needless_pass_by_value, reason = "tests make them on the spot")]
    pub fn with(settings: ActorSystemSettings, feed: Feed) -> Self {
        let feed = Arc::new(feed);
        let (free, used) = (Arc::new(AtomicU64::new(2_000_000_000)), Arc::new(AtomicU64::new(10)));
        let (rounds, disk_gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Gate::default()));
        disk_gate.open();
        let (eaten, shown_free, shown_used) = (feed.clone(), free.clone(), used.clone());
        let (counted, on_the_way) = (rounds.clone(), disk_gate.clone());
        let engines: EngineFactory = Arc::new(move || Ok(Box::new(CanaryMill(eaten.clone()))));
        let kept = keep();
        let dependencies = Dependencies {
            io: io(),
            registry: Arc::new(Registry::new("0.0.0", &Known::default()).unwrap()),
            room: SpoolRoom::open(SpoolSettings::default()).unwrap(),
            store: kept.store.clone(),
            snapshots: kept.snapshots.clone(),
            blobs: kept.blobs.clone(),
            owner: Owner("ward".to_owned()),
            engines,
            disk: Arc::new(move || {
                on_the_way.pass();
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
            feed,
            free,
            used,
            rounds,
            disk_gate,
            _kept: kept,
        }
    }

    pub async fn ready() -> Self {
        let ward = Self::open(settings());
        ward.becomes_ready().await;
        ward
    }

    pub fn verdict(&self) -> HealthReport {
        self.actor_system.verdict.read()
    }

    pub async fn becomes_ready(&self) {
        until(|| self.verdict().ready).await;
    }

    /// Waits until exactly these are ill.
    pub async fn suffers(&self, ill: &[&str]) -> HealthReport {
        let of = |verdict: &HealthReport| -> Vec<_> {
            verdict.dependencies().filter_map(|(name, ok)| (!ok).then_some(name)).collect()
        };
        until(|| of(&self.verdict()) == ill).await;
        self.verdict()
    }

    pub async fn rounds_pass(&self, rounds: usize) {
        let before = self.rounds.load(Ordering::SeqCst);
        until(|| self.rounds.load(Ordering::SeqCst) >= before + rounds).await;
    }

    /// Puts a picture on every slot that stays there until the gate opens; gives what becomes of them.
    pub async fn fill_slots(&self) -> [actix_rt::task::JoinHandle<Answer>; 2] {
        let pictures = [(); 2].map(|()| {
            let workers = self.actor_system.workers.clone();
            actix_rt::spawn(async move {
                loop {
                    // A canary may be before it: then it tries again.
                    match run(&workers, picture("gate")).await {
                        Err(Fault { code: Code::Overloaded, .. }) => {}
                        answer => return answer,
                    }
                }
            })
        });
        until(|| self.verdict().checks["workers"].figures.contains(&("busy", 2))).await;
        pictures
    }

    pub async fn close(self) {
        self.feed.gate.open();
        self.actor_system.stop(Duration::from_secs(1)).await;
    }
}
