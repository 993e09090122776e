//! Registers the handlers of a route. Whatever no handler takes is answered here: a method that the route does not have,
//! and a path without a route.

use actix_web::guard::{GuardContext, fn_guard};
use actix_web::http::header;
use actix_web::web::{self, Data, Payload};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder};
use huemill_actors::fault::{Code, Fault};
use huemill_store::store::Role;

use super::problem::Problem;
use super::route::{ALLOW_ANYWHERE, Checked, Route, method_label};
use super::state::Edge;

/// A resource that answers GET and HEAD with one handler: the server sends no body to HEAD.
pub(crate) fn get<A: FromRequest + 'static, H: Handler<A, Output: Responder + 'static>>(
    route: Route,
    handler: H,
) -> Resource {
    resource(route).route(web::get().to(handler.clone())).route(web::head().to(handler))
}

/// A resource that answers POST.
pub(crate) fn post<A: FromRequest + 'static, H: Handler<A, Output: Responder + 'static>>(
    route: Route,
    handler: H,
) -> Resource {
    resource(route).route(web::post().to(handler))
}

/// A resource that answers methods without a handler with 405 and the route's `Allow`. It matches only requests that were
/// checked for this route. If the router ever reads a path in another way than the check, the request is a 404.
pub(crate) fn resource(route: Route) -> Resource {
    let other = move |request: HttpRequest, payload: Payload, edge: Data<Edge>| async move {
        edge.signatures.verify_unhandled(&request, payload).await?;
        Ok::<_, Problem>(method_not_allowed(route.allow))
    };
    let is_checked = move |request: &GuardContext<'_>| {
        request.req_data().get::<Checked>().is_some_and(|checked| checked.0 == Some(route))
    };
    web::resource(route.path).guard(fn_guard(is_checked)).default_service(web::to(other))
}

/// Answers a path without a route: 405 if the service supports the method nowhere, otherwise 404.
pub(crate) async fn not_found(
    request: HttpRequest,
    payload: Payload,
    edge: Data<Edge>,
) -> Result<HttpResponse, Problem> {
    edge.signatures.verify_unhandled(&request, payload).await?;
    if matches!(method_label(request.method()), "TRACE" | "CONNECT" | "OTHER") {
        return Ok(method_not_allowed(ALLOW_ANYWHERE));
    }
    let mut fault = Fault::new(Code::NotFound);
    if edge.role == Role::Worker {
        fault = fault.with_detail(
            "This process only works on jobs. Send requests to a process with the role web or all.",
        );
    }
    Ok(Problem(fault).into_response())
}

fn method_not_allowed(allow: &'static str) -> HttpResponse {
    let mut response = Problem::from(Code::MethodNotAllowed).into_response();
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
    response
}
