//! A collector that nobody named, that hangs, or that is gone.

use super::desk::{Desk, TRACE, traceparent};
use super::receiver::{Receiver, Reply};
use super::service::Service;
use super::until;

/// Whether a service of these variables has the exporter's thread.
fn exports(desk: &Desk) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", desk.service.id())).unwrap();
    let names = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.into_iter().any(|name| name.starts_with("OpenTelemetry"))
}

#[test]
fn nothing_is_sent_where_nobody_asked_for_it() {
    let collector = Receiver::start(|_, _| Reply::status(200));
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), collector.url(""));
    let disabled = ("OTEL_SDK_DISABLED".to_owned(), "true".to_owned());
    for variables in [vec![], vec![endpoint.clone(), disabled]] {
        let desk = Desk::open(&variables);
        assert!(!exports(&desk));
        desk.submit(Some(&traceparent("01")));
        desk.delivered(1);
        for event in ["http_request", "job_created", "job_completed", "webhook_delivered"] {
            assert_eq!(desk.line(event)["trace_id"], TRACE, "{event}");
        }
        assert_eq!(desk.receiver.requests()[0].header("traceparent"), "");
        desk.client.get(desk.service.url("/health")).send().unwrap();
        let probe =
            || desk.service.logged("http_request").into_iter().find(|line| line["endpoint"] == "/health");
        until("the probe is logged", || probe().is_some());
        let line = probe().unwrap();
        assert!(line.get("trace_id").is_none(), "{line}");
        assert_eq!(desk.service.stop(), Some(0));
    }
    assert_eq!(collector.connections(), 0);
    assert!(exports(&Desk::open(&[endpoint])));
}

#[test]
fn a_collector_that_hangs_makes_nobody_wait_and_is_told_of_once() {
    let collector = Receiver::start(|number, _| if number < 4 { Reply::Silence } else { Reply::status(200) });
    let variables = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*collector.url("/v1/traces")),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8"),
    ];
    let desk = Desk::open(&variables.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let mut answered = 0;
    until("the collector is back", || {
        answered += usize::from(desk.health() == 200);
        !desk.service.logged("trace_export_resumed").is_empty()
    });
    until("each is logged", || desk.service.logged("http_request").len() == answered);
    assert!(answered > 16, "{answered}");
    assert_eq!(desk.service.logged("trace_export_failed").len(), 1);
    let lost = desk.service.logged("trace_export_resumed")[0]["lost"].as_f64().unwrap();
    assert!(lost >= 4.0 && desk.figure("trace_spans_dropped_total") >= lost, "{lost}");
}

#[test]
fn a_service_whose_collector_is_gone_stops_as_ever() {
    let variables =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
    for protocol in
        ["http/protobuf", "grpc"].into_iter().filter(|name| cfg!(feature = "grpc") || *name != "grpc")
    {
        let of = ("OTEL_EXPORTER_OTLP_PROTOCOL".to_owned(), protocol.to_owned());
        let desk = Desk::open(&[&variables[..], &[of]].concat());
        assert_eq!(desk.health(), 200);
        let cause = desk.line("trace_export_failed")["cause"].as_str().unwrap().to_owned();
        assert!(cause.contains("refused"), "{cause}");
        assert_eq!(desk.health(), 200);
        assert_eq!(desk.service.stop(), Some(0));
    }
}

#[test]
fn the_end_does_not_wait_for_a_collector_that_hangs() {
    let collector = Receiver::start(|_, _| Reply::Silence);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url("")),
        // Longer than the test has patience.
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000"),
    ];
    let desk = Desk::open(&variables.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(desk.health(), 200);
    assert_eq!(desk.service.stop(), Some(0));
    assert_eq!(collector.connections(), 1);
}

#[test]
fn a_variable_that_is_not_known_is_told_of_at_the_start() {
    for (name, value) in
        [("OTEL_TRACES_SAMPLER", "sometimes"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier/pigeon")]
    {
        let folder = tempfile::tempdir().unwrap();
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), (name, value)];
        let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let status = Service::try_start(folder.path(), &variables).err().unwrap();
        assert_eq!(status.code(), Some(78), "{name}");
    }
}

/// Without the feature, gRPC is refused at start with a message that names the feature.
#[cfg(not(feature = "grpc"))]
#[test]
fn grpc_is_refused_by_a_build_without_the_feature() {
    for name in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
        let folder = tempfile::tempdir().unwrap();
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), (name, "grpc")];
        let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let status = Service::try_start(folder.path(), &variables).err().unwrap();
        assert_eq!(status.code(), Some(78), "{name}");
    }
    let error =
        huemill_observability::trace::ExportError::GrpcMissing { name: "OTEL_EXPORTER_OTLP_PROTOCOL" };
    assert!(error.to_string().contains("feature `grpc`"), "{error}");
}
