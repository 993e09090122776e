//! The way out for spans: from a bounded queue, in batches, over OTLP to the collector that `OTEL_…` names.
//!
//! The exporter's work is done on the io runtime. What finds no room in the queue, and what the collector does not
//! take in time, is lost and counted; that it does not take anything is logged once, and that it does again too.

mod client;

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{Context, InstrumentationScope, Key, KeyValue};
use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
use opentelemetry_otlp::{Protocol, SpanExporter as Otlp, WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, Config, SdkTracerProvider, Span, SpanData, SpanExporter, SpanProcessor,
};
use tokio::runtime::Handle;

use super::TRACER;
use super::sampler::Sampler;
use crate::log;
use client::{Cause, Client};

/// How long the end of the process may wait for the last spans.
const FLUSH: Duration = Duration::from_secs(3);

/// How long the collector may take for a batch, where the environment does not say.
const PATIENCE: Duration = Duration::from_secs(10);

/// Spans that wait, where the environment does not say.
const QUEUE: usize = 2_048;

/// The samplers that `OTEL_TRACES_SAMPLER` may name.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Where the collector is.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Spans lost since the start.
static LOST: AtomicU64 = AtomicU64::new(0);

/// Spans lost since the start: the queue was full, or the collector did not take them.
#[must_use]
pub fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// Why spans cannot be exported as the environment asks.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A variable has a value that is not known.
    #[error("{name} cannot be {value:?}: known are {known}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// The values that are known.
        known: String,
    },
    /// The collector's address names a user, whom nobody would tell the collector, and who would be in logs.
    #[error("the collector's address cannot have a user in it: put keys into OTEL_EXPORTER_OTLP_HEADERS")]
    User,
    /// The exporter cannot be made.
    #[error("traces cannot be exported: {0}")]
    Exporter(String),
}

/// The export of this process. Dropped, it sends what waits, for a few seconds at most.
#[derive(Debug)]
#[must_use = "the export ends when this is dropped"]
pub struct Export(SdkTracerProvider);

impl Export {
    /// Begins to record and export spans, where the environment names a collector. `io` is where the exporter lives;
    /// it must outlive the answer.
    pub fn start(version: &'static str, io: &Handle) -> Result<Option<Self>, ExportError> {
        if !is_wanted() {
            return Ok(None);
        }
        check("OTEL_TRACES_SAMPLER", &SAMPLERS)?;
        if ENDPOINTS.into_iter().filter_map(set).any(|endpoint| endpoint.contains('@')) {
            return Err(ExportError::User);
        }
        let (waiting, cause) = (Arc::new(AtomicUsize::new(0)), Cause::default());
        let exporter = Courier {
            otlp: Arc::new(otlp(io, &cause)?),
            cause,
            io: io.clone(),
            waiting: Arc::clone(&waiting),
            patience: number(["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"])
                .map_or(PATIENCE, Duration::from_millis),
            failing: AtomicBool::new(false),
        };
        let most = number(["OTEL_BSP_MAX_QUEUE_SIZE"]).map_or(QUEUE, |most| most as usize);
        let gate = Gate { inner: BatchSpanProcessor::builder(exporter).build(), waiting, most };
        let provider = SdkTracerProvider::builder()
            .with_span_processor(gate)
            .with_sampler(Sampler(Config::default().sampler))
            .with_resource(resource(version))
            .build();
        let scope = InstrumentationScope::builder("huemill").with_version(version).build();
        let _ = TRACER.set(provider.tracer_with_scope(scope));
        Ok(Some(Self(provider)))
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        // Spans that are not out by then are lost, and there is nobody left who counts them.
        let _ = self.0.shutdown_with_timeout(FLUSH);
    }
}

fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn number<const N: usize>(names: [&str; N]) -> Option<u64> {
    names.into_iter().find_map(set)?.parse().ok()
}

fn check(name: &'static str, known: &[&str]) -> Result<Option<String>, ExportError> {
    match set(name) {
        Some(value) if !known.contains(&&*value) => {
            Err(ExportError::Variable { name, value, known: known.join(", ") })
        }
        value => Ok(value),
    }
}

/// Whether the environment names a collector, and does not say that it should be left alone.
fn is_wanted() -> bool {
    let disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match set("OTEL_TRACES_EXPORTER").as_deref() {
        _ if disabled => false,
        Some("otlp") => true,
        Some(_) => false,
        None => ENDPOINTS.into_iter().any(|name| set(name).is_some()),
    }
}

fn otlp(io: &Handle, cause: &Cause) -> Result<Otlp, ExportError> {
    let known = ["http/protobuf", "grpc"];
    let of_all = check("OTEL_EXPORTER_OTLP_PROTOCOL", &known)?;
    let protocol = check("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", &known)?.or(of_all);
    // The channel of gRPC belongs to the runtime in which it is made.
    let _io = io.enter();
    let made = if protocol.as_deref() == Some("grpc") {
        let tls = ClientTlsConfig::new().with_enabled_roots();
        Otlp::builder().with_tonic().with_tls_config(tls).build()
    } else {
        let client = Client::new(cause.clone()).map_err(|error| ExportError::Exporter(error.to_string()))?;
        Otlp::builder().with_http().with_protocol(Protocol::HttpBinary).with_http_client(client).build()
    };
    made.map_err(|error| ExportError::Exporter(untold(error.to_string())))
}

/// What the exporter says without the values that may hold passwords or keys: it quotes those that it cannot read.
fn untold(text: String) -> String {
    let headers = ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"];
    ENDPOINTS
        .into_iter()
        .chain(headers)
        .filter_map(set)
        .fold(text, |text, value| text.replace(value.trim(), "…"))
}

fn resource(version: &'static str) -> Resource {
    let named = Resource::builder().build();
    let name = named.get(&Key::from_static_str("service.name")).map(|name| name.to_string());
    let builder = Resource::builder().with_attribute(KeyValue::new("service.version", version));
    match name {
        Some(name) if !name.starts_with("unknown_service") => builder.build(),
        _ => builder.with_service_name("huemill").build(),
    }
}

/// Lets spans into the queue while there is room: the queue's own count is not to be had.
#[derive(Debug)]
struct Gate {
    inner: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    most: usize,
}

impl SpanProcessor for Gate {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.most {
            self.inner.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            LOST.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Takes batches out, on the io runtime.
#[derive(Debug)]
struct Courier {
    otlp: Arc<Otlp>,
    /// Why the last batch failed, where that is known better than from the exporter.
    cause: Cause,
    io: Handle,
    waiting: Arc<AtomicUsize>,
    patience: Duration,
    failing: AtomicBool,
}

impl Courier {
    fn tell(&self, spans: u64, outcome: Result<(), String>) {
        match outcome {
            Ok(()) if self.failing.swap(false, Ordering::Relaxed) => {
                log!(TRACE_EXPORT_RESUMED, lost = lost());
            }
            Ok(()) => {}
            Err(cause) => {
                LOST.fetch_add(spans, Ordering::Relaxed);
                if !self.failing.swap(true, Ordering::Relaxed) {
                    let cause = self.cause.take().unwrap_or(cause);
                    log!(TRACE_EXPORT_FAILED, spans, cause);
                }
            }
        }
    }
}

impl SpanExporter for Courier {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let (spans, otlp, patience) = (batch.len(), Arc::clone(&self.otlp), self.patience);
        let sent = self.io.spawn(async move {
            tokio::time::timeout(patience, otlp.export(batch))
                .await
                .unwrap_or(Err(OTelSdkError::Timeout(patience)))
        });
        let outcome = match sent.await {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        self.tell(spans as u64, outcome);
        // What went wrong has been told.
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        // Before the first batch nobody else holds it.
        if let Some(otlp) = Arc::get_mut(&mut self.otlp) {
            otlp.set_resource(resource);
        }
    }
}
