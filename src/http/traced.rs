//! A request's span, in the terms of OpenTelemetry's conventions for HTTP servers. Paths are told as templates, since
//! a raw one may hold what is nobody's business; and what operators' probes ask is traced only where they say so.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;
use huemill_observability::trace::{self, KeyValue, Scope, Span, SpanKind};

use super::request_id::RequestId;
use super::route;

/// The span of a request that begins now, in the trace of its caller where it names one.
pub(super) fn begin(request: &ServiceRequest, id: &RequestId) -> Span {
    let scope = caller(request.headers()).unwrap_or_default().of_request(id.as_str());
    let route = route::of(request.path());
    if !scope.is_traced() && !route.is_some_and(|route| route.users) {
        return Span::of(scope);
    }
    let method = method(route::method_label(request.method()));
    trace::begin(scope, method, SpanKind::Server, || {
        [
            KeyValue::new("http.request.method", method),
            KeyValue::new("url.scheme", "http"),
            KeyValue::new("huemill.request_id", id.as_str().to_owned()),
        ]
    })
}

/// What is known when the answer has been written. `answered` is none where the client went away before, `bytes` are
/// those of both bodies.
pub(super) fn end(
    span: &Span,
    label: &'static str,
    endpoint: &'static str,
    answered: Option<u16>,
    error_code: Option<&'static str>,
    bytes: (i64, i64),
) {
    if endpoint != route::UNMATCHED {
        span.rename(|| format!("{} {endpoint}", method(label)));
        span.set("http.route", endpoint);
        span.set("url.path", endpoint);
    }
    span.set("http.request.body.size", bytes.0);
    span.set("http.response.body.size", bytes.1);
    let Some(status) = answered else { return span.set("error.type", "client_gone") };
    span.set("http.response.status_code", i64::from(status));
    match error_code {
        // To a server, a client's mistake is no failure.
        Some(code) if status < 500 => span.set("error.type", code),
        Some(code) => span.fail(code),
        None => {}
    }
}

fn method(label: &'static str) -> &'static str {
    if label == "OTHER" { "_OTHER" } else { label }
}

fn caller(headers: &HeaderMap) -> Option<Scope> {
    let parent = headers.get("traceparent")?.to_str().ok()?;
    let state: Vec<&str> = headers.get_all("tracestate").filter_map(|state| state.to_str().ok()).collect();
    let state = state.join(",");
    let scope = Scope::of_caller(parent, Some(&*state).filter(|state| !state.is_empty()));
    scope.is_traced().then_some(scope)
}
