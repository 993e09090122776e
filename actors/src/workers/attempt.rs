//! One attempt at one picture, on a slot's thread: read the input, read its header, reserve its memory, work.
//!
//! It never waits for memory while it holds memory: what it cannot have at once it asks for in one piece after
//! letting go of its input, which is then read again. So attempts cannot wait for each other in a circle.
//! A panic is contained: the bytes come from strangers, so a picture that makes a decoder panic is a picture
//! that cannot be read; the panic is logged as an error of ours, and the mill is made anew.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use huemill_imaging::{Limits, Monitor, Options, Stage, Timings};
use huemill_observability::trace::{Span, SpanKind};
use huemill_observability::{Aspect, Event, log, panic_text};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::attempt_state::{AttemptPhase, AttemptState, StopReason};
use super::engine::{EngineFactory, SlotEngine};
use super::{Answer, Done, Input, faults};
use crate::budget::{Budget, MemoryReservation};
use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::metrics::Recorder;

/// A picture and who waits for it.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) state: Arc<AttemptState>,
    pub(super) input: Input,
    pub(super) options: Options,
    pub(super) batch: bool,
    pub(super) counted: bool,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What every slot's thread works with.
#[derive(Clone)]
pub(super) struct Tools {
    pub(super) engines: EngineFactory,
    pub(super) budget: Budget,
    pub(super) io: Handle,
    pub(super) recorder: Recorder,
    pub(super) limits: Limits,
    pub(super) longest_input: u64,
}

/// A thread's tools with its mill.
pub(super) struct SlotThread {
    slot: usize,
    tools: Tools,
    engine: Option<Box<dyn SlotEngine>>,
}

impl SlotThread {
    pub(super) fn new(slot: usize, tools: Tools) -> Self {
        Self { slot, tools, engine: None }
    }

    /// Does the work of an attempt and counts how it ended. Whatever it held is free again after it.
    pub(super) fn perform(&mut self, attempt: &Attempt) -> Answer {
        let mut format = "unknown";
        let span = begin(attempt);
        let _scope = span.enter();
        let steps = AssertUnwindSafe(|| self.steps(attempt, &mut format));
        let result = catch_unwind(steps).unwrap_or_else(|panic| {
            self.engine = None;
            let text = panic_text(&*panic);
            log!(ATTEMPT_PANICKED, slot = self.slot, format, reason = text);
            Err(Fault::new(Code::ProcessingError).with_cause(format!("panic: {text}")).into())
        });
        self.tools.count_budget();
        if attempt.counted {
            self.count(format, &result);
        }
        tell(&span, format, &result);
        result.map_err(Fault::from)
    }

    fn steps(&mut self, attempt: &Attempt, format: &mut &'static str) -> Result<Done, StopReason> {
        let started = Instant::now();
        let Attempt { state, input, options, .. } = attempt;
        let Self { tools, engine, .. } = self;
        let watch = AttemptWatch { state, started };
        if watch.canceled() {
            return Err(state.stopped());
        }
        let engine = match engine {
            Some(engine) => engine,
            none => {
                none.insert((tools.engines)().map_err(|e| Fault::new(Code::InternalError).with_cause(e))?)
            }
        };
        let of_picture = |error| faults::of_picture(&error, &tools.limits, state);
        let mut loaded = Loaded::read(tools, state, input, 0)?;
        let load = engine.weigh(&loaded.bytes, options).map_err(of_picture)?;
        *format = load.format;
        let pixels = tools.budget.try_reserve(load.memory);
        if pixels.is_none() {
            drop(loaded);
            loaded = Loaded::read(tools, state, input, load.memory)?;
        }
        tools.count_budget();
        state.enter(AttemptPhase::Working);
        let outcome = engine.process(&loaded.bytes, options, &watch).map_err(of_picture)?;
        Ok(Done { outcome, waited: started - state.asked, worked: started.elapsed() })
    }

    fn count(&self, format: &'static str, result: &Result<Done, StopReason>) {
        let recorder = &self.tools.recorder;
        let outcome = match result {
            Ok(done) => {
                let timings = &done.outcome.timings;
                for (stage, time) in timings.iter() {
                    recorder.record(Event::StageTimed { stage: stage.name(), time });
                }
                log_stages(format, timings);
                let source = &done.outcome.source;
                recorder.record(Event::PictureShaped(Aspect::of(source.width, source.height)));
                "ok"
            }
            Err(halt) => faults::outcome(halt),
        };
        recorder.record(Event::AttemptEnded { format, outcome });
    }
}

/// The span of the work itself, beside that of the wait for its slot.
fn begin(attempt: &Attempt) -> Span {
    let state = &attempt.state;
    let waited = state.asked.elapsed();
    state.scope.past("queue wait", SystemTime::now() - waited, waited);
    state.scope.span("picture", SpanKind::Internal, || [])
}

/// What came of the work; of its stages, which follow one another up to now, the times alone are known.
fn tell(span: &Span, format: &'static str, result: &Result<Done, StopReason>) {
    span.set("huemill.picture.format", format);
    match result {
        Ok(done) => {
            let timings = &done.outcome.timings;
            let mut at = SystemTime::now() - timings.total();
            for (stage, time) in timings.iter() {
                span.scope().past(stage.name(), at, time);
                at += time;
            }
        }
        Err(halt) => span.fail(faults::outcome(halt)),
    }
}

impl Tools {
    fn count_budget(&self) {
        let (used, total) = (self.budget.used(), self.budget.total());
        self.recorder.record(Event::Budget { used, total });
    }
}

fn log_stages(format: &'static str, timings: &Timings) {
    let ms = |stage| timings.get(stage).as_secs_f64() * 1000.0;
    log!(
        STAGES_TIMED,
        format,
        decode_ms = ms(Stage::Decode),
        palette_ms = ms(Stage::Palette),
        crop_ms = ms(Stage::Crop),
        card_ms = ms(Stage::Card),
        encode_ms = ms(Stage::Encode)
    );
}

/// The input's bytes, with the memory they (and the picture, where asked for) take.
struct Loaded<'a> {
    bytes: Cow<'a, [u8]>,
    _held: MemoryReservation,
}

impl<'a> Loaded<'a> {
    fn read(tools: &Tools, state: &AttemptState, input: &'a Input, and: u64) -> Result<Self, StopReason> {
        let limit = tools.longest_input;
        if input.len() > limit {
            return Err(faults::too_many_bytes(limit).into());
        }
        let length = if input.in_memory() { 0 } else { input.len() };
        let bytes = length.saturating_add(and);
        let held = tools
            .budget
            .reserve_blocking(&tools.io, bytes, state.start_by, &state.cancel)
            .map_err(|refusal| faults::of_refusal(refusal, state))?;
        Ok(Self { bytes: input.read(limit)?, _held: held })
    }
}

/// The world as imaging sees it.
struct AttemptWatch<'a> {
    state: &'a AttemptState,
    started: Instant,
}

impl Monitor for AttemptWatch<'_> {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn canceled(&self) -> bool {
        self.state.cancel.is_cancelled() || Instant::now() >= self.state.deadline
    }
}
