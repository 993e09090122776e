//! Traces: where the work at hand belongs among the work of others, and spans that say how long its parts took.
//!
//! A [`Scope`] says to which request and to which trace work belongs. It goes where the work goes: [`Scope::here`]
//! finds it, a message carries it, [`Scope::run`] has it hold for a future and [`Scope::enter`] for a thread. Log lines
//! take their `request_id` and their `trace_id` from it. A [`Span`] is a part of the work that is told of when it ends.
//!
//! Spans are recorded where [`Export::start`] found a collector in the environment, and nowhere else: without it a
//! caller's trace is carried along for the log, and nothing is made, kept or sent. Nothing here can fail its caller.

mod export;
mod sampler;
mod w3c;

use std::borrow::Cow;
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Link, SpanBuilder, SpanContext, Status, TraceContextExt, Tracer as _};
use opentelemetry::{Context, ContextGuard};
use opentelemetry_sdk::trace::SdkTracer;

pub use export::{Export, ExportError, lost};
pub use opentelemetry::trace::SpanKind;
pub use opentelemetry::{KeyValue, Value};

/// Makes the spans, once there is somebody to send them to.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// To which request and which trace work belongs, if to any. Cheap to clone, and goes anywhere.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    trace: Option<Context>,
    request: Option<Arc<str>>,
}

thread_local! {
    /// The id of the request that this thread's work comes of.
    static REQUEST: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

impl Scope {
    /// That of the work which calls this.
    #[must_use]
    pub fn here() -> Self {
        let trace = Context::map_current(|context| context.has_active_span().then(|| context.clone()));
        // A thread that comes to its end knows none any more.
        let request = REQUEST.try_with(|request| request.borrow().clone()).ok().flatten();
        Self { trace, request }
    }

    /// The same for work that comes of the request with this id, be it long over.
    #[must_use]
    pub fn of_request(self, id: &str) -> Self {
        Self { request: Some(id.into()), ..self }
    }

    /// The id of the request that the work comes of.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request.as_deref()
    }

    /// That of a caller who sent these headers (W3C Trace Context); none where they are not well-formed.
    #[must_use]
    pub fn of_caller(traceparent: &str, tracestate: Option<&str>) -> Self {
        Self { trace: w3c::parse(traceparent, tracestate).map(of_remote), request: None }
    }

    /// Whether it belongs to a trace.
    #[must_use]
    pub fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    /// The headers that tell somebody else of it: `traceparent`, and `tracestate` where there is one.
    #[must_use]
    pub fn headers(&self) -> Option<(String, Option<String>)> {
        let span = self.trace.as_ref()?.span();
        let state = span.span_context().trace_state().header();
        Some((w3c::write(span.span_context()), Some(state).filter(|state| !state.is_empty())))
    }

    /// The trace's id, 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        self.trace.as_ref().map(|context| context.span().span_context().trace_id().to_string())
    }

    /// Has a future belong to it.
    pub async fn run<F: Future>(self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|task| {
            let _entered = self.enter();
            work.as_mut().poll(task)
        })
        .await
    }

    /// Has what this thread does belong to it, for as long as the answer is held.
    pub fn enter(&self) -> Entered {
        let enter = |id| REQUEST.try_with(|request| request.replace(Some(id))).ok().flatten();
        let (named, before) = (self.request.is_some(), self.request.clone().and_then(enter));
        Entered { _trace: self.trace.clone().map(Context::attach), named, before }
    }

    /// Begins a part of it. Where it is not recorded, neither is the part.
    pub fn span<A>(&self, name: &'static str, kind: SpanKind, attributes: impl FnOnce() -> A) -> Span
    where
        A: IntoIterator<Item = KeyValue>,
    {
        match self.recorded() {
            Some((tracer, context)) => {
                let builder = tracer.span_builder(name).with_kind(kind).with_attributes(attributes());
                Span::open(tracer, builder, context, self.request.clone())
            }
            None => Span::of(self.clone()),
        }
    }

    /// Tells of a part that is over.
    pub fn past(&self, name: &'static str, began: SystemTime, took: Duration) {
        if let Some((tracer, context)) = self.recorded() {
            let builder = tracer.span_builder(name).with_start_time(began);
            let mut span = tracer.build_with_context(builder, context);
            opentelemetry::trace::Span::end_with_timestamp(&mut span, began + took);
        }
    }

    fn recorded(&self) -> Option<(&'static SdkTracer, &Context)> {
        let tracer = TRACER.get()?;
        let context = self.trace.as_ref()?;
        context.span().span_context().is_sampled().then_some((tracer, context))
    }
}

fn of_remote(caller: SpanContext) -> Context {
    Context::new().with_remote_span_context(caller)
}

/// For as long as it is held, what the thread does belongs to a scope.
#[must_use = "the scope is left as soon as this is dropped"]
pub struct Entered {
    _trace: Option<ContextGuard>,
    /// Whether the request is another now, and the one before.
    named: bool,
    before: Option<Arc<str>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        if self.named {
            let before = self.before.take();
            // Of a thread that comes to its end there is nothing to restore.
            let _ = REQUEST.try_with(|request| request.replace(before));
        }
    }
}

/// Begins work that somebody asked for: a part of the caller's trace, or a trace of its own where there is none.
pub fn begin<A>(
    caller: Scope,
    name: impl Into<Cow<'static, str>>,
    kind: SpanKind,
    attributes: impl FnOnce() -> A,
) -> Span
where
    A: IntoIterator<Item = KeyValue>,
{
    let Some(tracer) = TRACER.get() else { return Span::of(caller) };
    let builder = tracer.span_builder(name).with_kind(kind).with_attributes(attributes());
    Span::open(tracer, builder, &caller.trace.unwrap_or_default(), caller.request)
}

/// Begins work that comes of a request which is long over, in a trace of its own that names the request's. It is
/// recorded where that one was. `origin` is the `traceparent` that was kept.
pub fn linked<A>(
    request_id: &str,
    origin: Option<&str>,
    name: &'static str,
    kind: SpanKind,
    attributes: impl FnOnce() -> A,
) -> Span
where
    A: IntoIterator<Item = KeyValue>,
{
    let origin = origin.and_then(|text| w3c::parse(text, None));
    let Some(tracer) = TRACER.get() else {
        return Span::of(Scope { trace: origin.map(of_remote), request: Some(request_id.into()) });
    };
    let links = origin.map(|origin| Link::new(origin, Vec::new(), 0)).into_iter().collect();
    let builder = tracer.span_builder(name).with_kind(kind).with_attributes(attributes()).with_links(links);
    Span::open(tracer, builder, &Context::new(), Some(request_id.into()))
}

/// Work under way. Ends when it is dropped. The default is of no trace.
#[derive(Debug, Default)]
#[must_use = "a span ends as soon as it is dropped"]
pub struct Span {
    scope: Scope,
    own: bool,
}

impl Span {
    /// None of its own: what is done belongs to this scope, and is not told of.
    pub fn of(scope: Scope) -> Self {
        Self { scope, own: false }
    }

    fn open(tracer: &SdkTracer, builder: SpanBuilder, parent: &Context, request: Option<Arc<str>>) -> Self {
        let span = tracer.build_with_context(builder, parent);
        Self { scope: Scope { trace: Some(parent.with_span(span)), request }, own: true }
    }

    /// What belongs to it belongs to this.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope.clone()
    }

    /// Has what this thread does belong to it, for as long as the answer is held.
    pub fn enter(&self) -> Entered {
        self.scope.enter()
    }

    /// Calls it otherwise, now that more is known.
    pub fn rename(&self, name: impl FnOnce() -> String) {
        if let Some(context) = self.recorded() {
            context.span().update_name(name());
        }
    }

    /// Notes a fact.
    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = self.recorded() {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// Notes that it failed, and by what kind of error.
    pub fn fail(&self, kind: &'static str) {
        if let Some(context) = self.recorded() {
            context.span().set_attribute(KeyValue::new("error.type", kind));
            context.span().set_status(Status::error(""));
        }
    }

    fn recorded(&self) -> Option<&Context> {
        self.scope.trace.as_ref().filter(|context| self.own && context.span().is_recording())
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        // Others may hold its scope on: the end must not wait for them.
        if let Some(context) = self.scope.trace.as_ref().filter(|_| self.own) {
            context.span().end();
        }
    }
}
