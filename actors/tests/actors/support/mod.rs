//! Shared test support: an actix system, an io runtime, and an engine whose pictures script what happens.

#![allow(unreachable_pub, reason = "shared by the modules of this program")]

pub mod test_actors;
pub mod test_supervision;
pub mod test_system;
pub mod test_workers;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, OnceLock};
use std::thread::ThreadId;
use std::time::Duration;

use huemill_actors::actor_system::OutboundDependencies;
use huemill_actors::delivery::{KeySecrets, Signer};
use huemill_actors::outbound::{AddressPolicy, Outbound};
use huemill_actors::workers::{CancellationToken, Class, EngineFactory, Input, PictureCost, Run, SlotEngine};
use huemill_imaging::{
    Card, CardFormat, ColorSummary, Crop, Error, Monitor, Options, Outcome, Raster, Rect, Source, Timings,
};
use huemill_observability::trace::Scope;
use huemill_store::Caller;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Longer than any test takes; only something that hangs reaches it.
pub const AGES: Duration = Duration::from_secs(30);

pub fn io() -> Handle {
    static IO: OnceLock<Runtime> = OnceLock::new();
    let start = || Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    IO.get_or_init(start).handle().clone()
}

/// Outbound dependencies with this policy.
pub fn outbound_dependencies(policy: AddressPolicy) -> OutboundDependencies {
    OutboundDependencies {
        outbound: Outbound::new(policy).unwrap(),
        signer: Signer::new("the secret of these tests".into(), None, KeySecrets::new("of keys".into())),
        download: Arc::new(|job, _| Some(format!("https://huemill.example/jobs/{job}/results.zip"))),
    }
}

/// Waits until the condition is true.
pub async fn until(mut condition: impl FnMut() -> bool) {
    // Real time, since a test may have paused tokio's.
    let deadline = std::time::Instant::now() + AGES;
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "the condition never came true");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A request for a picture whose bytes are this text.
pub fn picture(text: &str) -> Run {
    request(Input::Bytes(text.as_bytes().into()))
}

pub fn request(input: Input) -> Run {
    Run {
        input,
        options: Options::default(),
        deadline: Instant::now() + AGES,
        cancel: CancellationToken::new(),
        caller: Caller::Service,
        class: Class::Interactive,
        counted: true,
        scope: Scope::default(),
    }
}

/// Blocks threads until it is opened.
#[derive(Default)]
pub struct Gate {
    open: Mutex<bool>,
    moved: Condvar,
}

impl Gate {
    pub fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.moved.notify_all();
    }

    pub fn shut(&self) {
        *self.open.lock().unwrap() = false;
    }

    pub fn pass(&self) {
        drop(self.moved.wait_while(self.open.lock().unwrap(), |open| !*open).unwrap());
    }
}

/// Controls the engines of one test and counts what they do.
pub struct EngineControl {
    pub gate: Gate,
    /// Where two pictures wait for each other.
    meeting: Barrier,
    /// Engines made so far.
    pub made: AtomicUsize,
    /// Engines that still exist.
    pub alive: AtomicUsize,
    /// Memory of the pictures in progress.
    pub held: AtomicU64,
    /// The most that `held` has been.
    pub peak: AtomicU64,
    /// How many engines fail to be made.
    pub failing: AtomicUsize,
}

impl Default for EngineControl {
    fn default() -> Self {
        Self {
            gate: Gate::default(),
            meeting: Barrier::new(2),
            made: AtomicUsize::default(),
            alive: AtomicUsize::default(),
            held: AtomicU64::default(),
            peak: AtomicU64::default(),
            failing: AtomicUsize::default(),
        }
    }
}

/// A picture whose processing has started: its text, and the thread.
pub type StartedPicture = (String, ThreadId);

/// An engine that does what the words of its picture say: `ok`; `gate` (waits for the gate and ignores cancellation);
/// `heed` (waits to be canceled); `panic`; `panic-early` (during inspection); `meet` (inspection waits for that of
/// another picture); `KIB=n` (takes that much memory).
pub struct ScriptedEngine {
    control: Arc<EngineControl>,
    started: mpsc::UnboundedSender<StartedPicture>,
}

pub fn engines() -> (EngineFactory, Arc<EngineControl>, mpsc::UnboundedReceiver<StartedPicture>) {
    let control = Arc::new(EngineControl::default());
    let (started, receiver) = mpsc::unbounded_channel();
    let shared = Arc::clone(&control);
    let engines: EngineFactory = Arc::new(move || {
        if shared.failing.load(Ordering::SeqCst) > 0 {
            shared.failing.fetch_sub(1, Ordering::SeqCst);
            return Err("as planned".into());
        }
        shared.made.fetch_add(1, Ordering::SeqCst);
        shared.alive.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(ScriptedEngine { control: Arc::clone(&shared), started: started.clone() }))
    });
    (engines, control, receiver)
}

impl Drop for ScriptedEngine {
    fn drop(&mut self) {
        self.control.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

fn memory_of(text: &str) -> u64 {
    text.split(' ').find_map(|word| word.strip_prefix("KIB=")).map_or(0, |kib| kib.parse().unwrap()) << 10
}

impl SlotEngine for ScriptedEngine {
    fn inspect(&mut self, bytes: &[u8], _: &Options) -> Result<PictureCost, Error> {
        let text = std::str::from_utf8(bytes).unwrap().trim_end_matches('\0');
        match text {
            "panic-early" => panic!("as planned, early"),
            "empty" => return Err(Error::Empty),
            "heic" => return Err(Error::Unsupported("HEIC")),
            "nothing" => return Err(Error::Unrecognised),
            "costly" => return Err(Error::TooMuchWork { work: 9, limit: 8 }),
            "large" => return Err(Error::TooLarge { width: 20_000, height: 3 }),
            _ => {}
        }
        if text.starts_with("meet ") {
            self.control.meeting.wait();
        }
        Ok(PictureCost { format: "text", memory: memory_of(text) })
    }

    fn process(&mut self, bytes: &[u8], _: &Options, monitor: &dyn Monitor) -> Result<Outcome, Error> {
        let text = std::str::from_utf8(bytes).unwrap().trim_end_matches('\0');
        let now = self.control.held.fetch_add(memory_of(text), Ordering::SeqCst) + memory_of(text);
        self.control.peak.fetch_max(now, Ordering::SeqCst);
        let _ = self.started.send((text.to_owned(), std::thread::current().id()));
        let mut result = Ok(());
        for word in text.split(' ') {
            match word {
                "gate" => self.control.gate.pass(),
                "heed" => {
                    while !monitor.canceled() {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    result = Err(Error::Canceled);
                }
                "damaged" => result = Err(Error::Damaged("as planned".to_owned())),
                "panic" => panic!("as planned"),
                _ => {}
            }
        }
        self.control.held.fetch_sub(memory_of(text), Ordering::SeqCst);
        result.map(|()| outcome())
    }
}

pub fn outcome() -> Outcome {
    let pixel = Raster::new(1, 1, vec![0; 3]).unwrap();
    Outcome {
        source: Source { format: "png", width: 1, height: 1, orientation: 1 },
        palette: Vec::new(),
        summary: ColorSummary::of(&[], &pixel, &pixel),
        subject: Rect { x: 0, y: 0, width: 1, height: 1 },
        faces: Vec::new(),
        crop: Crop { x: 0, y: 0, width: 1, height: 1, score: 0.0 },
        card: Some(Card { bytes: Vec::new(), format: CardFormat::Png }),
        card_crop: None,
        timings: Timings::default(),
    }
}
