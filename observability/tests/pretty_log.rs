//! Tests of the readable log lines: what they show of an event, in which order, and that no value can leave its line.

mod support;

use std::io::Write;

use huemill_observability::json_log::JsonLayer;
use huemill_observability::log;
use huemill_observability::pretty_log::PrettyLines;
use proptest::prelude::*;
use support::Sink;
use tracing_bunyan_formatter::JsonStorageLayer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;

/// A clock that always shows the same time.
struct FixedClock;

impl FormatTime for FixedClock {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        writer.write_str("2025-09-23T12:00:00.001999Z")
    }
}

/// The readable lines of what the JSON log writes.
fn lines(colour: bool, events: impl FnOnce()) -> Vec<String> {
    let (json, readable) = (Sink::default(), Sink::default());
    let layer = JsonLayer::new(json.clone()).with_clock(FixedClock);
    let subscriber = tracing_subscriber::registry().with(JsonStorageLayer).with(layer);
    tracing::subscriber::with_default(subscriber, events);
    let mut pretty = PrettyLines::new(readable.clone(), colour);
    for line in json.writes() {
        pretty.write_all(line.as_bytes()).expect("the sink takes everything");
    }
    readable.writes()
}

#[test]
fn a_request_is_one_line_that_begins_with_what_was_asked_and_answered() {
    let span =
        || tracing::info_span!("request", request_id = "c298c805", endpoint = "/jobs", method = "POST");
    let shown = lines(false, || {
        let _entered = span().entered();
        log!(
            HTTP_REQUEST,
            bytes_out = 79_u64,
            bytes_in = 39_u64,
            status_code = 202_u16,
            duration_ms = 15_u64,
            success = true,
            error_code = None::<&str>,
            client = "127.0.0.1",
            user_agent = "curl/8.5.0 (x \"y\")"
        );
    });
    assert_eq!(
        shown,
        [concat!(
            "12:00:00.001 INFO  http_request POST /jobs 202 15 ms request_id=c298c805 bytes_in=39 bytes_out=79 ",
            "client=127.0.0.1 user_agent=\"curl/8.5.0 (x \\\"y\\\")\"\n"
        )]
    );
}

#[test]
fn each_level_and_kind_of_event_has_its_line() {
    let shown = lines(false, || {
        log!(SERVICE_STARTED, version = "1.0.0", address = "127.0.0.1:8080", operations = None::<&str>);
        log!(ACTOR_RESTARTED, actor = "workers", cause = "panic", reason = "", backoff_ms = 50_u64);
        log!(PANIC, message = %"index out of bounds", location = "src/x.rs:1:2", thread = "slot-3");
        log!(STAGES_TIMED, format = "jpeg", decode_ms = 1.5);
        tracing::warn!(target: "sqlx::query", elapsed_secs = 2.5, "slow statement");
        tracing::trace!("unnamed");
    });
    let expected = [
        "12:00:00.001 INFO  service_started version=1.0.0 address=127.0.0.1:8080\n",
        "12:00:00.001 WARN  actor_restarted actor=workers cause=panic reason=\"\" backoff_ms=50\n",
        "12:00:00.001 ERROR panic index out of bounds location=src/x.rs:1:2 thread=slot-3\n",
        "12:00:00.001 DEBUG stages_timed format=jpeg decode_ms=1.5\n",
        "12:00:00.001 WARN  sqlx::query slow statement elapsed_secs=2.5\n",
        "12:00:00.001 TRACE pretty_log unnamed\n",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn lines_that_were_left_out_are_counted_only_if_there_were_some() {
    let shown = lines(false, || {
        log!(HTTP_REQUEST, bytes_in = 0_u64, lines_left_out = 0_u64);
        log!(HTTP_REQUEST, bytes_in = 0_u64, lines_left_out = 12_u64);
    });
    let expected = [
        "12:00:00.001 INFO  http_request bytes_in=0\n",
        "12:00:00.001 INFO  http_request bytes_in=0 lines_left_out=12\n",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn colours_mark_the_level_and_set_the_fields_names_back() {
    let shown = lines(true, || {
        log!(ACTOR_DOOMED, actor = "workers");
        log!(SERVICE_STARTED);
    });
    let expected = [
        "\x1b[2m12:00:00.001\x1b[0m \x1b[1;31mERROR\x1b[0m actor_doomed \x1b[2mactor=\x1b[0mworkers\n",
        "\x1b[2m12:00:00.001\x1b[0m \x1b[32mINFO \x1b[0m service_started\n",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn what_the_json_log_masks_or_leaves_out_is_not_there_either() {
    let shown = lines(false, || {
        tracing::error!(target: "actix_http::h1::decoder", "Invalid header: secret");
        tracing::error!(target: "actix_http::h1::dispatcher", "stream error: secret");
    });
    assert_eq!(shown, ["12:00:00.001 ERROR actix_http::h1::decoder Invalid header********\n"]);
}

#[test]
fn a_line_that_is_no_json_passes_unchanged() {
    let sink = Sink::default();
    PrettyLines::new(sink.clone(), true).write_all(b"not JSON\n").unwrap();
    assert_eq!(sink.writes(), ["not JSON\n"]);
}

proptest! {
    #[test]
    fn no_value_ends_its_line_or_controls_the_terminal(text in any::<String>(), message in any::<String>()) {
        let shown = lines(false, || {
            log!(HTTP_REQUEST, endpoint = text.as_str(), user_agent = text.as_str(), message = message.as_str());
        });
        let [line] = &shown[..] else { panic!("not one line: {shown:?}") };
        let line = line.strip_suffix('\n').unwrap();
        prop_assert!(!line.contains(huemill_observability::json_log::is_unprintable), "{line:?}");
    }
}
