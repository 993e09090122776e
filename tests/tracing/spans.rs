//! The spans that a collector receives of a request, its job and its webhook.

use super::test_service::{CALLER, TRACE, TestService, traceparent};
use crate::support::collector::{Collector, ReceivedSpan};
use crate::support::pictures::small_png;
use crate::support::servers::require;
use crate::support::variables;

fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

/// Checks that spans of these names are in the trace of `root` and below it.
fn assert_below(root: &ReceivedSpan, spans: &[ReceivedSpan], names: &[&str]) {
    for name in names {
        let part = spans.iter().find(|span| span.name == *name && span.trace == root.trace);
        let mut part = part.unwrap_or_else(|| panic!("no {name} with {} in {spans:#?}", root.name));
        assert!(part.start <= part.end, "{part:#?}");
        while part.parent != root.id {
            let parent = spans.iter().find(|span| span.id == part.parent);
            part = parent.unwrap_or_else(|| panic!("{name} is not below {}: {spans:#?}", root.name));
        }
    }
}

fn assert_job_is_traced(protocol: &str) {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let service = TestService::start(&collector.environment(protocol));
    let job = service.submit(Some(&traceparent("01")));
    let ends = ["POST /jobs", "job picture", "webhook"];
    let spans =
        collector.spans_with(|spans| ends.iter().all(|end| spans.iter().any(|span| span.name == *end)));

    let request = named(&spans, "POST /jobs");
    assert_eq!((&*request.trace, &*request.parent), (TRACE, CALLER));
    assert_eq!((&*request.kind, &*request.service), ("SPAN_KIND_SERVER", "Str(huemill)"));
    for (key, value) in [
        ("http.request.method", "Str(POST)"),
        ("http.route", "Str(/jobs)"),
        ("url.path", "Str(/jobs)"),
        ("http.response.status_code", "Int(202)"),
    ] {
        assert_eq!(request.attribute(key), value, "{request:#?}");
    }
    assert_below(request, &spans, &["admit", "submit", "blob upload", "store create"]);

    let work = named(&spans, "job picture");
    assert_eq!(work.links, [(request.trace.clone(), request.id.clone())]);
    assert_ne!(work.trace, request.trace);
    assert_eq!(work.parent, "");
    assert_eq!(work.attribute("huemill.job.id"), format!("Str({job})"));
    let parts = [
        "fetch",
        "queue wait",
        "picture",
        "decode",
        "palette",
        "subject",
        "layout",
        "card",
        "encode",
        "card upload",
    ];
    assert_below(work, &spans, &parts);
    assert_below(work, &spans, &["store settle"]);
    let stages =
        ["decode", "palette", "subject", "layout", "card", "encode"].map(|stage| named(&spans, stage));
    assert!(stages.is_sorted_by_key(|stage| stage.start), "{stages:#?}");

    let webhook = named(&spans, "webhook");
    assert_eq!(webhook.links, [(request.trace.clone(), request.id.clone())]);
    assert_eq!(
        (&*webhook.kind, webhook.attribute("http.response.status_code")),
        ("SPAN_KIND_CLIENT", "Int(200)")
    );

    let trace_of = |event: &str| service.wait_for_line(event)["trace_id"].as_str().unwrap().to_owned();
    assert_eq!([trace_of("http_request"), trace_of("job_created")], [TRACE, TRACE]);
    assert_eq!(
        (trace_of("job_completed"), trace_of("webhook_delivered")),
        (work.trace.clone(), webhook.trace.clone())
    );
    // The receiver of the webhook does not see the trace.
    assert_eq!(service.receiver.requests()[0].header("traceparent"), "");
    assert_eq!(service.service.stop(), Some(0));
}

#[test]
fn a_job_is_traced_over_http() {
    require!(Collector);
    assert_job_is_traced("http/protobuf");
}

#[cfg(feature = "grpc")]
#[test]
fn a_job_is_traced_over_grpc() {
    require!(Collector);
    assert_job_is_traced("grpc");
}

#[test]
fn a_request_is_not_recorded_where_its_caller_does_not_record_and_starts_a_trace_without_a_caller() {
    require!(Collector);
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let mut environment = collector.environment("http/protobuf");
    environment.push(("OTEL_SERVICE_NAME".to_owned(), "pictures".to_owned()));
    let service = TestService::start(&environment);
    let silent = service.submit(Some(&traceparent("00")));
    service.wait_for_deliveries(1);
    service.submit(None);
    service.wait_for_deliveries(2);
    let spans = collector.spans_with(|spans| spans.iter().any(|span| span.name == "webhook"));
    let request = named(&spans, "POST /jobs");
    assert_eq!((request.parent.len(), request.trace.len(), &*request.service), (0, 32, "Str(pictures)"));
    let of_silent = format!("Str({silent})");
    let recorded =
        spans.iter().find(|span| span.trace == TRACE || span.attribute("huemill.job.id") == of_silent);
    assert!(recorded.is_none(), "{recorded:#?}");
    let lines = service.service.logged("job_created");
    assert_eq!((&lines[0]["trace_id"], &lines[1]["trace_id"]), (&TRACE.into(), &(*request.trace).into()));
}

#[test]
fn a_picture_is_traced_and_a_probe_only_where_its_caller_is_traced() {
    require!(Collector);
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let service = TestService::start(&collector.environment("http/protobuf"));
    service.client.get(service.service.url("/health")).send().unwrap();
    let body = || service.client.post(service.service.url("/process")).header("content-type", "image/png");
    assert_eq!(body().body(small_png()).send().unwrap().status(), 200);
    assert_eq!(body().body("no picture").send().unwrap().status(), 415);
    assert_eq!(service.health(), 200);
    let spans = collector.spans_with(|spans| spans.iter().any(|span| span.name == "GET /health"));
    let probes = spans.iter().filter(|span| span.name == "GET /health");
    assert_eq!(probes.map(|span| &*span.trace).collect::<Vec<_>>(), [TRACE]);
    let requests: Vec<_> = spans.iter().filter(|span| span.name == "POST /process").collect();
    let codes = requests.iter().map(|span| span.attribute("http.response.status_code"));
    assert_eq!(codes.collect::<Vec<_>>(), ["Int(200)", "Int(415)"]);
    assert_eq!(requests[1].attribute("error.type"), "Str(UNSUPPORTED_MEDIA_TYPE)");
    assert_below(requests[0], &spans, &["admit", "queue wait", "decode", "encode"]);
}

#[test]
fn receivers_see_the_trace_where_the_setting_says_so() {
    require!(Collector);
    let propagate = ("HUEMILL__OUTBOUND__PROPAGATE_TRACE".to_owned(), "true".to_owned());
    let service = TestService::start(std::slice::from_ref(&propagate));
    service.submit(Some(&traceparent("01")));
    service.wait_for_deliveries(1);
    assert_eq!(service.receiver.requests()[0].header("traceparent"), traceparent("01"));

    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let service = TestService::start(&[collector.environment("http/protobuf"), vec![propagate]].concat());
    service.submit(None);
    let spans = collector.spans_with(|spans| spans.iter().any(|span| span.name == "webhook"));
    let webhook = named(&spans, "webhook");
    let sent = service.receiver.requests()[0].header("traceparent").to_owned();
    assert_eq!(sent, format!("00-{}-{}-01", webhook.trace, webhook.id));
}

#[test]
fn a_job_is_recorded_where_its_request_was_whatever_the_sampling_ratio() {
    require!(Collector);
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let sampler =
        variables(&[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0")]);
    let service = TestService::start(&[collector.environment("http/protobuf"), sampler].concat());
    service.submit(None);
    service.wait_for_deliveries(1);
    let job = service.submit(Some(&traceparent("01")));
    let ends = ["POST /jobs", "job picture", "webhook"];
    let spans =
        collector.spans_with(|spans| ends.iter().all(|end| spans.iter().any(|span| span.name == *end)));
    assert_eq!(named(&spans, "POST /jobs").trace, TRACE);
    for end in ["job picture", "webhook"] {
        assert_eq!(named(&spans, end).attribute("huemill.job.id"), format!("Str({job})"));
    }
    assert_eq!(spans.iter().filter(|span| ends.contains(&&*span.name)).count(), 3, "{spans:#?}");
}
