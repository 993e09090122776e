//! The table of routes: each path's template, its methods, and whether users or operators call it. Labels of metrics and
//! logs, `Allow` headers and the registration of handlers all come from this table.

use actix_web::http::{Method, header};
use actix_web::web::{self, Data, Payload};
use actix_web::{HttpRequest, HttpResponse, Resource};
use huemill_actors::fault::{Code, Fault};
use huemill_store::store::Role;

use super::problem::Problem;
use super::state::Edge;

/// The label of a request that matches no route.
pub(crate) const UNMATCHED: &str = "unmatched";

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// The path's template, which is also its label.
    pub path: &'static str,
    /// The `Allow` header's value.
    pub allow: &'static str,
    /// Whether users call it. Only these routes count in the service level objectives.
    pub users: bool,
}

/// Processes one picture.
pub(crate) const PROCESS: Route = Route { path: "/process", allow: "POST, OPTIONS", users: true };
/// Processes a ZIP of pictures.
pub(crate) const PROCESS_ZIP: Route = Route { path: "/process_zip", allow: "POST, OPTIONS", users: true };
/// Downloads a picture.
pub(crate) const FETCH_URL: Route = Route { path: "/fetch_url", allow: "POST, OPTIONS", users: true };
/// Liveness.
pub(crate) const HEALTH: Route = Route { path: "/health", allow: "GET, HEAD, OPTIONS", users: false };
/// Readiness.
pub(crate) const READY: Route = Route { path: "/ready", allow: "GET, HEAD, OPTIONS", users: false };
/// Metrics for Prometheus.
pub(crate) const METRICS: Route = Route { path: "/metrics", allow: "GET, HEAD, OPTIONS", users: false };

/// Creates a job; lists jobs for the operator.
pub(crate) const JOBS: Route = Route { path: "/jobs", allow: "GET, HEAD, POST, OPTIONS", users: true };
/// A job's status, and its deletion.
pub(crate) const JOB: Route = Route { path: "/jobs/{id}", allow: "GET, HEAD, DELETE, OPTIONS", users: true };
/// A job's changes as an event stream.
pub(crate) const JOB_EVENTS: Route =
    Route { path: "/jobs/{id}/events", allow: "GET, HEAD, OPTIONS", users: true };
/// Cancels a job.
pub(crate) const JOB_CANCEL: Route = Route { path: "/jobs/{id}/cancel", allow: "POST, OPTIONS", users: true };
/// All results of a job.
pub(crate) const JOB_RESULTS: Route =
    Route { path: "/jobs/{id}/results.zip", allow: "GET, HEAD, OPTIONS", users: true };
/// One card of a job.
pub(crate) const JOB_CARD: Route =
    Route { path: "/jobs/{id}/results/{n}/card", allow: "GET, HEAD, OPTIONS", users: true };

/// Retries pictures that failed because of the service, for the operator.
pub(crate) const JOB_RETRY: Route = Route { path: "/jobs/{id}/retry", allow: "POST, OPTIONS", users: false };

/// Lists webhook deliveries for the operator.
pub(crate) const DELIVERIES: Route =
    Route { path: "/webhooks/deliveries", allow: "GET, HEAD, OPTIONS", users: false };
/// Sends a webhook again.
pub(crate) const REDELIVER: Route =
    Route { path: "/webhooks/deliveries/{id}/redeliver", allow: "POST, OPTIONS", users: false };

/// Lists the processes that share the store, for the operator.
pub(crate) const PROCESSES: Route = Route { path: "/processes", allow: "GET, HEAD, OPTIONS", users: false };
/// Shows what is paused in the queue, for the operator.
pub(crate) const QUEUE: Route = Route { path: "/queue", allow: "GET, HEAD, OPTIONS", users: false };
/// Pauses the queue.
pub(crate) const QUEUE_PAUSE: Route = Route { path: "/queue/pause", allow: "POST, OPTIONS", users: false };
/// Resumes the queue.
pub(crate) const QUEUE_RESUME: Route = Route { path: "/queue/resume", allow: "POST, OPTIONS", users: false };

/// All routes.
pub(crate) const ALL: [Route; 19] = [
    PROCESS,
    PROCESS_ZIP,
    FETCH_URL,
    JOBS,
    JOB,
    JOB_EVENTS,
    JOB_CANCEL,
    JOB_RETRY,
    JOB_RESULTS,
    JOB_CARD,
    DELIVERIES,
    REDELIVER,
    PROCESSES,
    QUEUE,
    QUEUE_PAUSE,
    QUEUE_RESUME,
    HEALTH,
    READY,
    METRICS,
];

/// `Allow` for a path without a route: every method that the service supports.
pub(crate) const ALLOW_ANYWHERE: &str = "GET, HEAD, POST, DELETE, OPTIONS";

/// The route with this template.
#[must_use]
pub(crate) fn for_template(template: &str) -> Option<Route> {
    ALL.into_iter().find(|route| route.path == template)
}

/// The route that a request's path matches. A name in braces matches any one segment that is not empty.
#[must_use]
pub(crate) fn for_path(path: &str) -> Option<Route> {
    let matches = |template: &str| {
        let (mut segments, mut names) = (path.split('/'), template.split('/'));
        loop {
            match (segments.next(), names.next()) {
                (None, None) => return true,
                (Some(segment), Some(name)) if segment == name => {}
                (Some(segment), Some(name)) if name.starts_with('{') && !segment.is_empty() => {}
                _ => return false,
            }
        }
    };
    ALL.into_iter().find(|route| matches(route.path))
}

/// A method's label, from a closed set.
#[must_use]
pub(crate) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "OTHER",
    }
}

/// Whether a method is answered with 404 rather than 405 on a path without a route.
fn is_known(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::HEAD
            | Method::POST
            | Method::OPTIONS
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
    )
}

/// A resource that answers methods without a handler with 405 and the route's `Allow`.
pub(crate) fn resource(route: Route) -> Resource {
    let other = move |request: HttpRequest, payload: Payload, edge: Data<Edge>| async move {
        edge.signatures.verify_unhandled(&request, payload).await?;
        Ok::<_, Problem>(method_not_allowed(route.allow))
    };
    web::resource(route.path).default_service(web::to(other))
}

/// Answers a path without a route: 405 if the service supports the method nowhere, otherwise 404.
pub(crate) async fn not_found(
    request: HttpRequest,
    payload: Payload,
    edge: Data<Edge>,
) -> Result<HttpResponse, Problem> {
    edge.signatures.verify_unhandled(&request, payload).await?;
    if !is_known(request.method()) {
        return Ok(method_not_allowed(ALLOW_ANYWHERE));
    }
    let fault = Fault::new(Code::NotFound);
    let fault = match edge.role {
        Role::All | Role::Web => fault,
        Role::Worker => fault.with_message(
            "This process works on jobs and answers no requests. Send them to one with the role web or all.",
        ),
    };
    Ok(Problem(fault).into_response())
}

fn method_not_allowed(allow: &'static str) -> HttpResponse {
    let mut response = Problem::from(Code::MethodNotAllowed).into_response();
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allow));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_matches_its_template() {
        for (path, template) in [
            ("/jobs", Some("/jobs")),
            ("/jobs/job_1", Some("/jobs/{id}")),
            ("/jobs/x%2Fy", Some("/jobs/{id}")),
            ("/jobs/job_1/events", Some("/jobs/{id}/events")),
            ("/jobs/job_1/results/7/card", Some("/jobs/{id}/results/{n}/card")),
            ("/fetch_url", Some("/fetch_url")),
            ("/webhooks/deliveries", Some("/webhooks/deliveries")),
            ("/webhooks/deliveries/dlv_1/redeliver", Some("/webhooks/deliveries/{id}/redeliver")),
            ("/webhooks/deliveries/dlv_1", None),
            ("/jobs/job_1/retry", Some("/jobs/{id}/retry")),
            ("/queue/pause", Some("/queue/pause")),
            ("/queue/stop", None),
            ("/jobs/", None),
            ("//jobs", None),
            ("/jobs//events", None),
            ("/jobs/job_1/", None),
            ("/jobs/job_1/nothing", None),
            ("/jobs/{id}/results/{n}", None),
            ("/JOBS", None),
            ("", None),
        ] {
            assert_eq!(for_path(path).map(|route| route.path), template, "{path}");
        }
    }

    #[test]
    fn a_template_matches_itself() {
        for route in ALL {
            assert_eq!(for_template(route.path), Some(route));
            assert_eq!(for_path(route.path), Some(route));
        }
    }
}
