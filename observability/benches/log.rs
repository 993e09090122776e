//! Benchmarks a log line and a counted request, compared with the bunyan formatter's line for the same event.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use huemill_observability::json_log::JsonLayer;
use huemill_observability::{Event, LabelValues, Registry, RequestFacts, RouteLabels, log};
use tracing::Dispatch;
use tracing_bunyan_formatter::{BunyanFormattingLayer, JsonStorageLayer};
use tracing_subscriber::layer::SubscriberExt;

fn log_request() {
    log!(
        HTTP_REQUEST,
        status_code = 202_u16,
        duration_ms = 15_u64,
        success = None::<bool>,
        error_code = None::<&str>,
        bytes_in = 39_u64,
        bytes_out = 79_u64
    );
}

fn lines(c: &mut Criterion) {
    let stored = || tracing_subscriber::registry().with(JsonStorageLayer);
    let huemill = Dispatch::new(stored().with(JsonLayer::new(std::io::sink)));
    let bunyan = Dispatch::new(stored().with(BunyanFormattingLayer::new("huemill".into(), std::io::sink)));
    for (name, dispatch) in [("line/huemill", huemill), ("line/bunyan", bunyan)] {
        let _default = tracing::dispatcher::set_default(&dispatch);
        let span =
            tracing::info_span!("request", request_id = "c298c805", endpoint = "/jobs", method = "POST");
        let _entered = span.enter();
        c.bench_function(name, |bench| bench.iter(log_request));
    }
}

fn registry(c: &mut Criterion) {
    let route = |endpoint| RouteLabels {
        endpoint,
        statuses: &[200, 500, 503],
        error_codes: &["NO_INPUT", "PROCESSING_ERROR", "OVERLOADED", "INTERNAL_ERROR"],
        can_break: true,
    };
    let routes = ["/process", "/process_zip", "/health", "/ready", "/metrics", "unmatched"].map(route);
    let known = LabelValues { routes: &routes, ..LabelValues::default() };
    let registry = Registry::new("bench", &known).expect("the families have distinct names");
    let finished = Event::RequestFinished(RequestFacts {
        endpoint: "/process",
        method: "POST",
        code: 200,
        error_code: None,
        duration: Duration::from_millis(15),
        bytes_in: 39,
        bytes_out: 79,
    });
    c.bench_function("registry/record a request", |bench| {
        bench.iter(|| registry.record(black_box(&finished)));
    });
    c.bench_function("registry/render", |bench| bench.iter(|| registry.render()));
}

criterion_group!(benches, lines, registry);
criterion_main!(benches);
