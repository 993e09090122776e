//! The log: one JSON object a line, one line an event, one write a line.
//!
//! [`init`] installs it for the process; [`Lines`] is the layer itself, for tests and other stacks. The keys
//! come in a fixed order: `ts` (UTC, microseconds), `level` (lower case), `event`, the keys of `http_request`,
//! then the event's other fields as written, then the span's other fields by name, then the `trace_id` of the work
//! that wrote it, where it belongs to a trace. The `request_id` is that of the work too, where neither event nor span
//! has one. An event's field wins over a span's. `ts`, `level` and (in spans) `event` are the layer's own: a field of that name is left out.
//!
//! A field without a value (`None`, or declared as `tracing::field::Empty`) is `null`; `http_request` has all of
//! its keys, whatever was given. An event without a name comes from a library: it is called `log` and names its
//! `target`. Span fields are kept by `JsonStorageLayer`. A line that cannot be written is lost in silence, since
//! there is no other place to say so.

mod fields;
mod json;

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

pub use json::is_unprintable;

/// The key of the request from which a line comes.
const REQUEST_ID: &str = "request_id";

/// The keys of `http_request`, in the order in which every line has them.
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

/// Keys that only the layer writes.
const RESERVED: [&str; 3] = ["ts", "level", "event"];

/// What libraries say of something that we have said better, by target and how it begins: an answer that broke off,
/// which the server does not know by its request.
const ECHOES: [(&str, &str); 1] = [("actix_http::h1::dispatcher", "\"Response payload stream error")];

/// What libraries say that is nobody's business, by target and field: headers as they came or are sent, and parameters
/// of the database's URL, which may be a password whose name was mistyped. Of a message, what is before its colon stays.
const PRIVATE: [(&str, &str); 3] = [
    ("actix_http::h1::decoder", "message"),
    ("awc::client::h2proto", "message"),
    ("sqlx_postgres::options::parse", "value"),
];

/// What stands in its place.
const MASK: &str = "********";

/// The key of the trace to which a line belongs.
const TRACE_ID: &str = "trace_id";

/// The name of an event that has none.
const UNNAMED: &str = "log";

/// Sends all log events of the process that pass `filter` (as in `RUST_LOG`) to `writer`, those of libraries
/// that use the `log` crate too.
pub fn init<W>(filter: &str, writer: W) -> Result<FilterHandle, InitError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(EnvFilter::try_new(filter)?);
    tracing_subscriber::registry().with(filter).with(JsonStorageLayer).with(Lines::new(writer)).try_init()?;
    Ok(FilterHandle(handle))
}

/// Changes the filter while the process runs.
#[derive(Debug, Clone)]
pub struct FilterHandle(reload::Handle<EnvFilter, tracing_subscriber::Registry>);

impl FilterHandle {
    /// The new filter holds from the next event on. The `log` crate's events never become finer than they were
    /// at the start.
    pub fn set(&self, filter: &str) -> Result<(), InitError> {
        let filter = EnvFilter::try_new(filter)?;
        // Fails only where the subscriber is gone, and it lives as long as the process.
        self.0.reload(filter).ok();
        Ok(())
    }
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The filter cannot be read.
    #[error("the log filter cannot be read: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The process has a log already.
    #[error("the log is set up already: {0}")]
    Again(#[from] TryInitError),
}

/// The layer that writes the lines; wants a `JsonStorageLayer` beneath it for the spans' fields.
#[derive(Debug, Clone)]
pub struct Lines<W, T = SystemTime> {
    writer: W,
    time: T,
}

impl<W> Lines<W> {
    /// Lines to `writer`, stamped by the system's clock.
    pub fn new(writer: W) -> Self {
        Self { writer, time: SystemTime }
    }
}

impl<W, T> Lines<W, T> {
    /// The same lines, stamped by another clock.
    pub fn with_time<U: FormatTime>(self, time: U) -> Lines<W, U> {
        Lines { writer: self.writer, time }
    }
}

thread_local! {
    /// The line and the fields under way, kept for their capacity. Taken out while in use: a value that logs
    /// while it is being formatted finds fresh ones.
    static SCRATCH: RefCell<(String, Fields)> = RefCell::default();
}

impl<S, W, T> Layer<S> for Lines<W, T>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + 'static,
    T: FormatTime + 'static,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let scratch = SCRATCH.try_with(RefCell::take);
        // On a thread that is coming to its end, there is no telling what is left.
        let scope = if scratch.is_ok() { Scope::here() } else { Scope::default() };
        let (mut line, mut fields) = scratch.unwrap_or_default();
        line.clear();
        fields.clear();
        // Before the span's fields are locked: a value's own code runs here.
        event.record(&mut fields);
        if is_echo(event.metadata(), &fields) {
            return;
        }
        fields.null_unless_recorded(event.metadata().fields());
        let span = context.event_span(event);
        let extensions = span.as_ref().map(tracing_subscriber::registry::SpanRef::extensions);
        let stored = extensions.as_ref().and_then(|extensions| extensions.get::<JsonStorage<'static>>());
        self.compose(&mut line, event.metadata(), &fields, stored.map(JsonStorage::values), &scope);
        // Nothing can be done about a line that cannot be written.
        let _ = self.writer.make_writer_for(event.metadata()).write_all(line.as_bytes());
        let _ = SCRATCH.try_with(|scratch| scratch.replace((line, fields)));
    }
}

fn is_echo(metadata: &Metadata<'_>, fields: &Fields) -> bool {
    let message = fields.get("message").unwrap_or_default();
    ECHOES.iter().any(|(target, beginning)| metadata.target() == *target && message.starts_with(beginning))
}

fn is_private(metadata: &Metadata<'_>, fields: &Fields, name: &str) -> bool {
    let target = fields.get("log.target").map_or(metadata.target(), |target| target.trim_matches('"'));
    PRIVATE.contains(&(target, name))
}

impl<W, T: FormatTime> Lines<W, T> {
    fn compose(
        &self,
        line: &mut String,
        metadata: &Metadata<'_>,
        fields: &Fields,
        span: Option<&HashMap<&'static str, Value>>,
        scope: &Scope,
    ) {
        line.push_str("{\"ts\":\"");
        // A clock that refuses leaves an empty stamp.
        let _ = self.time.format_time(&mut Writer::new(line));
        line.push_str("\",\"level\":\"");
        line.push_str(level(*metadata.level()));
        line.push_str("\",\"event\":");
        let name = fields.get("event").filter(|value| value.starts_with('"'));
        match name {
            Some(name) => line.push_str(name),
            None => json::string(line, UNNAMED),
        }
        let all = name.is_some_and(|name| name.trim_matches('"') == events::HTTP_REQUEST.name);
        request_keys(line, fields, span, scope, all);
        if name.is_none() && fields.get("target").is_none() {
            match fields.get("log.target") {
                Some(target) => pair(line, "target", target),
                None => string_pair(line, "target", metadata.target()),
            }
        }
        for (name, value) in fields.iter().filter(|(name, _)| is_other(name)) {
            if is_private(metadata, fields, name) {
                let head = value.trim_start_matches('"').split_once(':').filter(|_| name == "message");
                pair(line, name, &format!("\"{}{MASK}\"", head.map_or("", |(head, _)| head)));
            } else {
                pair(line, name, value);
            }
        }
        if let Some(span) = span {
            other_span_fields(line, fields, span);
        }
        if let Some(id) = scope.trace_id().filter(|_| fields.get(TRACE_ID).is_none()) {
            string_pair(line, TRACE_ID, &id);
        }
        line.push_str("}\n");
    }
}

/// The keys of `http_request` that the event or its span has; `all`: those that neither has too, as null.
fn request_keys(
    line: &mut String,
    fields: &Fields,
    span: Option<&HashMap<&'static str, Value>>,
    scope: &Scope,
    all: bool,
) {
    for key in REQUEST_KEYS {
        if let Some(value) = fields.get(key) {
            pair(line, key, value);
        } else if let Some(value) = span.and_then(|span| span.get(key)) {
            value_pair(line, key, value);
        } else if let Some(id) = scope.request_id().filter(|_| key == REQUEST_ID) {
            string_pair(line, key, id);
        } else if all {
            pair(line, key, "null");
        }
    }
}

fn other_span_fields(line: &mut String, fields: &Fields, span: &HashMap<&'static str, Value>) {
    let is_new = |name: &str| is_other(name) && fields.get(name).is_none();
    let mut others: Vec<_> = span.iter().filter(|(name, _)| is_new(name)).collect();
    others.sort_unstable_by_key(|(name, _)| **name);
    for (name, value) in others {
        value_pair(line, name, value);
    }
}

/// Whether a field has no place of its own. `log.…` is how the `log` crate's records carry their origin.
fn is_other(name: &str) -> bool {
    !RESERVED.contains(&name) && !REQUEST_KEYS.contains(&name) && !name.starts_with("log.")
}

fn pair(line: &mut String, key: &str, json: &str) {
    line.push(',');
    json::string(line, key);
    line.push(':');
    line.push_str(json);
}

fn string_pair(line: &mut String, key: &str, text: &str) {
    pair(line, key, "");
    json::string(line, text);
}

fn value_pair(line: &mut String, key: &str, value: &Value) {
    match value {
        Value::String(text) => string_pair(line, key, text),
        Value::Null | Value::Bool(_) | Value::Number(_) => pair(line, key, &value.to_string()),
        // Spans keep plain values only; should that change, their text is still one safe string.
        Value::Array(_) | Value::Object(_) => string_pair(line, key, &value.to_string()),
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
