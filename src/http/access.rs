//! The outermost layer of every request: its id, its trace, its body's pace, its answer's headers, the one error shape,
//! and, when the answer has been written to its end, the log line and the metrics.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse};
use huemill_actors::fault::{Code, Fault};

use super::context::Context;
use super::cors::Cors;
use super::doors::Doors;
use super::finish::{Finish, Observed};
use super::pace::PacedPayload;
use super::request_id::{self, RequestId};
use super::{problem, route, traced};

/// Wraps the whole application: see the module.
pub(crate) async fn layer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<Observed>, Error> {
    let doors = request
        .app_data::<Data<Doors>>()
        .cloned()
        .ok_or_else(|| problem::Problem(Code::InternalError.into()))?;
    let users = route::of(request.path()).filter(|route| route.users).map(|_| doors.pulse.begin());
    let context = Context::new(RequestId::of(request.headers(), &mut rand::rng()), users);
    request.extensions_mut().insert(context.clone());
    watch_body(&mut request, &doors, &context);
    let span = traced::begin(&request, &context.id);
    let scope = span.scope();
    let mut finish = Finish::begin(&request, context.clone(), &doors, span);

    let (raw, response, pattern) = if request.method() == Method::OPTIONS {
        let route = route::of(request.path());
        let allow = route.map_or(route::ALLOW_ANYWHERE, |route| route.allow);
        let (raw, _) = request.into_parts();
        (raw, Cors::preflight(allow), route.map(|route| route.path.to_owned()))
    } else {
        // The request must not be cloned before it is routed: the router wants it for itself alone.
        let (raw, response) = scope.run(next.call(request)).await?.into_parts();
        let pattern = raw.match_pattern();
        (raw, response.map_into_boxed_body(), pattern)
    };
    let endpoint = pattern.as_deref().and_then(route::at).map_or(route::UNMATCHED, |route| route.path);

    let (response, fault) = shaped(response, &context);
    let response = marked(response, raw.headers(), &context, &doors.cors);
    finish.answered(endpoint, response.status(), fault);
    Ok(ServiceResponse::new(raw, response.map_body(|_, body| Observed::new(body, finish))))
}

/// Puts the paced reader between the connection and whoever reads the body.
fn watch_body(request: &mut ServiceRequest, doors: &Doors, context: &Rc<Context>) {
    if doors.signatures.guards(request.method(), request.path()) {
        context.hash_body();
    }
    let inner = request.take_payload();
    if matches!(inner, Payload::None) {
        context.body_ended();
        return;
    }
    let payload = Box::pin(PacedPayload::new(inner, doors.pace, context.clone()));
    request.set_payload(Payload::Stream { payload });
}

/// The answer, with the one error shape where it is an error; and its fault, for the log.
fn shaped(response: HttpResponse<BoxBody>, context: &Context) -> (HttpResponse<BoxBody>, Option<Fault>) {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_own_verdict(&response) {
        return (response, None);
    }
    let own = response.extensions().get::<Fault>().cloned();
    let fault = match own {
        _ if context.was_too_slow() => Code::RequestTimeout.into(),
        Some(fault) => fault,
        None => match response.error() {
            Some(error) => problem::of_status(status).with_cause(error),
            None => problem::of_status(status),
        },
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    (problem::write(response, &fault, &context.id, now), Some(fault))
}

/// /ready answers 503 with a body of its own.
fn is_own_verdict(response: &HttpResponse<BoxBody>) -> bool {
    response.status() == StatusCode::SERVICE_UNAVAILABLE && response.extensions().get::<Verdict>().is_some()
}

/// Left with a response whose body is a verdict, not an error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict;

fn marked(
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
    cors.mark(request, headers);
    response
}
