//! Queues finished spans and sends them to the collector in batches.
//!
//! [`BoundedProcessor`] limits the queue and counts what it drops: the SDK's batch processor does not tell how many
//! spans it drops. [`Exporter`] sends the batches on the io runtime. The first failure is logged, and so is the first
//! success after it. All dropped spans are counted in `trace_spans_dropped_total`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter as OtlpExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};
use tokio::runtime::Handle;

use super::client::LastError;
use crate::log;

/// Spans dropped since the start.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Spans dropped since the start, because the queue was full or the collector did not accept them.
#[must_use]
pub fn dropped_spans() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Passes spans on to the SDK's batch processor while the queue has room.
#[derive(Debug)]
pub(super) struct BoundedProcessor {
    inner: BatchSpanProcessor,
    queued: Arc<AtomicUsize>,
    queue_size: usize,
}

impl BoundedProcessor {
    pub(super) fn new(
        otlp: OtlpExporter,
        last_error: LastError,
        io: &Handle,
        timeout: Duration,
        queue_size: usize,
    ) -> Self {
        let queued = Arc::new(AtomicUsize::new(0));
        let exporter = Exporter {
            otlp: Arc::new(otlp),
            last_error,
            io: io.clone(),
            queued: Arc::clone(&queued),
            timeout,
            failing: AtomicBool::new(false),
        };
        Self { inner: BatchSpanProcessor::builder(exporter).build(), queued, queue_size }
    }
}

impl SpanProcessor for BoundedProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.queued.fetch_add(1, Ordering::Relaxed) < self.queue_size {
            self.inner.on_end(span);
        } else {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            DROPPED.fetch_add(1, Ordering::Relaxed);
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

/// Sends batches on the io runtime.
#[derive(Debug)]
struct Exporter {
    otlp: Arc<OtlpExporter>,
    /// Why the last request failed, if the HTTP client knows more than the OTLP exporter reports.
    last_error: LastError,
    io: Handle,
    queued: Arc<AtomicUsize>,
    timeout: Duration,
    failing: AtomicBool,
}

impl Exporter {
    /// Counts the spans of a failed batch, and logs when failures begin and end.
    fn report(&self, spans: u64, outcome: Result<(), String>) {
        match outcome {
            Ok(()) if self.failing.swap(false, Ordering::Relaxed) => {
                log!(TRACE_EXPORT_RESUMED, lost = dropped_spans());
            }
            Ok(()) => {}
            Err(cause) => {
                DROPPED.fetch_add(spans, Ordering::Relaxed);
                if !self.failing.swap(true, Ordering::Relaxed) {
                    let cause = self.last_error.take().unwrap_or(cause);
                    log!(TRACE_EXPORT_FAILED, spans, cause);
                }
            }
        }
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let (spans, otlp, timeout) = (batch.len(), Arc::clone(&self.otlp), self.timeout);
        let sent = self.io.spawn(async move {
            tokio::time::timeout(timeout, otlp.export(batch))
                .await
                .unwrap_or(Err(OTelSdkError::Timeout(timeout)))
        });
        let outcome = match sent.await {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        self.queued.fetch_sub(spans, Ordering::Relaxed);
        self.report(spans as u64, outcome);
        // The failure is reported already.
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        // This is called before the first batch, so no one else holds the exporter yet.
        if let Some(otlp) = Arc::get_mut(&mut self.otlp) {
            otlp.set_resource(resource);
        }
    }
}
