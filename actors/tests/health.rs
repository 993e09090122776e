//! Health and the crew: what makes /ready say no, and what does not.

#![allow(clippy::unwrap_used)] // clippy knows the tests here, not what they share

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use actix::{Context, Handler, Message, System};
use huemill_actors::clock::Clock;
use huemill_actors::crew::{ACTORS, Crew, CrewSettings, World};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::health::{
    DEPENDENCIES, Health, HealthSettings, MemoryUse, Patients, Verdict, VerdictCell, disk_free, memory_use,
};
use huemill_actors::intake::{Admit, Drain, Intake};
use huemill_actors::metrics::{Recorder, Render};
use huemill_actors::supervise::{Bell, Policy, Supervision, ask, start};
use huemill_actors::workers::{Answer, Input, Load, Mill, Mills, Run, WorkersSettings, engines, run};
use huemill_imaging::{Crop, Error, Limits, Options, Outcome, Swatch, Watch};
use huemill_observability::{Known, Registry};
use huemill_store::{SpoolRoom, SpoolSettings};
use support::{Gate, io, on_actix, picture, until};

/// What the fake mill makes of the canary.
#[derive(Default)]
struct Feed {
    gate: Gate,
    /// 0 right, 1 wrong palette, 2 wrong crop, 3 an error.
    canary: AtomicU8,
    canaries: AtomicUsize,
}

/// Knows the canary's answer; holds every other picture at the gate.
struct CanaryMill(Arc<Feed>);

impl Mill for CanaryMill {
    fn weigh(&mut self, _: &[u8], _: &Options) -> Result<Load, Error> {
        Ok(Load { format: "png", memory: 0 })
    }

    fn process(&mut self, bytes: &[u8], _: &Options, _: &dyn Watch) -> Result<Outcome, Error> {
        let mut outcome = support::outcome();
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

struct Ward {
    crew: Crew,
    feed: Arc<Feed>,
    free: Arc<AtomicU64>,
    used: Arc<AtomicU64>,
    rounds: Arc<AtomicUsize>,
    /// Through which the disk's probe goes.
    disk_gate: Arc<Gate>,
}

fn settings() -> CrewSettings {
    CrewSettings {
        policy: Policy { first_backoff: Duration::from_millis(1), ..Policy::default() },
        workers: WorkersSettings {
            slots: 2,
            queue_wait: Duration::from_millis(20),
            ..WorkersSettings::default()
        },
        health: HealthSettings {
            interval: Duration::from_millis(5),
            timeout: Duration::from_millis(100),
            canary_interval: Duration::from_millis(10),
            ..HealthSettings::default()
        },
        ..CrewSettings::default()
    }
}

impl Ward {
    fn open(settings: CrewSettings) -> Self {
        Self::with(settings, Feed::default())
    }

    fn with(settings: CrewSettings, feed: Feed) -> Self {
        let feed = Arc::new(feed);
        let (free, used) = (Arc::new(AtomicU64::new(2_000_000_000)), Arc::new(AtomicU64::new(10)));
        let (rounds, disk_gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Gate::default()));
        disk_gate.open();
        let (eaten, shown_free, shown_used) = (feed.clone(), free.clone(), used.clone());
        let (counted, on_the_way) = (rounds.clone(), disk_gate.clone());
        let mills: Mills = Arc::new(move || Ok(Box::new(CanaryMill(eaten.clone()))));
        let world = World {
            io: io(),
            registry: Arc::new(Registry::new("0.0.0", &Known::default()).unwrap()),
            room: SpoolRoom::open(SpoolSettings::default()).unwrap(),
            mills,
            disk: Arc::new(move || {
                on_the_way.pass();
                Ok(shown_free.load(Ordering::SeqCst))
            }),
            memory: Arc::new(move || {
                counted.fetch_add(1, Ordering::SeqCst);
                Ok(MemoryUse { used: shown_used.load(Ordering::SeqCst), total: 100 })
            }),
            clock: Clock::system(),
        };
        Self { crew: Crew::start(settings, world), feed, free, used, rounds, disk_gate }
    }

    async fn ready() -> Self {
        let ward = Self::open(settings());
        ward.becomes_ready().await;
        ward
    }

    fn verdict(&self) -> Verdict {
        self.crew.verdict.read()
    }

    async fn becomes_ready(&self) {
        until(|| self.verdict().ready).await;
    }

    /// Waits until exactly these are ill.
    async fn suffers(&self, ill: &[&str]) -> Verdict {
        let of = |verdict: &Verdict| -> Vec<_> {
            verdict.dependencies().filter_map(|(name, ok)| (!ok).then_some(name)).collect()
        };
        until(|| of(&self.verdict()) == ill).await;
        self.verdict()
    }

    async fn rounds_pass(&self, rounds: usize) {
        let before = self.rounds.load(Ordering::SeqCst);
        until(|| self.rounds.load(Ordering::SeqCst) >= before + rounds).await;
    }

    /// Puts a picture on every slot that stays there until the gate opens; gives what becomes of them.
    async fn fill_slots(&self) -> [actix_rt::task::JoinHandle<Answer>; 2] {
        let pictures = [(); 2].map(|()| {
            let workers = self.crew.workers.clone();
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

    async fn close(self) {
        self.feed.gate.open();
        self.crew.stop().await;
    }
}

#[test]
fn all_is_well_once_the_canary_has_proven_it() {
    on_actix(async {
        let ward = Ward::open(settings());
        ward.becomes_ready().await;
        let verdict = ward.verdict();
        assert_eq!(verdict.dependencies().collect::<Vec<_>>(), DEPENDENCIES.map(|name| (name, true)));
        assert!(ward.feed.canaries.load(Ordering::SeqCst) > 0);
        let text = ask(&ward.crew.metrics, Render).await.unwrap();
        for series in ["service_ready 1", r#"dependency_ready{dependency="smartcrop"} 1"#] {
            assert!(text.contains(series), "{series}");
        }
        ward.close().await;
    });
}

#[test]
fn the_real_crew_becomes_ready_and_works() {
    on_actix(async {
        let registry = Arc::new(Registry::new("0.0.0", &Known::default()).unwrap());
        let room = SpoolRoom::open(SpoolSettings::default()).unwrap();
        let world = World {
            // How full the machine is that runs this test is not its subject.
            disk: Arc::new(|| Ok(u64::MAX)),
            memory: Arc::new(|| Ok(MemoryUse { used: 1, total: 100 })),
            ..World::real(io(), registry, room, std::env::temp_dir(), engines(Limits::default()))
        };
        let crew = Crew::start(CrewSettings::default(), world);
        until(|| crew.verdict.read().ready).await;
        let answer = run(&crew.workers, picture("no picture at all")).await;
        assert_eq!(answer.unwrap_err().code, Code::ProcessingError);
        crew.stop().await;
    });
}

#[test]
fn a_wrong_palette_and_a_wrong_crop_are_told_apart() {
    on_actix(async {
        let ward = Ward::ready().await;
        for (what, ill) in [(1, "colorthief"), (2, "smartcrop")] {
            ward.feed.canary.store(what, Ordering::SeqCst);
            let verdict = ward.suffers(&[ill]).await;
            assert!(verdict.checks[ill].reason.as_ref().unwrap().starts_with("the canary's"));
            assert!(!verdict.ready);
        }
        ward.feed.canary.store(3, Ordering::SeqCst);
        let verdict = ward.suffers(&["colorthief", "smartcrop"]).await;
        assert!(verdict.checks["smartcrop"].reason.as_ref().unwrap().contains("as planned"));
        ward.feed.canary.store(0, Ordering::SeqCst);
        ward.becomes_ready().await;
        ward.close().await;
    });
}

#[test]
fn little_disk_and_much_memory_are_not_ready_until_they_are_better() {
    on_actix(async {
        let ward = Ward::ready().await;
        ward.free.store(1_000_000_000, Ordering::SeqCst);
        let verdict = ward.suffers(&["disk"]).await;
        assert_eq!(
            verdict.checks["disk"].figures,
            [("free_bytes", 1_000_000_000), ("least_bytes", 1_000_000_000)]
        );
        ward.used.store(80, Ordering::SeqCst);
        ward.suffers(&["disk", "mem"]).await;
        ward.free.store(2_000_000_000, Ordering::SeqCst);
        ward.used.store(79, Ordering::SeqCst);
        ward.becomes_ready().await;
        ward.close().await;
    });
}

#[test]
fn a_disk_that_hangs_spoils_its_own_check_alone() {
    on_actix(async {
        let ward = Ward::ready().await;
        ward.disk_gate.shut();
        let verdict = ward.suffers(&["disk"]).await;
        assert!(verdict.checks["disk"].reason.is_some());
        ward.rounds_pass(3).await;
        assert_eq!(ward.verdict().reason, None, "the verdict stays fresh");
        ward.disk_gate.open();
        ward.becomes_ready().await;
        ward.close().await;
    });
}

#[test]
fn busy_slots_that_make_the_canary_late_stay_ready() {
    on_actix(async {
        let ward = Ward::ready().await;
        let _pictures = ward.fill_slots().await;
        let before = ward.feed.canaries.load(Ordering::SeqCst);
        for _ in 0..20 {
            ward.rounds_pass(2).await;
            assert!(ward.verdict().ready, "{:?}", ward.verdict());
        }
        assert_eq!(ward.feed.canaries.load(Ordering::SeqCst), before, "no canary came through");
        ward.close().await;
    });
}

#[test]
fn a_late_canary_does_not_make_up_for_a_failed_one() {
    on_actix(async {
        let ward = Ward::with(settings(), Feed { canary: AtomicU8::new(3), ..Feed::default() });
        let _pictures = ward.fill_slots().await;
        ward.rounds_pass(5).await;
        assert!(!ward.verdict().ready);
        ward.feed.canary.store(0, Ordering::SeqCst);
        ward.feed.gate.open();
        ward.becomes_ready().await;
        ward.close().await;
    });
}

struct Break;

impl Message for Break {
    type Result = ();
}

impl Handler<Break> for Intake {
    type Result = ();

    fn handle(&mut self, _: Break, _: &mut Context<Self>) {
        panic!("as planned")
    }
}

impl Handler<Break> for Health {
    type Result = ();

    fn handle(&mut self, _: Break, _: &mut Context<Self>) {
        panic!("as planned")
    }
}

#[test]
fn an_actor_that_backs_off_is_named_until_it_is_back() {
    on_actix(async {
        let policy = Policy { first_backoff: Duration::from_millis(500), ..Policy::default() };
        let ward = Ward::open(CrewSettings { policy, ..settings() });
        ward.becomes_ready().await;
        assert!(ask(&ward.crew.intake, Break).await.is_err());
        let verdict = ward.suffers(&["actors"]).await;
        assert_eq!(verdict.checks["actors"].reason.as_deref(), Some("not answering: intake"));
        ward.becomes_ready().await;
        assert!(ward.verdict().checks["actors"].figures.contains(&("restarts", 1)));
        ward.close().await;
    });
}

#[test]
fn past_the_intensity_the_crew_is_doomed() {
    on_actix(async {
        let policy = Policy { restarts: 0, ..Policy::default() };
        let mut ward = Ward::open(CrewSettings { policy, ..settings() });
        ward.becomes_ready().await;
        assert!(ask(&ward.crew.intake, Break).await.is_err());
        assert_eq!(ward.crew.doom.wait_for(Option::is_some).await.unwrap().as_ref().unwrap().actor, "intake");
        assert_eq!((ward.verdict().ready, ward.verdict().reason), (false, Some("doomed")));
        ward.close().await;
    });
}

#[test]
fn health_that_fails_goes_on() {
    on_actix(async {
        let ward = Ward::ready().await;
        let (recorder, _events) = Recorder::channel(100);
        let bell = Bell::new().0;
        let cell = VerdictCell::new(Clock::system(), Duration::from_secs(30), Drain::default(), bell.clone());
        let patients = Patients {
            workers: ward.crew.workers.clone(),
            intake: ward.crew.intake.clone(),
            metrics: ward.crew.metrics.clone(),
            roster: ward.crew.roster.clone(),
            disk: disk_free(std::env::temp_dir()),
            memory: memory_use(),
            room: SpoolRoom::open(SpoolSettings::default()).unwrap(),
            io: io(),
        };
        let CrewSettings { policy, health, .. } = settings();
        let actor = Health::new(health, cell.clone(), recorder.clone(), patients);
        let supervision = Supervision { policy, recorder, bell, roster: ward.crew.roster.clone() };
        let health = start(System::current().arbiter(), "second", &supervision, |_| actor);
        until(|| cell.read().age.is_some()).await;
        assert!(ask(&health, Break).await.is_err());
        let rounds = ward.rounds.load(Ordering::SeqCst);
        until(|| ward.rounds.load(Ordering::SeqCst) > rounds).await;
        let canaries = ward.feed.canaries.load(Ordering::SeqCst);
        until(|| ward.feed.canaries.load(Ordering::SeqCst) > canaries).await;
        until(|| cell.read().age.is_some_and(|age| age < Duration::from_millis(50))).await;
        assert_eq!(ward.crew.roster.of("second").unwrap().restarts, 1);
        ward.close().await;
    });
}

#[test]
fn a_drain_is_seen_at_once_and_lets_nobody_in() {
    on_actix(async {
        let ward = Ward::ready().await;
        ward.crew.drain();
        assert_eq!((ward.verdict().ready, ward.verdict().reason), (false, Some("draining")));
        let admit = Admit { declared: Some(1), limit: 1 };
        let refused = ask(&ward.crew.intake, admit).await.unwrap().unwrap_err();
        assert_eq!(refused.code, Code::NotReady);
        run(&ward.crew.workers, Run { input: Input::Bytes([1].into()), ..picture("") }).await.unwrap();
        ward.close().await;
    });
}

#[test]
fn the_crew_is_all_there_and_stops_leaving_nobody_waiting() {
    on_actix(async {
        let ward = Ward::ready().await;
        let names: Vec<_> = ward.crew.roster.all().into_keys().collect();
        assert_eq!(names, ACTORS);
        let Crew { workers, intake, metrics, .. } = &ward.crew;
        let (workers, intake, metrics) = (workers.clone(), intake.clone(), metrics.clone());
        let pictures = ward.fill_slots().await;
        ward.crew.stop().await;
        for picture in pictures {
            assert_eq!(picture.await.unwrap().unwrap_err().code, Code::NotReady);
        }
        assert!(!workers.connected() && !intake.connected() && !metrics.connected());
        assert_eq!(ask(&metrics, Render).await.unwrap_err().code, Code::NotReady);
        ward.feed.gate.open();
    });
}
