//! Records each request as a trace span, with the attributes of OpenTelemetry's conventions for HTTP servers. Paths
//! appear as route templates, because a raw path may hold private data. Requests of operators and probes are traced only
//! if they bring a trace of their own.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;
use huemill_observability::trace::{self, KeyValue, Scope, Span, SpanKind};

use crate::http::request_id::RequestId;
use crate::http::route;

/// Starts a request's span, within the trace that the request names if there is one.
pub(super) fn begin(request: &ServiceRequest, id: &RequestId) -> Span {
    let scope = remote_scope(request.headers()).unwrap_or_default().of_request(id.as_str());
    let route = route::of(request.match_info());
    if !scope.is_traced() && !route.is_some_and(|route| route.users) {
        return Span::of(scope);
    }
    let method = span_method(route::method_label(request.method()));
    trace::begin(scope, method, SpanKind::Server, || {
        [
            KeyValue::new("http.request.method", method),
            KeyValue::new("url.scheme", "http"),
            KeyValue::new("huemill.request_id", id.as_str().to_owned()),
        ]
    })
}

/// Adds what is known once the response has been sent. `status` is `None` if the client disconnected before; `bytes` are
/// the sizes of the request's and the response's body.
pub(super) fn end(
    span: &Span,
    method: &'static str,
    endpoint: &'static str,
    status: Option<u16>,
    error_code: Option<&'static str>,
    bytes: (i64, i64),
) {
    if endpoint != route::UNMATCHED {
        span.rename(|| format!("{} {endpoint}", span_method(method)));
        span.set("http.route", endpoint);
        span.set("url.path", endpoint);
    }
    span.set("http.request.body.size", bytes.0);
    span.set("http.response.body.size", bytes.1);
    let Some(status) = status else { return span.set("error.type", "client_gone") };
    span.set("http.response.status_code", i64::from(status));
    match error_code {
        // A client's mistake does not make the server's span fail.
        Some(code) if status < 500 => span.set("error.type", code),
        Some(code) => span.fail(code),
        None => {}
    }
}

fn span_method(label: &'static str) -> &'static str {
    if label == "OTHER" { "_OTHER" } else { label }
}

/// The trace that the client's headers name.
fn remote_scope(headers: &HeaderMap) -> Option<Scope> {
    let parent = headers.get("traceparent")?.to_str().ok()?;
    let state: Vec<&str> = headers.get_all("tracestate").filter_map(|state| state.to_str().ok()).collect();
    let state = state.join(",");
    let scope = Scope::of_caller(parent, Some(&*state).filter(|state| !state.is_empty()));
    scope.is_traced().then_some(scope)
}
