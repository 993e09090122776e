//! Tests the log of a whole process: it is initialized once, its filter can change, and panics are logged.
//!
//! This is one test, because a process has one log and one panic hook.

mod support;

use huemill_observability::{catch_panic, install_panic_hook, json_log, log};
use serde_json::{Value, json};
use support::Sink;

fn last(sink: &Sink) -> Value {
    serde_json::from_str(sink.writes().last().expect("a line")).expect("JSON")
}

/// Panics on a separate thread within a request's span, and returns the logged line.
fn panicked(sink: &Sink, panicking: fn()) -> Value {
    let thread = std::thread::Builder::new().name("slot-3".to_owned()).spawn(move || {
        let span = tracing::error_span!("request", request_id = "c298c805");
        let _entered = span.enter();
        panicking();
    });
    assert!(thread.expect("a thread").join().is_err());
    last(sink)
}

/// A value that logs while it is being formatted.
struct LogsWhenFormatted;

impl std::fmt::Display for LogsWhenFormatted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        tracing::error!(event = "inner");
        f.write_str("formatted")
    }
}

#[test]
fn a_process_logs_every_panic_and_the_events_that_its_filter_passes() {
    let sink = Sink::default();
    assert!(matches!(json_log::init("huemill=bogus", sink.clone()), Err(json_log::InitError::Filter(_))));
    let filter = json_log::init("info", sink.clone()).unwrap();
    assert!(matches!(json_log::init("info", sink.clone()), Err(json_log::InitError::Again(_))));
    install_panic_hook();

    log!(STAGES_TIMED, format = "jpeg");
    assert!(sink.writes().is_empty(), "the filter info must not pass debug events");
    filter.set("debug").unwrap();
    log!(STAGES_TIMED, format = "jpeg");
    assert_eq!(last(&sink)["event"], "stages_timed");
    assert!(filter.set("huemill=bogus").is_err());
    filter.set("warn").unwrap();
    log!(SERVICE_STARTED, workers = 2_u64);
    assert_eq!(sink.writes().len(), 1);

    tracing::error!(event = "outer", value = %LogsWhenFormatted);
    let writes = sink.writes();
    let inner: Value = serde_json::from_str(&writes[1]).unwrap();
    assert_eq!(inner["event"], "inner");
    assert_eq!((&last(&sink)["event"], &last(&sink)["value"]), (&json!("outer"), &json!("formatted")));

    let literal = panicked(&sink, || panic!("a constant text"));
    assert_eq!((&literal["event"], &literal["level"]), (&json!("panic"), &json!("error")));
    assert_eq!((&literal["thread"], &literal["request_id"]), (&json!("slot-3"), &json!("c298c805")));
    assert_eq!(literal["message"], "a constant text");
    let location = literal["location"].as_str().unwrap();
    assert!(location.contains("process_log.rs:"), "{location}");

    let unwrapped = panicked(&sink, || {
        let failed =
            "3".parse::<u8>().and_then(|_| "".parse::<u8>()).map_err(|_| "https://host/?token=hunter2");
        failed.expect("the picture is there");
    });
    assert_eq!(unwrapped["message"], "the picture is there");
    let compared = panicked(&sink, || assert_eq!("hunter2".len(), 0, "a secret of {}", "hunter2".len()));
    assert_eq!(compared["message"], "assertion `left == right` failed");
    let lines = sink.writes().len();
    let caught = catch_panic(|| panic!("of a picture")).unwrap_err();
    assert_eq!((&*caught.reason, sink.writes().len()), ("of a picture", lines), "its caller logs it");
    assert!(caught.location.unwrap().contains("process_log.rs:"));
    let other = panicked(&sink, || std::panic::panic_any(7));
    assert_eq!(other["message"], "a panic without a message");
    assert!(!sink.writes().concat().contains("hunter2"));
}
