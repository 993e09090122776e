//! Exports spans to the OTLP collector that the `OTEL_…` environment variables name.
//!
//! This file reads the variables and builds the pipeline: the sampler decides which spans are recorded, the processor
//! queues them, and the exporter sends them in batches. Spans that do not fit into the queue, or that the collector
//! does not accept in time, are dropped and counted. A bad variable fails the start, and nothing fails after that.

mod client;
mod processor;

use std::env;
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState, TracerProvider as _};
use opentelemetry::{Context, InstrumentationScope, Key, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter as OtlpExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    Config, SamplingDecision, SamplingResult, SdkTracer, SdkTracerProvider, ShouldSample,
};
use tokio::runtime::Handle;

use client::{Client, LastError};
use processor::BoundedProcessor;

pub use processor::dropped_spans;

/// How long the end of the process waits for the last spans.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// The default of `OTEL_EXPORTER_OTLP_TIMEOUT`.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// The default of `OTEL_BSP_MAX_QUEUE_SIZE`.
const QUEUE_SIZE: usize = 2_048;

/// The values of `OTEL_EXPORTER_OTLP_PROTOCOL`.
const PROTOCOLS: [&str; 2] = ["http/protobuf", GRPC];

/// The protocol that needs the cargo feature `grpc`.
const GRPC: &str = "grpc";

/// The values of `OTEL_TRACES_SAMPLER`.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// The variables that hold the collector's URL.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Creates the spans once an export has started.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// The tracer, if spans are exported.
pub(super) fn tracer() -> Option<&'static SdkTracer> {
    TRACER.get()
}

/// Why spans cannot be exported as the environment asks.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A variable has an unknown value.
    #[error("{name} cannot be {value:?}: use one of {known}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// The valid values.
        known: String,
    },
    /// The environment asks for gRPC, but this build does not include it.
    #[error("{name} cannot be \"grpc\": this build lacks the cargo feature `grpc`; use http/protobuf")]
    GrpcMissing {
        /// The variable.
        name: &'static str,
    },
    /// The collector's URL contains a user. It would never be sent, but it would end up in logs.
    #[error("the collector's URL cannot contain a user: put credentials into OTEL_EXPORTER_OTLP_HEADERS")]
    User,
    /// The exporter cannot be built.
    #[error("traces cannot be exported: {0}")]
    Exporter(String),
}

/// The trace export of this process. Dropping it flushes the queue, for a few seconds at most.
#[derive(Debug)]
#[must_use = "the export ends when this is dropped"]
pub struct Export(SdkTracerProvider);

impl Export {
    /// Starts to record and export spans if the environment names a collector. The exporter runs on `io`, which must
    /// outlive the returned value.
    pub fn start(version: &'static str, io: &Handle) -> Result<Option<Self>, ExportError> {
        if !is_enabled() {
            return Ok(None);
        }
        check("OTEL_TRACES_SAMPLER", &SAMPLERS)?;
        if ENDPOINTS.into_iter().filter_map(variable).any(|endpoint| endpoint.contains('@')) {
            return Err(ExportError::User);
        }
        let last_error = LastError::default();
        let exporter = build_exporter(io, &last_error)?;
        let timeout = number(["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"])
            .map_or(EXPORT_TIMEOUT, Duration::from_millis);
        let queue_size = number(["OTEL_BSP_MAX_QUEUE_SIZE"]).map_or(QUEUE_SIZE, |size| size as usize);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BoundedProcessor::new(exporter, last_error, io, timeout, queue_size))
            .with_sampler(LinkSampler(Config::default().sampler))
            .with_resource(resource(version))
            .build();
        let scope = InstrumentationScope::builder("huemill").with_version(version).build();
        let _ = TRACER.set(provider.tracer_with_scope(scope));
        Ok(Some(Self(provider)))
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        // Spans that are still queued after the timeout are lost, and no scrape follows that could count them.
        let _ = self.0.shutdown_with_timeout(SHUTDOWN_TIMEOUT);
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn number<const N: usize>(names: [&str; N]) -> Option<u64> {
    names.into_iter().find_map(variable)?.parse().ok()
}

fn check(name: &'static str, known: &[&str]) -> Result<Option<String>, ExportError> {
    match variable(name) {
        Some(value) if !known.contains(&&*value) => {
            Err(ExportError::Variable { name, value, known: known.join(", ") })
        }
        value => Ok(value),
    }
}

/// Whether the environment names a collector and does not disable the export.
fn is_enabled() -> bool {
    let disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match variable("OTEL_TRACES_EXPORTER").as_deref() {
        _ if disabled => false,
        Some("otlp") => true,
        Some(_) => false,
        None => ENDPOINTS.into_iter().any(|name| variable(name).is_some()),
    }
}

/// How batches reach the collector.
#[derive(Debug, Clone, Copy)]
enum Transport {
    Http,
    #[cfg(feature = "grpc")]
    Grpc,
}

/// The transport that the environment asks for.
fn transport() -> Result<Transport, ExportError> {
    let (general, traces) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL");
    let of_all = check(general, &PROTOCOLS)?.map(|value| (general, value));
    match check(traces, &PROTOCOLS)?.map(|value| (traces, value)).or(of_all) {
        #[cfg(feature = "grpc")]
        Some((_, value)) if value == GRPC => Ok(Transport::Grpc),
        #[cfg(not(feature = "grpc"))]
        Some((name, value)) if value == GRPC => Err(ExportError::GrpcMissing { name }),
        _ => Ok(Transport::Http),
    }
}

fn build_exporter(io: &Handle, last_error: &LastError) -> Result<OtlpExporter, ExportError> {
    // A gRPC channel belongs to the runtime in which it is created.
    let _io = io.enter();
    let built = match transport()? {
        Transport::Http => {
            let client =
                Client::new(last_error.clone()).map_err(|error| ExportError::Exporter(error.to_string()))?;
            let builder = OtlpExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
            builder.with_http_client(client).build()
        }
        #[cfg(feature = "grpc")]
        Transport::Grpc => {
            use opentelemetry_otlp::WithTonicConfig;
            use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;

            let tls = ClientTlsConfig::new().with_enabled_roots();
            OtlpExporter::builder().with_tonic().with_tls_config(tls).build()
        }
    };
    built.map_err(|error| ExportError::Exporter(redact(error.to_string())))
}

/// Removes variables' values that may hold credentials from an error: the exporter quotes values that it cannot parse.
fn redact(text: String) -> String {
    let headers = ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"];
    ENDPOINTS
        .into_iter()
        .chain(headers)
        .filter_map(variable)
        .fold(text, |text, value| text.replace(value.trim(), "…"))
}

fn resource(version: &'static str) -> Resource {
    let detected = Resource::builder().build();
    let name = detected.get(&Key::from_static_str("service.name")).map(|name| name.to_string());
    let builder = Resource::builder().with_attribute(KeyValue::new("service.version", version));
    match name {
        Some(name) if !name.starts_with("unknown_service") => builder.build(),
        _ => builder.with_service_name("huemill").build(),
    }
}

/// Samples as `OTEL_TRACES_SAMPLER` says, except for traces that link to an earlier request: those are recorded if the
/// request was, whatever the ratio. A job without its request, or a request without its job, is half a story.
#[derive(Debug, Clone)]
struct LinkSampler(Box<dyn ShouldSample>);

impl ShouldSample for LinkSampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        match links.first() {
            Some(origin) if !parent.is_some_and(Context::has_active_span) => SamplingResult {
                decision: if origin.span_context.is_sampled() {
                    SamplingDecision::RecordAndSample
                } else {
                    SamplingDecision::Drop
                },
                attributes: Vec::new(),
                trace_state: TraceState::NONE,
            },
            _ => self.0.should_sample(parent, trace_id, name, kind, attributes, links),
        }
    }
}
