//! What several tests share: an actix system, an io runtime, a mill that does as its picture says.

#![allow(dead_code, unreachable_pub, reason = "a module of several tests, none of which uses all of it")]
#![allow(clippy::unwrap_used)]

pub mod breaking;
pub mod office;
pub mod shop;
pub mod stage;
pub mod ward;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, OnceLock};
use std::thread::ThreadId;
use std::time::Duration;

use actix::System;
use huemill_actors::actor_system::OutboundDependencies;
use huemill_actors::delivery::Signer;
use huemill_actors::outbound::{AddressPolicy, Outbound};
use huemill_actors::workers::{Cancel, Class, EngineFactory, Input, Load, Run, SlotEngine};
use huemill_imaging::{Card, CardFormat, Crop, Error, Monitor, Options, Outcome, Source, Timings};
use huemill_observability::trace::Scope;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Longer than anything here takes; reached only by what hangs.
pub const AGES: Duration = Duration::from_secs(30);

pub fn on_actix(test: impl Future<Output = ()>) {
    System::new().block_on(test);
}

pub fn io() -> Handle {
    static IO: OnceLock<Runtime> = OnceLock::new();
    let start = || Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    IO.get_or_init(start).handle().clone()
}

/// The way out, as far as this policy lets anybody.
pub fn outbound_dependencies(policy: AddressPolicy) -> OutboundDependencies {
    OutboundDependencies {
        outbound: Outbound::new(policy).unwrap(),
        signer: Signer::new("the secret of these tests".into(), None),
        download: Arc::new(|job, _| format!("https://huemill.example/jobs/{job}/results.zip")),
    }
}

/// Waits for a condition.
pub async fn until(mut condition: impl FnMut() -> bool) {
    // The real time, since a test may have stopped tokio's.
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
        cancel: Cancel::new(),
        class: Class::Interactive,
        counted: true,
        scope: Scope::default(),
    }
}

/// A door that those who stand before it pass once it is opened.
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

/// What the mills of one test do and have done.
pub struct Mine {
    pub gate: Gate,
    /// Where two pictures meet.
    meeting: Barrier,
    /// Mills made so far, and those that still live.
    pub made: AtomicUsize,
    pub alive: AtomicUsize,
    /// Bytes that pictures in work were weighed at: now and at most.
    pub held: AtomicU64,
    pub peak: AtomicU64,
    pub unable: AtomicUsize,
}

impl Default for Mine {
    fn default() -> Self {
        Self {
            gate: Gate::default(),
            meeting: Barrier::new(2),
            made: AtomicUsize::default(),
            alive: AtomicUsize::default(),
            held: AtomicU64::default(),
            peak: AtomicU64::default(),
            unable: AtomicUsize::default(),
        }
    }
}

/// A picture on whose work was begun: its text, and the thread.
pub type Begun = (String, ThreadId);

/// The words of a picture say what happens to it: `ok`; `gate` (waits for the gate, hears nothing else); `heed`
/// (waits to be canceled); `panic`; `panic-early` (while being weighed); `meet` (is weighed when another one is);
/// `KIB=n` (weighs that much).
pub struct TextMill {
    mine: Arc<Mine>,
    begun: mpsc::UnboundedSender<Begun>,
}

pub fn engines() -> (EngineFactory, Arc<Mine>, mpsc::UnboundedReceiver<Begun>) {
    let mine = Arc::new(Mine::default());
    let (begun, seen) = mpsc::unbounded_channel();
    let shared = Arc::clone(&mine);
    let engines: EngineFactory = Arc::new(move || {
        if shared.unable.load(Ordering::SeqCst) > 0 {
            shared.unable.fetch_sub(1, Ordering::SeqCst);
            return Err("as planned".into());
        }
        shared.made.fetch_add(1, Ordering::SeqCst);
        shared.alive.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(TextMill { mine: Arc::clone(&shared), begun: begun.clone() }))
    });
    (engines, mine, seen)
}

impl Drop for TextMill {
    fn drop(&mut self) {
        self.mine.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

fn weight(text: &str) -> u64 {
    text.split(' ').find_map(|word| word.strip_prefix("KIB=")).map_or(0, |kib| kib.parse().unwrap()) << 10
}

impl SlotEngine for TextMill {
    fn weigh(&mut self, bytes: &[u8], _: &Options) -> Result<Load, Error> {
        let text = std::str::from_utf8(bytes).unwrap().trim_end_matches('\0');
        match text {
            "panic-early" => panic!("as planned, early"),
            "empty" => return Err(Error::Empty),
            "heic" => return Err(Error::Unsupported("HEIC")),
            "nothing" => return Err(Error::Unrecognised),
            "large" => return Err(Error::TooLarge { width: 20_000, height: 3 }),
            _ => {}
        }
        if text.starts_with("meet ") {
            self.mine.meeting.wait();
        }
        Ok(Load { format: "text", memory: weight(text) })
    }

    fn process(&mut self, bytes: &[u8], _: &Options, watch: &dyn Monitor) -> Result<Outcome, Error> {
        let text = std::str::from_utf8(bytes).unwrap().trim_end_matches('\0');
        let now = self.mine.held.fetch_add(weight(text), Ordering::SeqCst) + weight(text);
        self.mine.peak.fetch_max(now, Ordering::SeqCst);
        let _ = self.begun.send((text.to_owned(), std::thread::current().id()));
        let mut result = Ok(());
        for word in text.split(' ') {
            match word {
                "gate" => self.mine.gate.pass(),
                "heed" => {
                    while !watch.canceled() {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    result = Err(Error::Canceled);
                }
                "damaged" => result = Err(Error::Damaged("as planned".to_owned())),
                "panic" => panic!("as planned"),
                _ => {}
            }
        }
        self.mine.held.fetch_sub(weight(text), Ordering::SeqCst);
        result.map(|()| outcome())
    }
}

pub fn outcome() -> Outcome {
    Outcome {
        source: Source { format: "png", width: 1, height: 1, orientation: 1 },
        palette: Vec::new(),
        crop: Crop { x: 0, y: 0, width: 1, height: 1, score: 0.0 },
        card: Card { bytes: Vec::new(), format: CardFormat::Png },
        timings: Timings::default(),
    }
}
