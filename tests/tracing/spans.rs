//! What is told of a request, its job and its webhook.

use super::collector::{Collector, Seen};
use super::desk::{CALLER, Desk, TRACE, picture, traceparent};

fn named<'a>(spans: &'a [Seen], name: &str) -> &'a Seen {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

/// Holds these to be in the span's trace, below it and within its time.
fn assert_below(root: &Seen, spans: &[Seen], names: &[&str]) {
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

fn assert_a_job_is_told_of(protocol: &str) {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let desk = Desk::open(&collector.variables(protocol));
    let job = desk.submit(Some(&traceparent("01")));
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
        assert_eq!(request.fact(key), value, "{request:#?}");
    }
    assert_below(request, &spans, &["admit", "submit", "blob upload", "store create"]);

    let work = named(&spans, "job picture");
    assert_eq!(work.links, [(request.trace.clone(), request.id.clone())]);
    assert_ne!(work.trace, request.trace);
    assert_eq!(work.parent, "");
    assert_eq!(work.fact("huemill.job.id"), format!("Str({job})"));
    let parts =
        ["fetch", "queue wait", "picture", "decode", "palette", "crop", "card", "encode", "card upload"];
    assert_below(work, &spans, &parts);
    assert_below(work, &spans, &["store settle"]);
    let stages = ["decode", "palette", "crop", "card", "encode"].map(|stage| named(&spans, stage));
    assert!(stages.is_sorted_by_key(|stage| stage.start), "{stages:#?}");

    let webhook = named(&spans, "webhook");
    assert_eq!(webhook.links, [(request.trace.clone(), request.id.clone())]);
    assert_eq!((&*webhook.kind, webhook.fact("http.response.status_code")), ("SPAN_KIND_CLIENT", "Int(200)"));

    let told = |event: &str| desk.line(event)["trace_id"].as_str().unwrap().to_owned();
    assert_eq!([told("http_request"), told("job_created")], [TRACE, TRACE]);
    assert_eq!(
        (told("job_completed"), told("webhook_delivered")),
        (work.trace.clone(), webhook.trace.clone())
    );
    // Whom we send to is not told of it.
    assert_eq!(desk.receiver.requests()[0].header("traceparent"), "");
    assert_eq!(desk.service.stop(), Some(0));
}

#[test]
fn a_job_is_told_of_over_http() {
    assert_a_job_is_told_of("http/protobuf");
}

#[cfg(feature = "grpc")]
#[test]
fn a_job_is_told_of_over_grpc() {
    assert_a_job_is_told_of("grpc");
}

#[test]
fn a_caller_that_does_not_record_is_heeded_and_one_that_says_nothing_begins_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let mut variables = collector.variables("http/protobuf");
    variables.push(("OTEL_SERVICE_NAME".to_owned(), "pictures".to_owned()));
    let desk = Desk::open(&variables);
    let silent = desk.submit(Some(&traceparent("00")));
    desk.delivered(1);
    desk.submit(None);
    desk.delivered(2);
    let spans = collector.spans_with(|spans| spans.iter().any(|span| span.name == "webhook"));
    let request = named(&spans, "POST /jobs");
    assert_eq!((request.parent.len(), request.trace.len(), &*request.service), (0, 32, "Str(pictures)"));
    let of_silent = format!("Str({silent})");
    let heard = spans.iter().find(|span| span.trace == TRACE || span.fact("huemill.job.id") == of_silent);
    assert!(heard.is_none(), "{heard:#?}");
    let lines = desk.service.logged("job_created");
    assert_eq!((&lines[0]["trace_id"], &lines[1]["trace_id"]), (&TRACE.into(), &(*request.trace).into()));
}

#[test]
fn a_picture_is_told_of_and_a_probe_only_where_its_caller_is_traced() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let desk = Desk::open(&collector.variables("http/protobuf"));
    desk.client.get(desk.service.url("/health")).send().unwrap();
    let body = || desk.client.post(desk.service.url("/process")).header("content-type", "image/png");
    assert_eq!(body().body(picture()).send().unwrap().status(), 200);
    assert_eq!(body().body("no picture").send().unwrap().status(), 422);
    assert_eq!(desk.health(), 200);
    let spans = collector.spans_with(|spans| spans.iter().any(|span| span.name == "GET /health"));
    let probes = spans.iter().filter(|span| span.name == "GET /health");
    assert_eq!(probes.map(|span| &*span.trace).collect::<Vec<_>>(), [TRACE]);
    let requests: Vec<_> = spans.iter().filter(|span| span.name == "POST /process").collect();
    let codes = requests.iter().map(|span| span.fact("http.response.status_code"));
    assert_eq!(codes.collect::<Vec<_>>(), ["Int(200)", "Int(422)"]);
    assert_eq!(requests[1].fact("error.type"), "Str(PROCESSING_ERROR)");
    assert_below(requests[0], &spans, &["admit", "queue wait", "decode", "encode"]);
}

#[test]
fn receivers_are_told_of_the_trace_where_it_is_wanted() {
    let wanted = ("HUEMILL__OUTBOUND__PROPAGATE_TRACE".to_owned(), "true".to_owned());
    let desk = Desk::open(std::slice::from_ref(&wanted));
    desk.submit(Some(&traceparent("01")));
    desk.delivered(1);
    assert_eq!(desk.receiver.requests()[0].header("traceparent"), traceparent("01"));

    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let desk = Desk::open(&[collector.variables("http/protobuf"), vec![wanted]].concat());
    desk.submit(None);
    let spans = collector.spans_with(|spans| spans.iter().any(|span| span.name == "webhook"));
    let webhook = named(&spans, "webhook");
    let told = desk.receiver.requests()[0].header("traceparent").to_owned();
    assert_eq!(told, format!("00-{}-{}-01", webhook.trace, webhook.id));
}

#[test]
fn a_job_is_recorded_where_its_request_was_whatever_the_odds() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path());
    let odds = [("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0")];
    let odds = odds.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let desk = Desk::open(&[collector.variables("http/protobuf"), odds.into()].concat());
    desk.submit(None);
    desk.delivered(1);
    let job = desk.submit(Some(&traceparent("01")));
    let ends = ["POST /jobs", "job picture", "webhook"];
    let spans =
        collector.spans_with(|spans| ends.iter().all(|end| spans.iter().any(|span| span.name == *end)));
    assert_eq!(named(&spans, "POST /jobs").trace, TRACE);
    for end in ["job picture", "webhook"] {
        assert_eq!(named(&spans, end).fact("huemill.job.id"), format!("Str({job})"));
    }
    assert_eq!(spans.iter().filter(|span| ends.contains(&&*span.name)).count(), 3, "{spans:#?}");
}
