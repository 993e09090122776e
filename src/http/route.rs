//! The one table of routes: path, methods, and whether it is the users' or the operators'.
//!
//! Labels of metrics and logs, `Allow` headers and registration all come from here.

use actix_web::http::Method;

/// The label of a request that no route took.
pub(crate) const UNMATCHED: &str = "unmatched";

/// What a path offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// The path's template, which is its label too.
    pub path: &'static str,
    /// `Allow`, as the header spells it.
    pub allow: &'static str,
    /// Whether users call it: those routes alone count in the service's objectives.
    pub users: bool,
}

/// One picture.
pub(crate) const PROCESS: Route = Route { path: "/process", allow: "POST, OPTIONS", users: true };
/// A ZIP of pictures.
pub(crate) const PROCESS_ZIP: Route = Route { path: "/process_zip", allow: "POST, OPTIONS", users: true };
/// What a URL leads to.
pub(crate) const FETCH_URL: Route = Route { path: "/fetch_url", allow: "POST, OPTIONS", users: true };
/// Liveness.
pub(crate) const HEALTH: Route = Route { path: "/health", allow: "GET, HEAD, OPTIONS", users: false };
/// Readiness.
pub(crate) const READY: Route = Route { path: "/ready", allow: "GET, HEAD, OPTIONS", users: false };
/// Prometheus' scrape.
pub(crate) const METRICS: Route = Route { path: "/metrics", allow: "GET, HEAD, OPTIONS", users: false };

/// Jobs: creation, and the operator's list.
pub(crate) const JOBS: Route = Route { path: "/jobs", allow: "GET, HEAD, POST, OPTIONS", users: true };
/// One job's status, and its deletion.
pub(crate) const JOB: Route = Route { path: "/jobs/{id}", allow: "GET, HEAD, DELETE, OPTIONS", users: true };
/// A job's changes as they come.
pub(crate) const JOB_EVENTS: Route =
    Route { path: "/jobs/{id}/events", allow: "GET, HEAD, OPTIONS", users: true };
/// The end of a job at its owner's wish.
pub(crate) const JOB_CANCEL: Route = Route { path: "/jobs/{id}/cancel", allow: "POST, OPTIONS", users: true };
/// All of a job's results.
pub(crate) const JOB_RESULTS: Route =
    Route { path: "/jobs/{id}/results.zip", allow: "GET, HEAD, OPTIONS", users: true };
/// One card of a job.
pub(crate) const JOB_CARD: Route =
    Route { path: "/jobs/{id}/results/{n}/card", allow: "GET, HEAD, OPTIONS", users: true };

/// Another try at pictures that failed through a fault of the service's, for the operator.
pub(crate) const JOB_RETRY: Route = Route { path: "/jobs/{id}/retry", allow: "POST, OPTIONS", users: false };

/// What was told of jobs' ends, to whom: the operator's list.
pub(crate) const DELIVERIES: Route =
    Route { path: "/webhooks/deliveries", allow: "GET, HEAD, OPTIONS", users: false };
/// One of them sent anew.
pub(crate) const REDELIVER: Route =
    Route { path: "/webhooks/deliveries/{id}/redeliver", allow: "POST, OPTIONS", users: false };

/// The processes that share the store, for the operator.
pub(crate) const PROCESSES: Route = Route { path: "/processes", allow: "GET, HEAD, OPTIONS", users: false };
/// What of the queue is paused, for the operator.
pub(crate) const QUEUE: Route = Route { path: "/queue", allow: "GET, HEAD, OPTIONS", users: false };
/// Pauses the queue.
pub(crate) const QUEUE_PAUSE: Route = Route { path: "/queue/pause", allow: "POST, OPTIONS", users: false };
/// Resumes it.
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

/// `Allow` where no route is: what the service takes at all.
pub(crate) const ALLOW_ANYWHERE: &str = "GET, HEAD, POST, DELETE, OPTIONS";

/// The route of this template.
#[must_use]
pub(crate) fn at(template: &str) -> Option<Route> {
    ALL.into_iter().find(|route| route.path == template)
}

/// The route that a request's path leads to: where a template has a name in braces, any one step goes.
#[must_use]
pub(crate) fn of(path: &str) -> Option<Route> {
    let leads_to = |template: &str| {
        let (mut steps, mut names) = (path.split('/'), template.split('/'));
        loop {
            match (steps.next(), names.next()) {
                (None, None) => return true,
                (Some(step), Some(name)) if step == name => {}
                (Some(step), Some(name)) if name.starts_with('{') && !step.is_empty() => {}
                _ => return false,
            }
        }
    };
    ALL.into_iter().find(|route| leads_to(route.path))
}

/// A method's label, out of a closed set.
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

/// Whether the service takes this method at any path.
#[must_use]
pub(crate) fn takes(method: &Method) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_template() {
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
            assert_eq!(of(path).map(|route| route.path), template, "{path}");
        }
    }

    #[test]
    fn a_template_leads_to_itself() {
        for route in ALL {
            assert_eq!(at(route.path), Some(route));
            assert_eq!(of(route.path), Some(route));
        }
    }
}
