//! The export of traces where no collector is configured, where the collector hangs, and where it is gone.

use super::test_service::{TRACE, TestService, traceparent};
use crate::support::receiver::{Receiver, Reply};
use crate::support::service::Service;
use crate::support::{variables, wait_until};

/// Whether the service runs the exporter's thread.
fn exports(service: &TestService) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", service.service.id())).unwrap();
    let names = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.into_iter().any(|name| name.starts_with("OpenTelemetry"))
}

#[test]
fn without_a_configured_collector_nothing_is_sent() {
    let collector = Receiver::start(|_, _| Reply::status(200));
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), collector.url(""));
    let disabled = ("OTEL_SDK_DISABLED".to_owned(), "true".to_owned());
    for environment in [vec![], vec![endpoint.clone(), disabled]] {
        let service = TestService::start(&environment);
        assert!(!exports(&service));
        service.submit(Some(&traceparent("01")));
        service.wait_for_deliveries(1);
        for event in ["http_request", "job_created", "job_completed", "webhook_delivered"] {
            assert_eq!(service.wait_for_line(event)["trace_id"], TRACE, "{event}");
        }
        assert_eq!(service.receiver.requests()[0].header("traceparent"), "");
        service.client.get(service.service.url("/health")).send().unwrap();
        let probe =
            || service.service.logged("http_request").into_iter().find(|line| line["endpoint"] == "/health");
        wait_until("the probe is logged", || probe().is_some());
        let line = probe().unwrap();
        assert!(line.get("trace_id").is_none(), "{line}");
        assert_eq!(service.service.stop(), Some(0));
    }
    assert_eq!(collector.connections(), 0);
    assert!(exports(&TestService::start(&[endpoint])));
}

#[test]
fn a_collector_that_hangs_delays_no_request_and_is_logged_once() {
    let collector = Receiver::start(|number, _| if number < 4 { Reply::Silence } else { Reply::status(200) });
    let service = TestService::start(&variables(&[
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*collector.url("/v1/traces")),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8"),
    ]));
    let mut answered = 0;
    wait_until("the export resumes", || {
        answered += usize::from(service.health() == 200);
        !service.service.logged("trace_export_resumed").is_empty()
    });
    wait_until("each request is logged", || service.service.logged("http_request").len() == answered);
    assert!(answered > 16, "only {answered} requests were answered");
    // On a busy machine the export may fail again later.
    let log = service.service.output().log();
    let before = log.iter().take_while(|line| !line.contains("\"trace_export_resumed\""));
    assert_eq!(before.filter(|line| line.contains("\"trace_export_failed\"")).count(), 1);
    let lost = service.service.logged("trace_export_resumed")[0]["lost"].as_f64().unwrap();
    assert!(lost >= 4.0 && service.metric("trace_spans_dropped_total") >= lost, "{lost}");
}

#[test]
fn a_service_whose_collector_is_gone_shuts_down_normally() {
    let protocols: &[&str] =
        if cfg!(feature = "grpc") { &["http/protobuf", "grpc"] } else { &["http/protobuf"] };
    for protocol in protocols {
        let service = TestService::start(&variables(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ]));
        assert_eq!(service.health(), 200);
        let cause = service.wait_for_line("trace_export_failed")["cause"].as_str().unwrap().to_owned();
        assert!(cause.contains("refused"), "{cause}");
        assert_eq!(service.health(), 200);
        assert_eq!(service.service.stop(), Some(0));
    }
}

#[test]
fn a_shutdown_does_not_wait_for_a_collector_that_hangs() {
    let collector = Receiver::start(|_, _| Reply::Silence);
    let service = TestService::start(&variables(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url("")),
        // Longer than the test waits.
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000"),
    ]));
    assert_eq!(service.health(), 200);
    assert_eq!(service.service.stop(), Some(0));
    assert_eq!(collector.connections(), 1);
}

#[test]
fn an_unknown_value_of_a_variable_prevents_the_start() {
    for (name, value) in
        [("OTEL_TRACES_SAMPLER", "sometimes"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier/pigeon")]
    {
        let folder = tempfile::tempdir().unwrap();
        let environment = variables(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), (name, value)]);
        let status = Service::try_start(folder.path(), &environment).err().unwrap();
        assert_eq!(status.code(), Some(78), "{name}");
    }
}

/// Without the feature, gRPC is refused at start with a message that names the feature.
#[cfg(not(feature = "grpc"))]
#[test]
fn grpc_is_refused_by_a_build_without_the_feature() {
    for name in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
        let folder = tempfile::tempdir().unwrap();
        let environment = variables(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), (name, "grpc")]);
        let status = Service::try_start(folder.path(), &environment).err().unwrap();
        assert_eq!(status.code(), Some(78), "{name}");
    }
    let error =
        huemill_observability::trace::ExportError::GrpcMissing { name: "OTEL_EXPORTER_OTLP_PROTOCOL" };
    assert!(error.to_string().contains("feature `grpc`"), "{error}");
}
