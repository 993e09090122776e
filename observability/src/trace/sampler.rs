//! What is recorded: as `OTEL_TRACES_SAMPLER` says, but for work that comes of a request which is over. That is
//! recorded where the request was, whatever the odds: a job without its request, or the other way around, is half
//! a story.

use opentelemetry::Context;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

#[derive(Debug, Clone)]
pub(super) struct Sampler(pub(super) Box<dyn ShouldSample>);

impl ShouldSample for Sampler {
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
