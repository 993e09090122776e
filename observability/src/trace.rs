//! Traces: which request and which trace the current work belongs to, and spans that measure its parts.
//!
//! A [`Scope`] holds the request's id and the trace's context. It travels with the work: [`Scope::here`] returns the
//! current one, a message carries it, [`Scope::run`] applies it to a future and [`Scope::enter`] to a thread. Log lines
//! take their `request_id` and `trace_id` from it. A [`Span`] is a part of the work; it is recorded when it ends.
//!
//! Spans are only recorded if [`Export::start`] found a collector in the environment. Without one, the caller's trace is
//! still carried along for the log, but no span is created. Nothing in this module can fail its caller.

mod export;
mod w3c;

use std::borrow::Cow;
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Link, SpanBuilder, SpanContext, Status, TraceContextExt, Tracer as _};
use opentelemetry::{Context, ContextGuard};
use opentelemetry_sdk::trace::SdkTracer;

pub use export::{Export, ExportError, dropped_spans};
pub use opentelemetry::trace::SpanKind;
pub use opentelemetry::{KeyValue, Value};

/// The request and the trace that work belongs to, if any. Cheap to clone and to send.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    trace: Option<Context>,
    request: Option<Arc<str>>,
}

thread_local! {
    /// The id of the request that caused this thread's current work.
    static REQUEST: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

impl Scope {
    /// The scope of the calling work.
    #[must_use]
    pub fn here() -> Self {
        let trace = Context::map_current(|context| context.has_active_span().then(|| context.clone()));
        // A thread that is shutting down has lost its thread-local values.
        let request = REQUEST.try_with(|request| request.borrow().clone()).ok().flatten();
        Self { trace, request }
    }

    /// The same scope for work that the request with this id caused, even if that request ended long ago.
    #[must_use]
    pub fn of_request(self, id: &str) -> Self {
        Self { request: Some(id.into()), ..self }
    }

    /// The id of the request that caused the work.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request.as_deref()
    }

    /// The scope of a caller who sent these headers (W3C Trace Context). Malformed headers are ignored.
    #[must_use]
    pub fn of_caller(traceparent: &str, tracestate: Option<&str>) -> Self {
        Self { trace: w3c::parse(traceparent, tracestate).map(remote_context), request: None }
    }

    /// Whether the work belongs to a trace.
    #[must_use]
    pub fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    /// The headers that continue the trace elsewhere: `traceparent`, and `tracestate` if there is one.
    #[must_use]
    pub fn headers(&self) -> Option<(String, Option<String>)> {
        let span = self.trace.as_ref()?.span();
        let state = span.span_context().trace_state().header();
        Some((w3c::to_traceparent(span.span_context()), Some(state).filter(|state| !state.is_empty())))
    }

    /// The trace's id, 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        self.trace.as_ref().map(|context| context.span().span_context().trace_id().to_string())
    }

    /// Runs a future in this scope.
    pub async fn run<F: Future>(self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|task| {
            let _entered = self.enter();
            work.as_mut().poll(task)
        })
        .await
    }

    /// Makes this the scope of the current thread until the returned guard is dropped.
    pub fn enter(&self) -> ScopeGuard {
        let enter = |id| REQUEST.try_with(|request| request.replace(Some(id))).ok().flatten();
        let (has_request, previous) = (self.request.is_some(), self.request.clone().and_then(enter));
        ScopeGuard { _trace: self.trace.clone().map(Context::attach), has_request, previous }
    }

    /// Starts a child span. If the scope's trace is not recorded, neither is the span.
    pub fn span<A>(&self, name: &'static str, kind: SpanKind, attributes: impl FnOnce() -> A) -> Span
    where
        A: IntoIterator<Item = KeyValue>,
    {
        match self.recorded() {
            Some((tracer, context)) => {
                let builder = tracer.span_builder(name).with_kind(kind).with_attributes(attributes());
                Span::start(tracer, builder, context, self.request.clone())
            }
            None => Span::of(self.clone()),
        }
    }

    /// Records a child span that has already ended.
    pub fn past(&self, name: &'static str, began: SystemTime, took: Duration) {
        if let Some((tracer, context)) = self.recorded() {
            let builder = tracer.span_builder(name).with_start_time(began);
            let mut span = tracer.build_with_context(builder, context);
            opentelemetry::trace::Span::end_with_timestamp(&mut span, began + took);
        }
    }

    fn recorded(&self) -> Option<(&'static SdkTracer, &Context)> {
        let tracer = export::tracer()?;
        let context = self.trace.as_ref()?;
        context.span().span_context().is_sampled().then_some((tracer, context))
    }
}

fn remote_context(caller: SpanContext) -> Context {
    Context::new().with_remote_span_context(caller)
}

/// Keeps a scope entered on the current thread until it is dropped.
#[must_use = "the scope is left as soon as this is dropped"]
pub struct ScopeGuard {
    _trace: Option<ContextGuard>,
    /// Whether the scope set a request's id. If so, `previous` is restored.
    has_request: bool,
    previous: Option<Arc<str>>,
}

impl Drop for ScopeGuard {
    fn drop(&mut self) {
        if self.has_request {
            let previous = self.previous.take();
            // A thread that is shutting down has nothing to restore.
            let _ = REQUEST.try_with(|request| request.replace(previous));
        }
    }
}

/// Starts the span of a request: as part of the caller's trace, or as a new trace if the caller has none.
pub fn begin<A>(
    caller: Scope,
    name: impl Into<Cow<'static, str>>,
    kind: SpanKind,
    attributes: impl FnOnce() -> A,
) -> Span
where
    A: IntoIterator<Item = KeyValue>,
{
    let Some(tracer) = export::tracer() else { return Span::of(caller) };
    let builder = tracer.span_builder(name).with_kind(kind).with_attributes(attributes());
    Span::start(tracer, builder, &caller.trace.unwrap_or_default(), caller.request)
}

/// Starts work that an earlier request caused, as a new trace that links to the request's. It is recorded if the request
/// was. `origin` is the `traceparent` that was stored with the job.
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
    let Some(tracer) = export::tracer() else {
        return Span::of(Scope { trace: origin.map(remote_context), request: Some(request_id.into()) });
    };
    let links = origin.map(|origin| Link::new(origin, Vec::new(), 0)).into_iter().collect();
    let builder = tracer.span_builder(name).with_kind(kind).with_attributes(attributes()).with_links(links);
    Span::start(tracer, builder, &Context::new(), Some(request_id.into()))
}

/// Work in progress. The span ends when this is dropped. The default belongs to no trace.
#[derive(Debug, Default)]
#[must_use = "a span ends as soon as it is dropped"]
pub struct Span {
    scope: Scope,
    /// Whether this is a span of its own, which must be ended, or only a scope.
    is_span: bool,
}

impl Span {
    /// No span at all: the work belongs to this scope and is not recorded.
    pub fn of(scope: Scope) -> Self {
        Self { scope, is_span: false }
    }

    fn start(tracer: &SdkTracer, builder: SpanBuilder, parent: &Context, request: Option<Arc<str>>) -> Self {
        let span = tracer.build_with_context(builder, parent);
        Self { scope: Scope { trace: Some(parent.with_span(span)), request }, is_span: true }
    }

    /// The scope of the work that the span covers.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope.clone()
    }

    /// Makes the span's scope that of the current thread until the returned guard is dropped.
    pub fn enter(&self) -> ScopeGuard {
        self.scope.enter()
    }

    /// Renames the span, once more is known about it.
    pub fn rename(&self, name: impl FnOnce() -> String) {
        if let Some(context) = self.recorded() {
            context.span().update_name(name());
        }
    }

    /// Sets an attribute.
    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = self.recorded() {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// Marks the span as failed, with the kind of error.
    pub fn fail(&self, kind: &'static str) {
        if let Some(context) = self.recorded() {
            context.span().set_attribute(KeyValue::new("error.type", kind));
            context.span().set_status(Status::error(""));
        }
    }

    fn recorded(&self) -> Option<&Context> {
        self.scope.trace.as_ref().filter(|context| self.is_span && context.span().is_recording())
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        // Clones of the scope may live on. The span must not wait for them to end.
        if let Some(context) = self.scope.trace.as_ref().filter(|_| self.is_span) {
            context.span().end();
        }
    }
}
