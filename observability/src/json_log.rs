//! The JSON log: formats each log event as one JSON object on one line, in a single write.
//!
//! [`init`] installs it for the process; [`JsonLayer`] is the `tracing` layer itself, for tests and other subscribers.
//! The keys have a fixed order:
//! 1. `ts` (UTC, microseconds), `level` (lower case), `event`,
//! 2. the keys of `http_request`,
//! 3. the event's other fields in the order of the code, and the span's other fields by name,
//! 4. `trace_id`, if the current scope belongs to a trace.
//!
//! `request_id` comes from the current scope if neither the event nor the span has one. An event's field wins over a
//! span's. A field named `ts`, `level` or (in spans) `event` is omitted, because the layer writes these itself.
//!
//! A field without a value (`None` or `tracing::field::Empty`) is `null`. `http_request` always has all of its keys. An
//! event without a name comes from a library: it is called `log` and has a `target`. `JsonStorageLayer` stores the
//! fields of spans. A line that cannot be written is dropped silently: there is no other place to report it.

mod fields;
mod json;
mod libraries;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write;

use serde_json::Value;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_bunyan_formatter::{JsonStorage, JsonStorageLayer};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, reload};

use crate::events;
use crate::trace::Scope;
use fields::Fields;
use libraries::{MASK, is_masked, is_suppressed};

pub use json::{is_unprintable, printable};
pub(crate) use libraries::UNNAMED;

/// The key of the id of the request that caused a line.
const REQUEST_ID: &str = "request_id";

/// The keys of `http_request`, in their order.
const REQUEST_KEYS: [&str; 9] = [
    REQUEST_ID,
    "endpoint",
    "method",
    "status_code",
    "duration_ms",
    "success",
    "error_code",
    "bytes_in",
    "bytes_out",
];

/// Keys that only the layer itself writes.
const RESERVED: [&str; 3] = ["ts", "level", "event"];

/// The key of the id of the trace that a line belongs to.
const TRACE_ID: &str = "trace_id";

/// Writes all log events of the process that pass `filter` (as in `RUST_LOG`) to `writer`, including those of libraries
/// that use the `log` crate.
pub fn init<W>(filter: &str, writer: W) -> Result<FilterHandle, InitError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(EnvFilter::try_new(filter)?);
    tracing_subscriber::registry()
        .with(filter)
        .with(JsonStorageLayer)
        .with(JsonLayer::new(writer))
        .try_init()?;
    Ok(FilterHandle(handle))
}

/// Changes the filter while the process runs.
#[derive(Debug, Clone)]
pub struct FilterHandle(reload::Handle<EnvFilter, tracing_subscriber::Registry>);

impl FilterHandle {
    /// Sets a new filter, which applies from the next event on. Events of the `log` crate never become more verbose than
    /// they were at start.
    pub fn set(&self, filter: &str) -> Result<(), InitError> {
        let filter = EnvFilter::try_new(filter)?;
        // This fails only if the subscriber is gone, and the subscriber lives as long as the process.
        self.0.reload(filter).ok();
        Ok(())
    }
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The filter is invalid.
    #[error("the log filter is invalid: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The log is already initialized.
    #[error("the log is already initialized: {0}")]
    Again(#[from] TryInitError),
}

/// The layer that writes the lines. It needs a `JsonStorageLayer` below it for the fields of spans.
#[derive(Debug, Clone)]
pub struct JsonLayer<W, T = SystemTime> {
    writer: W,
    clock: T,
}

impl<W> JsonLayer<W> {
    /// Creates a layer that writes to `writer`, with timestamps of the system clock.
    pub fn new(writer: W) -> Self {
        Self { writer, clock: SystemTime }
    }
}

impl<W, T> JsonLayer<W, T> {
    /// The same layer with timestamps of another clock.
    pub fn with_clock<U: FormatTime>(self, clock: U) -> JsonLayer<W, U> {
        JsonLayer { writer: self.writer, clock }
    }
}

thread_local! {
    /// The buffers for a line and its fields, reused to avoid allocations. They are taken out while in use, so a value
    /// that logs while it is being formatted gets new ones.
    static BUFFERS: RefCell<(String, Fields)> = RefCell::default();
}

impl<S, W, T> Layer<S> for JsonLayer<W, T>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + 'static,
    T: FormatTime + 'static,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let buffers = BUFFERS.try_with(RefCell::take);
        // On a thread that is shutting down, thread-local values may be gone already.
        let scope = if buffers.is_ok() { Scope::here() } else { Scope::default() };
        let (mut line, mut fields) = buffers.unwrap_or_default();
        line.clear();
        fields.clear();
        // This runs the code of the values, so it must happen before the span's fields are locked.
        event.record(&mut fields);
        if is_suppressed(event.metadata(), &fields) {
            return;
        }
        fields.null_unless_recorded(event.metadata().fields());
        let span = context.event_span(event);
        let extensions = span.as_ref().map(tracing_subscriber::registry::SpanRef::extensions);
        let stored = extensions.as_ref().and_then(|extensions| extensions.get::<JsonStorage<'static>>());
        self.format(&mut line, event.metadata(), &fields, stored.map(JsonStorage::values), &scope);
        // Nothing can be done about a line that cannot be written.
        let _ = self.writer.make_writer_for(event.metadata()).write_all(line.as_bytes());
        let _ = BUFFERS.try_with(|buffers| buffers.replace((line, fields)));
    }
}

impl<W, T: FormatTime> JsonLayer<W, T> {
    fn format(
        &self,
        line: &mut String,
        metadata: &Metadata<'_>,
        fields: &Fields,
        span: Option<&HashMap<&'static str, Value>>,
        scope: &Scope,
    ) {
        line.push_str("{\"ts\":\"");
        // If the clock fails, the timestamp stays empty.
        let _ = self.clock.format_time(&mut Writer::new(line));
        line.push_str("\",\"level\":\"");
        line.push_str(level(*metadata.level()));
        line.push_str("\",\"event\":");
        let name = fields.get("event").filter(|value| value.starts_with('"'));
        match name {
            Some(name) => line.push_str(name),
            None => json::string(line, UNNAMED),
        }
        let is_request = name.is_some_and(|name| name.trim_matches('"') == events::HTTP_REQUEST.name);
        push_request_keys(line, fields, span, scope, is_request);
        if name.is_none() && fields.get("target").is_none() {
            match fields.get("log.target") {
                Some(target) => push_json(line, "target", target),
                None => push_string(line, "target", metadata.target()),
            }
        }
        for (name, value) in fields.iter().filter(|(name, _)| is_extra(name)) {
            if is_masked(metadata, fields, name) {
                let head = value.trim_start_matches('"').split_once(':').filter(|_| name == "message");
                push_json(line, name, &format!("\"{}{MASK}\"", head.map_or("", |(head, _)| head)));
            } else {
                push_json(line, name, value);
            }
        }
        if let Some(span) = span {
            push_span_fields(line, fields, span);
        }
        if let Some(id) = scope.trace_id().filter(|_| fields.get(TRACE_ID).is_none()) {
            push_string(line, TRACE_ID, &id);
        }
        line.push_str("}\n");
    }
}

/// Appends the keys of `http_request` that the event or its span has. With `all`, missing keys are appended as null.
fn push_request_keys(
    line: &mut String,
    fields: &Fields,
    span: Option<&HashMap<&'static str, Value>>,
    scope: &Scope,
    all: bool,
) {
    for key in REQUEST_KEYS {
        if let Some(value) = fields.get(key) {
            push_json(line, key, value);
        } else if let Some(value) = span.and_then(|span| span.get(key)) {
            push_value(line, key, value);
        } else if let Some(id) = scope.request_id().filter(|_| key == REQUEST_ID) {
            push_string(line, key, id);
        } else if all {
            push_json(line, key, "null");
        }
    }
}

/// Appends the span's extra fields, sorted by name, unless the event has a field of that name.
fn push_span_fields(line: &mut String, fields: &Fields, span: &HashMap<&'static str, Value>) {
    let is_new = |name: &str| is_extra(name) && fields.get(name).is_none();
    let mut extra: Vec<_> = span.iter().filter(|(name, _)| is_new(name)).collect();
    extra.sort_unstable_by_key(|(name, _)| **name);
    for (name, value) in extra {
        push_value(line, name, value);
    }
}

/// Whether a field has no fixed place in the line. Records of the `log` crate carry their origin in `log.…` fields,
/// which are not printed.
fn is_extra(name: &str) -> bool {
    !RESERVED.contains(&name) && !REQUEST_KEYS.contains(&name) && !name.starts_with("log.")
}

fn push_json(line: &mut String, key: &str, json: &str) {
    line.push(',');
    json::string(line, key);
    line.push(':');
    line.push_str(json);
}

fn push_string(line: &mut String, key: &str, text: &str) {
    push_json(line, key, "");
    json::string(line, text);
}

fn push_value(line: &mut String, key: &str, value: &Value) {
    match value {
        Value::String(text) => push_string(line, key, text),
        Value::Null | Value::Bool(_) | Value::Number(_) => push_json(line, key, &value.to_string()),
        // Spans store only plain values. If that changes, the text is still one safe string.
        Value::Array(_) | Value::Object(_) => push_string(line, key, &value.to_string()),
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}
