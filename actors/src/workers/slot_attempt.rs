//! One attempt to process one picture on a slot's thread: read the input and its header, reserve memory, process.
//!
//! An attempt never waits for memory while it holds memory: what it cannot reserve at once it requests in one piece
//! after releasing its input, which it then reads again. So attempts cannot deadlock. A panic is contained: users
//! send the bytes, so a picture that makes a decoder panic is a picture that cannot be read. The panic is logged as
//! an internal error, and the thread gets a new engine.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use huemill_imaging::{Error, Limits, Monitor, Options, Stage, Timings};
use huemill_observability::trace::{Span, SpanKind};
use huemill_observability::{AspectClass, CaughtPanic, Event, catch_panic, log};
use huemill_store::Caller;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::attempt_state::{AttemptPhase, AttemptState, StopReason};
use super::engine::{EngineFactory, SlotEngine};
use super::input::{Input, input_too_large};
use super::messages::{Class, Done, Run, RunResult};
use crate::budget::{Budget, MemoryReservation, Refusal};
use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::line_sampler::LineSampler;
use crate::telemetry::Recorder;

/// A picture to process, and who waits for it.
#[derive(Debug)]
pub(super) struct SlotAttempt {
    pub(super) state: Arc<AttemptState>,
    pub(super) caller: Caller,
    pub(super) input: Input,
    pub(super) options: Options,
    pub(super) batch: bool,
    pub(super) counted: bool,
    pub(super) reply: oneshot::Sender<RunResult>,
}

impl SlotAttempt {
    /// The attempt that a caller requests, and the receiver of its result.
    pub(super) fn new(id: u64, run: Run, queue_wait: Duration) -> (Self, oneshot::Receiver<RunResult>) {
        let (start_by, batch) = match run.class {
            Class::Interactive => (Instant::now() + queue_wait, false),
            Class::Batch { start_by } => (start_by, true),
        };
        let state = AttemptState::new(id, run.cancel.child_token(), start_by, run.deadline, run.scope);
        let (reply, result) = oneshot::channel();
        let Run { input, options, counted, caller, .. } = run;
        (Self { state: Arc::new(state), caller, input, options, batch, counted, reply }, result)
    }
}

/// What every slot's thread uses.
#[derive(Clone)]
pub(super) struct SlotResources {
    pub(super) engines: EngineFactory,
    pub(super) budget: Budget,
    pub(super) io: Handle,
    pub(super) recorder: Recorder,
    pub(super) line_sampler: LineSampler,
    pub(super) limits: Limits,
    pub(super) longest_input: u64,
}

/// A slot's thread with its engine.
pub(super) struct SlotThread {
    slot: usize,
    resources: SlotResources,
    engine: Option<Box<dyn SlotEngine>>,
}

impl SlotThread {
    pub(super) fn new(slot: usize, resources: SlotResources) -> Self {
        Self { slot, resources, engine: None }
    }

    /// Processes an attempt and counts how it ended. Everything it held is released afterwards.
    pub(super) fn perform(&mut self, attempt: &SlotAttempt) -> RunResult {
        let mut format = "unknown";
        let span = start_span(attempt);
        let _scope = span.enter();
        let steps = AssertUnwindSafe(|| self.steps(attempt, &mut format));
        let result = catch_panic(steps).unwrap_or_else(|panic| {
            self.engine = None;
            self.log_panic(attempt.caller, format, &panic);
            let cause = format!("panic: {}", panic.reason);
            Err(Fault::new(Code::ProcessingError).with_cause(cause).into())
        });
        self.resources.record_budget();
        if attempt.counted {
            self.record(format, &result);
        }
        finish_span(&span, format, &result);
        result.map_err(Fault::from)
    }

    /// Logs a panic. Whoever has found a picture that makes a decoder panic can send it again and again.
    fn log_panic(&self, caller: Caller, format: &'static str, panic: &CaughtPanic) {
        if let Some(lines_left_out) = self.resources.line_sampler.take(caller, 1) {
            let CaughtPanic { reason, location } = panic;
            log!(
                ATTEMPT_PANICKED,
                slot = self.slot,
                format,
                reason,
                location = location.as_deref(),
                lines_left_out
            );
        }
    }

    fn steps(&mut self, attempt: &SlotAttempt, format: &mut &'static str) -> Result<Done, StopReason> {
        let started = Instant::now();
        let SlotAttempt { state, input, options, .. } = attempt;
        let Self { resources, engine, .. } = self;
        let monitor = AttemptMonitor { state, started };
        if monitor.canceled() {
            return Err(state.stop_reason());
        }
        let engine = match engine {
            Some(engine) => engine,
            none => none.insert(
                (resources.engines)().map_err(|error| Fault::new(Code::InternalError).with_cause(error))?,
            ),
        };
        let picture_error = |error| picture_error(&error, &resources.limits, state);
        let mut loaded = LoadedInput::read(resources, state, input, 0)?;
        let cost = engine.inspect(&loaded.bytes, options).map_err(picture_error)?;
        *format = cost.format;
        let pixels = resources.budget.try_reserve(cost.memory);
        if pixels.is_none() {
            drop(loaded);
            loaded = LoadedInput::read(resources, state, input, cost.memory)?;
        }
        resources.record_budget();
        state.enter(AttemptPhase::Working);
        let outcome = engine.process(&loaded.bytes, options, &monitor).map_err(picture_error)?;
        Ok(Done { outcome, waited: started - state.requested, worked: started.elapsed() })
    }

    fn record(&self, format: &'static str, result: &Result<Done, StopReason>) {
        let recorder = &self.resources.recorder;
        let outcome = match result {
            Ok(done) => {
                let timings = &done.outcome.timings;
                for (stage, time) in timings.iter() {
                    recorder.record(Event::StageTimed { stage: stage.name(), time });
                }
                log_stages(format, timings);
                let source = &done.outcome.source;
                recorder.record(Event::PictureShaped(AspectClass::of(source.width, source.height)));
                "ok"
            }
            Err(stop) => outcome_label(stop),
        };
        recorder.record(Event::AttemptEnded { format, outcome });
    }
}

/// Starts the span of the work itself, beside the span of the wait for its slot.
fn start_span(attempt: &SlotAttempt) -> Span {
    let state = &attempt.state;
    let waited = state.requested.elapsed();
    state.scope.past("queue wait", SystemTime::now() - waited, waited);
    state.scope.span("picture", SpanKind::Internal, || [])
}

/// Adds the result to the span. Only the durations of the stages are known; they ended just now, one after the other.
fn finish_span(span: &Span, format: &'static str, result: &Result<Done, StopReason>) {
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
        Err(stop) => span.fail(outcome_label(stop)),
    }
}

impl SlotResources {
    fn record_budget(&self) {
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
        subject_ms = ms(Stage::Subject),
        layout_ms = ms(Stage::Layout),
        card_ms = ms(Stage::Card),
        encode_ms = ms(Stage::Encode)
    );
}

/// The input's bytes, with the memory reserved for them and, if requested, for the picture.
struct LoadedInput<'a> {
    bytes: Cow<'a, [u8]>,
    _reservation: MemoryReservation,
}

impl<'a> LoadedInput<'a> {
    fn read(
        resources: &SlotResources,
        state: &AttemptState,
        input: &'a Input,
        picture_bytes: u64,
    ) -> Result<Self, StopReason> {
        let limit = resources.longest_input;
        if input.len() > limit {
            return Err(input_too_large(limit).into());
        }
        let input_bytes = if input.in_memory() { 0 } else { input.len() };
        let bytes = input_bytes.saturating_add(picture_bytes);
        let reservation = resources
            .budget
            .reserve_blocking(&resources.io, bytes, state.start_by, &state.cancel)
            .map_err(|refusal| memory_error(refusal, state))?;
        Ok(Self { bytes: input.read(limit)?, _reservation: reservation })
    }
}

/// Gives the imaging crate the time, and tells it when to stop.
struct AttemptMonitor<'a> {
    state: &'a AttemptState,
    started: Instant,
}

impl Monitor for AttemptMonitor<'_> {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn canceled(&self) -> bool {
        self.state.cancel.is_cancelled() || Instant::now() >= self.state.deadline
    }
}

/// The name of a variant ("lossless JPEG") at the start of a sentence.
fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Why a picture has no outcome.
fn picture_error(error: &Error, limits: &Limits, state: &AttemptState) -> StopReason {
    let fault = Fault::new(Code::from(error));
    StopReason::Fault(match error {
        Error::Canceled => return state.stop_reason(),
        Error::Empty => fault,
        Error::Unsupported(format) => fault
            .with_message(format!(
                "{} is not supported. Send a JPEG, PNG, WebP, GIF, BMP or TIFF picture.",
                capitalized(format)
            )),
        Error::Unrecognised => {
            fault.with_message("This is not a picture. Send a JPEG, PNG, WebP, GIF, BMP or TIFF picture.")
        }
        Error::TooLarge { width, height } => fault.with_message(format!(
            "The picture is {width} x {height} pixels. At most {} megapixels ({} for JPEG) and {} pixels a side are \
             allowed. Send a smaller one.",
            limits.max_pixels / 1_000_000,
            limits.max_jpeg_pixels / 1_000_000,
            limits.max_side,
        )),
        Error::TooMuchWork { .. } => fault
            .with_message(
                "The picture takes too much work to decode: it has too many scans, or data without pixels. Save it \
                 again as a plain JPEG or PNG and send that.",
            )
            .with_cause(error),
        error => fault.with_cause(error),
    })
}

/// Why no memory was reserved.
fn memory_error(refusal: Refusal, state: &AttemptState) -> StopReason {
    match refusal {
        Refusal::TooLarge { .. } => StopReason::Fault(
            Fault::new(Code::PayloadTooLarge)
                .with_message("This picture needs more memory than is available. Send a smaller one.")
                .with_cause(refusal),
        ),
        Refusal::Late => StopReason::Fault(state.timeout_fault()),
        Refusal::Canceled => state.stop_reason(),
    }
}

/// How an attempt without an outcome ended, as metrics spell it.
fn outcome_label(stop: &StopReason) -> &'static str {
    let StopReason::Fault(fault) = stop else { return "canceled" };
    match fault.code {
        Code::NoInput => "no_input",
        Code::PayloadTooLarge => "payload_too_large",
        Code::UnsupportedMediaType => "unsupported_media_type",
        Code::ProcessingError => "processing_error",
        Code::Overloaded => "overloaded",
        _ => "internal_error",
    }
}
