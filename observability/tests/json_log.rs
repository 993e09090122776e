//! Tests of the JSON log lines: keys, their order, and the values.

mod support;

use huemill_observability::json_log::JsonLayer;
use huemill_observability::log;
use huemill_observability::trace::{self, Scope, SpanKind};
use serde_json::{Value, json};
use support::{Line, Sink};
use tracing_bunyan_formatter::JsonStorageLayer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;

/// A clock that always shows the same time.
struct FixedClock;

impl FormatTime for FixedClock {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        writer.write_str("2025-09-23T12:00:00.000001Z")
    }
}

fn logged(events: impl FnOnce()) -> Sink {
    let sink = Sink::default();
    let lines = JsonLayer::new(sink.clone()).with_clock(FixedClock);
    let subscriber = tracing_subscriber::registry().with(JsonStorageLayer).with(lines);
    tracing::subscriber::with_default(subscriber, events);
    sink
}

fn line(events: impl FnOnce()) -> Line {
    logged(events).line()
}

#[test]
fn an_http_request_line_matches_the_contract() {
    let sink = logged(|| {
        let span =
            tracing::info_span!("request", request_id = "c298c805", endpoint = "/jobs", method = "POST");
        let _entered = span.enter();
        log!(
            HTTP_REQUEST,
            bytes_out = 79_u64,
            bytes_in = 39_u64,
            status_code = 202_u16,
            duration_ms = 15_u64,
            success = None::<bool>,
            error_code = None::<&str>
        );
    });
    assert_eq!(
        sink.writes(),
        [concat!(
            r#"{"ts":"2025-09-23T12:00:00.000001Z","level":"info","event":"http_request","request_id":"c298c805","#,
            r#""endpoint":"/jobs","method":"POST","status_code":202,"duration_ms":15,"success":null,"#,
            r#""error_code":null,"bytes_in":39,"bytes_out":79}"#,
            "\n"
        )]
    );
}

#[test]
fn an_http_request_line_has_all_keys_even_without_values() {
    let line = line(|| log!(HTTP_REQUEST));
    assert_eq!(
        line.keys(),
        [
            "ts",
            "level",
            "event",
            "request_id",
            "endpoint",
            "method",
            "status_code",
            "duration_ms",
            "success",
            "error_code",
            "bytes_in",
            "bytes_out"
        ]
    );
    assert_eq!(line.get("bytes_out"), &Value::Null);
}

#[test]
fn timestamps_are_utc_with_microseconds() {
    let sink = Sink::default();
    let subscriber = tracing_subscriber::registry().with(JsonLayer::new(sink.clone()));
    tracing::subscriber::with_default(subscriber, || log!(SERVICE_STARTED, workers = 2_u64));
    let line = sink.line();
    let ts = line.get("ts").as_str().unwrap();
    let shape: String = ts.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000000Z");
}

#[test]
fn name_and_level_come_from_the_table() {
    let line = line(|| log!(ACTOR_RESTARTED, actor = "workers", cause = "panic"));
    assert_eq!(line.keys(), ["ts", "level", "event", "actor", "cause"]);
    assert_eq!((line.get("level"), line.get("event")), (&json!("warn"), &json!("actor_restarted")));
}

#[test]
fn an_events_field_overrides_its_spans_even_as_null() {
    let line = line(|| {
        let outer = tracing::info_span!("outer", b = "outer", a = 1_u64, error_code = "OUTER", slot = 1_u64);
        let _outer = outer.enter();
        let inner = tracing::info_span!("inner", b = "inner");
        let _inner = inner.enter();
        tracing::info!(event = "tested", slot = 2_u64, error_code = None::<&str>);
    });
    assert_eq!(line.keys(), ["ts", "level", "event", "error_code", "slot", "a", "b"]);
    assert_eq!((line.get("slot"), line.get("error_code")), (&json!(2), &Value::Null));
    assert_eq!(line.get("b"), &json!("inner"));
}

#[test]
fn a_line_has_the_id_of_the_request_that_caused_it() {
    let caller = Scope::of_caller("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None);
    for scope in [Scope::default(), caller] {
        let (traced, scope) = (scope.is_traced(), scope.of_request("c298c805"));
        assert_eq!(scope.is_traced(), traced);
        let line = line(|| {
            let _entered = scope.enter();
            log!(STAGES_TIMED, format = "jpeg");
        });
        let keys = ["ts", "level", "event", "request_id", "format", "trace_id"];
        assert_eq!(line.keys(), keys[..5 + usize::from(traced)]);
        assert_eq!(line.get("request_id"), "c298c805");
        assert_eq!(
            scope.headers().is_some(),
            traced,
            "a request without a trace must not send trace headers"
        );
    }
    let line = line(|| {
        let late = trace::linked("of-a-job", None, "webhook", SpanKind::Client, || []);
        let _entered = late.enter();
        assert_eq!(Scope::here().request_id(), Some("of-a-job"));
        log!(HTTP_ERROR, request_id = "its own");
        assert!(!Scope::here().is_traced());
    });
    assert_eq!(line.get("request_id"), "its own");
}

#[test]
fn a_scope_applies_until_its_guard_drops_and_only_during_polls_of_its_future() {
    let id = || Scope::here().request_id().map(str::to_owned);
    let outer = Scope::default().of_request("outer").enter();
    let mut waits = false;
    let inner = Scope::default().of_request("inner").run(std::future::poll_fn(|_| {
        assert_eq!(id().as_deref(), Some("inner"));
        waits = !waits;
        if waits { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    }));
    let (mut inner, mut task) = (Box::pin(inner), std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(inner.as_mut().poll(&mut task).is_pending());
    assert_eq!(id().as_deref(), Some("outer"));
    assert!(inner.as_mut().poll(&mut task).is_ready());
    // An empty scope changes nothing.
    let none = Scope::default().enter();
    assert_eq!(id().as_deref(), Some("outer"));
    drop((none, outer));
    assert_eq!(id(), None);
}

#[test]
fn timestamp_level_and_name_cannot_be_forged() {
    let line = line(|| {
        let span = tracing::info_span!("span", ts = "s", level = "s", event = "http_request");
        let _entered = span.enter();
        tracing::error!(event = "tested", ts = "never", level = "info", r#type = "kept");
    });
    assert_eq!(line.keys(), ["ts", "level", "event", "type"]);
    assert_eq!(line.get("ts"), &json!("2025-09-23T12:00:00.000001Z"));
    assert_eq!((line.get("level"), line.get("event")), (&json!("error"), &json!("tested")));
}

#[test]
fn a_librarys_event_is_named_log_and_has_its_target() {
    let line = line(|| tracing::warn!(target: "some_library", count = 3, "went {}", "wrong"));
    assert_eq!(line.keys(), ["ts", "level", "event", "target", "message", "count"]);
    assert_eq!((line.get("event"), line.get("target")), (&json!("log"), &json!("some_library")));
    assert_eq!(line.get("message"), &json!("went wrong"));
}

#[test]
fn a_duplicate_message_of_a_library_is_suppressed() {
    let line = line(|| {
        tracing::error!(target: "actix_http::h1::dispatcher", "Response payload stream error: {:?}", "broken");
        tracing::error!(target: "actix_http::h1::dispatcher", "write zero; closing");
    });
    assert_eq!(line.get("message"), &json!("write zero; closing"));
}

#[test]
fn headers_and_url_parameters_in_library_messages_are_masked() {
    let parameter = line(|| {
        tracing::warn!(target: "sqlx_postgres::options::parse", key = "pasword", value = "a:hunter2", "ignoring it");
    });
    assert_eq!((parameter.get("key"), parameter.get("value")), (&json!("pasword"), &json!("********")));
    assert_eq!(parameter.get("message"), &json!("ignoring it"));
    for (value, logged) in
        [("illegal Content-Length: \"hunter2\"", "illegal Content-Length********"), ("hunter2", "********")]
    {
        let header = line(|| tracing::debug!(target: "actix_http::h1::decoder", "{value}"));
        assert_eq!(header.get("message"), &json!(logged));
    }
}

#[test]
fn a_field_without_a_value_keeps_its_position() {
    let line =
        line(|| log!(OUTBOUND_BLOCKED, request_id = "x", job_id = None::<&str>, host = "h", reason = "port"));
    assert_eq!(line.keys(), ["ts", "level", "event", "request_id", "job_id", "host", "reason"]);
    assert_eq!(line.get("job_id"), &Value::Null);
}

#[test]
fn an_error_is_logged_with_its_sources() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot start")]
    struct Outer(#[source] std::num::ParseIntError);

    let error = Outer("x".parse::<u8>().unwrap_err());
    let line = line(|| {
        let error: &(dyn std::error::Error + 'static) = &error;
        tracing::error!(event = "tested", error);
    });
    assert_eq!(line.get("error"), &json!("cannot start: invalid digit found in string"));
}

#[test]
fn a_number_that_is_not_finite_is_null() {
    let line =
        line(|| tracing::info!(event = "tested", nan = f64::NAN, infinite = f64::INFINITY, half = 0.5));
    assert_eq!((line.get("nan"), line.get("infinite")), (&Value::Null, &Value::Null));
    assert_eq!(line.get("half"), &json!(0.5));
}

#[test]
fn the_log_stays_usable_after_a_value_panics() {
    struct PanicsWhenFormatted;
    impl std::fmt::Debug for PanicsWhenFormatted {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("in a value")
        }
    }
    let line = line(|| {
        let result =
            std::panic::catch_unwind(|| tracing::info!(event = "lost", value = ?PanicsWhenFormatted));
        assert!(result.is_err());
        tracing::info!(event = "after");
    });
    assert_eq!(line.keys(), ["ts", "level", "event"]);
    assert_eq!(line.get("event"), &json!("after"));
}
