//! The middleware: everything that happens to each request outside of its handler. The layers, from the outside in:
//! request id, client, log and metrics, span, error body, CORS, access, body rate. One function runs them in that order.

mod answer_body;
pub(crate) mod body_rate;
mod compression;
pub(crate) mod cors;
pub(crate) mod request_log;
mod request_span;

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{ConnectionType, Method, Version};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::rates::Counted;

use super::connection::{ConnectionInfo, Pipeline, StreamGuard, Surface};
use super::context::Context;
use super::problem::{self, OwnErrorBody, Problem};
use super::request_id::{self, RequestId};
use super::route::{self, Audience, Route};
use super::state::Edge;
use super::upload::spec;
use answer_body::{LoggedBody, StreamBody};
use body_rate::RateLimitedBody;
use cors::Cors;
use request_log::RequestLog;

/// The largest head of an HTTP/2 request, as in HTTP/1.
const MAX_HEADERS: usize = 96;
const MAX_HEAD_BYTES: usize = 131_072;

/// What a browser may do with an answer that it opens as a page, unless the answer says so itself: show it, and nothing
/// else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Runs all layers around the application.
pub(crate) async fn layers(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<StreamBody>, Error> {
    let edge =
        request.app_data::<Data<Edge>>().cloned().ok_or_else(|| Problem(Code::InternalError.into()))?;
    let route = route::of(request.match_info());
    request.extensions_mut().insert(route::Checked(route));
    let in_flight = route.filter(|route| route.users).map(|_| edge.stats.begin_request());
    let client = edge.proxies.client_of(&request);
    let context = Context::new(RequestId::of(request.headers(), &mut rand::rng()), client, in_flight);
    request.extensions_mut().insert(context.clone());
    limit_body_rate(&mut request, &edge, &context);
    let pipeline = connection(&request).map(|connection| connection.pipeline.clone());
    let turn = pipeline.as_ref().map(Pipeline::begin);
    let span = request_span::begin(&request, &context.id);
    let scope = span.scope();
    let mut log = RequestLog::begin(&request, context.clone(), &edge, span);

    let admitted = admit(&request, route, &edge, &context).await;
    let begun =
        admitted.and_then(|()| refuse_encoded_body(&request, route)).and_then(|()| begin_stream(&request));
    let (stream, refused) = begun.map_or_else(|fault| (None, Some(fault)), |stream| (stream, None));
    let (raw, response, pattern) = if let Some(fault) = refused {
        let (raw, _) = request.into_parts();
        (raw, Problem(fault).into_response(), route.map(|route| route.path.to_owned()))
    } else if request.method() == Method::OPTIONS {
        let allow = route.map_or(route::ALLOW_ANYWHERE, |route| route.allow);
        let (raw, _) = request.into_parts();
        let response = Cors::preflight(raw.headers(), allow);
        (raw, response, route.map(|route| route.path.to_owned()))
    } else {
        // Do not clone the request before it is routed: the router needs the only reference.
        let (raw, response) = scope.run(next.call(request)).await?.into_parts();
        let pattern = raw.match_pattern();
        (raw, response.map_into_boxed_body(), pattern)
    };
    let endpoint =
        pattern.as_deref().and_then(route::for_template).map_or(route::UNMATCHED, |route| route.path);

    // If the handler failed, nothing is held any more while its answer is sent.
    drop(context.take_admission());
    let (response, fault) = write_error_body(response, &context);
    let mut response = add_headers(response, raw.headers(), &context, &edge.cors);
    if response.status().is_success() {
        context.discard_received().await;
    }
    if let Some(pipeline) = &pipeline {
        let is_last = edge.drain.is_announced() || !context.has_whole_body();
        close_after(&raw, &mut response, is_last, pipeline);
    }
    let response = compression::compress(response, raw.headers(), raw.method(), endpoint);
    log.answered(endpoint, response.status(), fault);
    let response = response.map_body(|_, body| StreamBody::new(LoggedBody::new(body, log), stream, turn));
    Ok(ServiceResponse::new(raw, response))
}

/// What is known of a request's connection.
fn connection(request: &ServiceRequest) -> Option<&ConnectionInfo> {
    request.request().conn_data::<ConnectionInfo>()
}

/// Takes the place of a request that shares its connection with others. Its head is limited here: that of HTTP/1 is
/// limited by the parser.
///
/// # Errors
/// `INVALID_INPUT` if the head is too large, or there is no place.
fn begin_stream(request: &ServiceRequest) -> Result<Option<StreamGuard>, Fault> {
    let Some(streams) = connection(request).and_then(|connection| connection.streams.as_ref()) else {
        return Ok(None);
    };
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MAX_HEADERS || bytes > MAX_HEAD_BYTES {
        let cause = format!("{} headers, {bytes} bytes", headers.len());
        return Err(problem::invalid("The request has too many or too long headers.").with_cause(cause));
    }
    streams.begin().map(Some)
}

/// Closes the connection after its last answer: one while the service drains, so that clients go to the next process before
/// their connection ends between two requests; one to a request whose body was not read to its end, because what follows may
/// be the rest of that body; and one whose client wants that or asks for another protocol, after which actix reads no more.
fn close_after(
    request: &HttpRequest,
    response: &mut HttpResponse<BoxBody>,
    is_last: bool,
    pipeline: &Pipeline,
) {
    if request.version() == Version::HTTP_2 {
        return;
    }
    if is_last || request.head().connection_type() != ConnectionType::KeepAlive {
        response.head_mut().set_connection_type(ConnectionType::Close);
        pipeline.close();
    }
}

/// Whether a request of HTTP/2 has no body: there, every request has a stream for one.
fn is_bodiless(request: &ServiceRequest, declared: Option<u64>) -> bool {
    let has_stream = request.version() == Version::HTTP_2;
    has_stream
        && declared.is_none()
        && matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Identifies who sends a request, and counts it. One whose credential is refused counts as its address's.
async fn admit(
    request: &ServiceRequest,
    route: Option<Route>,
    edge: &Edge,
    context: &Context,
) -> Result<(), Fault> {
    let surface = Surface::of(request.request());
    let audience =
        route.map_or(Audience::Everyone, |route| edge.access.audience(&route, request.method(), surface));
    let identity = edge.access.identify(audience, request.headers(), request.query_string()).await;
    let refused = identity.map(|identity| context.identified(identity)).err();
    // Probes, operators and preflights are never limited: a browser shows its page no error of a preflight.
    let is_preflight = request.method() == Method::OPTIONS;
    let is_counted = route.is_none_or(|route| route.users) && surface != Surface::Operations && !is_preflight;
    if refused.is_some() || is_counted {
        edge.rates.count(context.caller(), context.identity().limits(), Counted::Request)?;
    }
    refused.map_or(Ok(()), Err)
}

/// Refuses a body that is compressed. Unpacking it would be a way around the limits of uploads, and reading it as it is
/// would call it damaged.
///
/// # Errors
/// `UNSUPPORTED_MEDIA_TYPE` that names the header.
fn refuse_encoded_body(request: &ServiceRequest, route: Option<Route>) -> Result<(), Fault> {
    let has_body = route.is_some_and(|route| route.allows(request.method()))
        && !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let mut encodings = request.headers().get_all(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
    let is_identity = |value: &[u8]| {
        let value = value.trim_ascii();
        value.is_empty() || value.eq_ignore_ascii_case(b"identity")
    };
    let Some(encoding) = encodings.find(|value| !is_identity(value)).filter(|_| has_body) else {
        return Ok(());
    };
    let known = ["gzip", "x-gzip", "deflate", "br", "zstd", "compress"];
    let name = known.iter().find(|name| encoding.trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
    let name = name.map_or(String::new(), |name| format!(": {name}"));
    Err(Fault::new(Code::UnsupportedMediaType)
        .with_message("This upload is compressed in a way that is not supported.")
        .with_detail(format!(
            "The request has a Content-Encoding{name}, which is not supported. Send the body as it is, without one."
        ))
        .with_cause("the request has a Content-Encoding"))
}

/// Replaces the request's body with one that enforces the minimum rate and, for signed routes, is hashed.
fn limit_body_rate(request: &mut ServiceRequest, edge: &Edge, context: &Rc<Context>) {
    if edge.signatures.are_required_for(request.method(), request.path()) {
        context.hash_body();
    }
    let inner = request.take_payload();
    let declared = spec::declared_length(request.headers());
    if matches!(inner, Payload::None) || is_bodiless(request, declared) {
        context.body_ended();
        request.set_payload(inner);
        return;
    }
    let is_malformed = connection(request).map(|connection| connection.is_malformed.clone());
    let body = RateLimitedBody::new(inner, edge.body_rate.of(declared), context.clone());
    let payload = Box::pin(body.of_connection(is_malformed));
    request.set_payload(Payload::Stream { payload });
}

/// Writes the standard error body if the response is an error. Also returns the fault, for the log.
fn write_error_body(
    response: HttpResponse<BoxBody>,
    context: &Context,
) -> (HttpResponse<BoxBody>, Option<Fault>) {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if !is_error || response.extensions().get::<OwnErrorBody>().is_some() {
        return (response, None);
    }
    let raised = response.extensions().get::<Fault>().cloned();
    // If the body was cut off, whatever the handler made of it is a consequence.
    let fault = context.body_fault().or(raised).unwrap_or_else(|| match response.error() {
        Some(error) => problem::of_status(status).with_cause(error),
        None => problem::of_status(status),
    });
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    (problem::write(response, &fault, &context.id, now), Some(fault))
}

fn add_headers(
    mut response: HttpResponse<BoxBody>,
    request: &header::HeaderMap,
    context: &Context,
    cors: &Cors,
) -> HttpResponse<BoxBody> {
    let headers = response.headers_mut();
    headers.insert(request_id::HEADER, context.id.header_value());
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Addresses of jobs and links are secrets: no browser may pass them on to the next page.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    }
    cors.add_headers(request, headers);
    response
}
