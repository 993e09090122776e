//! The table of routes: each path's template, its methods, who may call it, and whether it counts in the service level
//! objectives. Labels of metrics and logs, `Allow` headers and the registration of handlers all come from this table.

use actix_web::dev::{Path, Url};
use actix_web::http::Method;
use huemill_store::access_key::Scope;

/// The label of a request that matches no route.
pub(crate) const UNMATCHED: &str = "unmatched";

/// Who a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Anybody.
    Everyone,
    /// Holders of a key with this scope; in open mode, anybody.
    Users(Scope),
    /// The same, or whoever has a signed link.
    Linked(Scope),
    /// Holders of a key with this scope, for what is theirs; in open mode, the operator.
    Owners(Scope),
    /// The operator.
    Operators,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// The path's template, which is also its label.
    pub path: &'static str,
    /// The `Allow` header's value.
    pub allow: &'static str,
    /// Whether users call it. Only these routes count in the service level objectives.
    pub users: bool,
    /// Who may read.
    pub read: Audience,
    /// Who may change something.
    pub write: Audience,
}

impl Route {
    /// Whether the route has this method.
    pub(crate) fn allows(&self, method: &Method) -> bool {
        self.allow.split(", ").any(|allowed| allowed == method.as_str())
    }
}

/// Defines a constant for each route, and [`ALL`].
macro_rules! routes {
    ($($(#[$doc:meta])* $name:ident: $path:literal, $allow:literal, users = $users:literal, read = $read:expr, write = $write:expr;)+) => {
        $($(#[$doc])* pub(crate) const $name: Route =
            Route { path: $path, allow: $allow, users: $users, read: $read, write: $write };)+
        /// All routes.
        pub(crate) const ALL: &[Route] = &[$($name),+];
    };
}

use Audience::{Everyone, Linked, Operators, Owners, Users};

routes! {
    /// Processes one picture.
    PROCESS: "/process", "POST, OPTIONS", users = true,
        read = Everyone, write = Users(Scope::Process);
    /// Processes a ZIP of pictures.
    PROCESS_ZIP: "/process_zip", "POST, OPTIONS", users = true,
        read = Everyone, write = Users(Scope::Process);
    /// Downloads a picture.
    FETCH_URL: "/fetch_url", "POST, OPTIONS", users = true,
        read = Everyone, write = Users(Scope::Process);
    /// Creates a job; lists jobs for the operator.
    JOBS: "/jobs", "GET, HEAD, POST, OPTIONS", users = true,
        read = Owners(Scope::JobsRead), write = Users(Scope::JobsWrite);
    /// A job's status, and its deletion.
    JOB: "/jobs/{id}", "GET, HEAD, DELETE, OPTIONS", users = true,
        read = Users(Scope::JobsRead), write = Users(Scope::JobsWrite);
    /// A job's changes as an event stream.
    JOB_EVENTS: "/jobs/{id}/events", "GET, HEAD, OPTIONS", users = true,
        read = Users(Scope::JobsRead), write = Everyone;
    /// Cancels a job.
    JOB_CANCEL: "/jobs/{id}/cancel", "POST, OPTIONS", users = true,
        read = Everyone, write = Users(Scope::JobsWrite);
    /// Retries pictures that failed because of the service, for the operator.
    JOB_RETRY: "/jobs/{id}/retry", "POST, OPTIONS", users = false,
        read = Everyone, write = Operators;
    /// The settled pictures of a job, some at a time.
    JOB_PICTURES: "/jobs/{id}/results", "GET, HEAD, OPTIONS", users = true,
        read = Users(Scope::JobsRead), write = Everyone;
    /// All results of a job.
    JOB_RESULTS: "/jobs/{id}/results.zip", "GET, HEAD, OPTIONS", users = true,
        read = Linked(Scope::JobsRead), write = Everyone;
    /// One card of a job.
    JOB_CARD: "/jobs/{id}/results/{n}/card", "GET, HEAD, OPTIONS", users = true,
        read = Linked(Scope::JobsRead), write = Everyone;
    /// The palette of one picture of a job as a file.
    JOB_PALETTE: "/jobs/{id}/results/{n}/{palette}", "GET, HEAD, OPTIONS", users = true,
        read = Linked(Scope::JobsRead), write = Everyone;
    /// All results of a job, by a link.
    LINK_RESULTS: "/links/{link_id}/results.zip", "GET, HEAD, OPTIONS", users = true,
        read = Everyone, write = Everyone;
    /// One card of a job, by a link.
    LINK_CARD: "/links/{link_id}/cards/{n}", "GET, HEAD, OPTIONS", users = true,
        read = Everyone, write = Everyone;
    /// A job's changes as an event stream, by a link.
    LINK_EVENTS: "/links/{link_id}/events", "GET, HEAD, OPTIONS", users = true,
        read = Everyone, write = Everyone;
    /// Lists webhook deliveries for the operator.
    DELIVERIES: "/webhooks/deliveries", "GET, HEAD, OPTIONS", users = false,
        read = Owners(Scope::Webhooks), write = Everyone;
    /// Sends a webhook again.
    REDELIVER: "/webhooks/deliveries/{id}/redeliver", "POST, OPTIONS", users = false,
        read = Everyone, write = Owners(Scope::Webhooks);
    /// Lists the processes that share the store, for the operator.
    PROCESSES: "/processes", "GET, HEAD, OPTIONS", users = false,
        read = Operators, write = Everyone;
    /// Shows what is paused in the queue, for the operator.
    QUEUE: "/queue", "GET, HEAD, OPTIONS", users = false,
        read = Operators, write = Everyone;
    /// Pauses the queue.
    QUEUE_PAUSE: "/queue/pause", "POST, OPTIONS", users = false,
        read = Everyone, write = Operators;
    /// Resumes the queue.
    QUEUE_RESUME: "/queue/resume", "POST, OPTIONS", users = false,
        read = Everyone, write = Operators;
    /// Creates and lists access keys.
    KEYS: "/keys", "GET, HEAD, POST, OPTIONS", users = false,
        read = Operators, write = Operators;
    /// Revokes an access key.
    KEY: "/keys/{id}", "DELETE, OPTIONS", users = false,
        read = Everyone, write = Operators;
    /// Replaces an access key.
    KEY_ROTATE: "/keys/{id}/rotate", "POST, OPTIONS", users = false,
        read = Everyone, write = Operators;
    /// Liveness.
    HEALTH: "/health", "GET, HEAD, OPTIONS", users = false,
        read = Everyone, write = Everyone;
    /// Readiness.
    READY: "/ready", "GET, HEAD, OPTIONS", users = false,
        read = Everyone, write = Everyone;
    /// Metrics for Prometheus.
    METRICS: "/metrics", "GET, HEAD, OPTIONS", users = false,
        read = Users(Scope::Operator), write = Everyone;
    /// The web page.
    PAGE: "/", "GET, HEAD, OPTIONS", users = false,
        read = Everyone, write = Everyone;
    /// The API reference as a page.
    DOCS: "/docs", "GET, HEAD, OPTIONS", users = false,
        read = Everyone, write = Everyone;
    /// A file of the pages.
    ASSET: "/assets/{digest}/{file}", "GET, HEAD, OPTIONS", users = false,
        read = Everyone, write = Everyone;
    /// A file of the pages that is in a folder.
    ASSET_IN_FOLDER: "/assets/{digest}/{folder}/{file}", "GET, HEAD, OPTIONS", users = false,
        read = Everyone, write = Everyone;
    /// The OpenAPI document.
    OPENAPI: "/openapi.json", "GET, HEAD, OPTIONS", users = false,
        read = Everyone, write = Everyone;
}

/// The routes of the pages, which browsers call for people and no client does.
#[cfg(test)]
pub(crate) const PAGES: [Route; 4] = [PAGE, DOCS, ASSET, ASSET_IN_FOLDER];

/// `Allow` for a path without a route: every method that the service supports.
pub(crate) const ALLOW_ANYWHERE: &str = "GET, HEAD, POST, DELETE, OPTIONS";

/// The route with this template.
pub(crate) fn for_template(template: &str) -> Option<Route> {
    ALL.iter().copied().find(|route| route.path == template)
}

/// The route that a request's path matches. The path is that which the router matches, with escaped letters decoded: what
/// is checked before a request is routed must be about the route that it is routed to.
pub(crate) fn of(path: &Path<Url>) -> Option<Route> {
    for_path(path.as_str())
}

/// The route that was checked for a request, kept in its extensions. [`resource`](super::resource::resource) answers no
/// request that was checked for another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked(pub Option<Route>);

/// The route that a path matches. A name in braces matches any one segment that is not empty.
fn for_path(path: &str) -> Option<Route> {
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
    ALL.iter().copied().find(|route| matches(route.path))
}

/// A method's label, from a closed set.
pub(crate) fn method_label(method: &Method) -> &'static str {
    const METHODS: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
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
            ("/jobs/job_1/results", Some("/jobs/{id}/results")),
            ("/jobs/job_1/results/7/card", Some("/jobs/{id}/results/{n}/card")),
            ("/jobs/job_1/results/7/palette.css", Some("/jobs/{id}/results/{n}/{palette}")),
            ("/links/x/results.zip", Some("/links/{link_id}/results.zip")),
            ("/links/x/cards/7", Some("/links/{link_id}/cards/{n}")),
            ("/links/x/events", Some("/links/{link_id}/events")),
            ("/links/x", None),
            ("/fetch_url", Some("/fetch_url")),
            ("/webhooks/deliveries", Some("/webhooks/deliveries")),
            ("/webhooks/deliveries/dlv_1/redeliver", Some("/webhooks/deliveries/{id}/redeliver")),
            ("/webhooks/deliveries/dlv_1", None),
            ("/jobs/job_1/retry", Some("/jobs/{id}/retry")),
            ("/queue/pause", Some("/queue/pause")),
            ("/queue/stop", None),
            ("/", Some("/")),
            ("/docs", Some("/docs")),
            ("/assets/0123/app.js", Some("/assets/{digest}/{file}")),
            ("/assets/0123/lib/dom.js", Some("/assets/{digest}/{folder}/{file}")),
            ("/assets/0123/lib/more/dom.js", None),
            ("/assets/0123", None),
            ("/docs/", None),
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
            assert_eq!(for_template(route.path), Some(*route));
            assert_eq!(for_path(route.path), Some(*route));
        }
    }
}
