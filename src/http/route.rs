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
/// Liveness.
pub(crate) const HEALTH: Route = Route { path: "/health", allow: "GET, HEAD, OPTIONS", users: false };
/// Readiness.
pub(crate) const READY: Route = Route { path: "/ready", allow: "GET, HEAD, OPTIONS", users: false };
/// Prometheus' scrape.
pub(crate) const METRICS: Route = Route { path: "/metrics", allow: "GET, HEAD, OPTIONS", users: false };

/// All routes.
pub(crate) const ALL: [Route; 5] = [PROCESS, PROCESS_ZIP, HEALTH, READY, METRICS];

/// `Allow` where no route is: what the service takes at all.
pub(crate) const ALLOW_ANYWHERE: &str = "GET, HEAD, POST, OPTIONS";

/// The route at this template.
#[must_use]
pub(crate) fn at(pattern: &str) -> Option<Route> {
    ALL.into_iter().find(|route| route.path == pattern)
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
