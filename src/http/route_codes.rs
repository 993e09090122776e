//! The error codes and statuses that each route can answer with. The metrics start their series at 0 by this table, so
//! that the first error of a kind is seen as an increase, and no series exists that could never count anything. An answer
//! that is missing here is counted all the same: its series starts with it. The OpenAPI document lists the same codes, and the
//! rare ones.

use actix_web::http::Method;
use huemill_actors::fault::Code;

use super::problem;
use super::route::{self, Audience, Route};

/// What the settings check before a route's own work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checks {
    /// Access keys are in force.
    pub keys: bool,
    /// Requests that change jobs, webhooks or the queue must be signed.
    pub signatures: bool,
}

/// What one route, or `unmatched`, can answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteCodes {
    /// The route's template.
    pub endpoint: &'static str,
    /// The status codes of its good answers and of internal errors, in ascending order. What clients do wrong is told by the
    /// error codes.
    pub statuses: Vec<u16>,
    /// Error codes.
    pub error_codes: Vec<Code>,
}

/// Any route. A method that it does not have is the same mistake everywhere, and no route's own.
const ANY: &[Code] = &[Code::InternalError];
/// Routes that count in the objectives: whatever makes the service refuse, and the rate of a caller.
const USERS: &[Code] = &[Code::Overloaded, Code::NotReady, Code::RateLimited];
/// Routes that use the store.
const STORE: &[Code] = &[Code::Overloaded];
/// Routes with parameters or a body.
const INPUT: &[Code] = &[Code::InvalidInput];
/// Routes with an upload.
const UPLOAD: &[Code] = &[
    Code::NoInput,
    Code::InvalidInput,
    Code::PayloadTooLarge,
    Code::UnsupportedMediaType,
    Code::RequestTimeout,
];
/// Routes that download what a URL leads to.
const DOWNLOAD: &[Code] = &[Code::InvalidUrl, Code::UrlTimeout, Code::UpstreamError];
/// Routes that work on pictures.
const PICTURE: &[Code] = &[Code::ProcessingError];
/// Routes that read an archive.
const ARCHIVE: &[Code] = &[Code::ProcessingError, Code::ZipTraversal];
/// The route that creates jobs.
const NEW_JOB: &[Code] = &[Code::InvalidUrl, Code::IdempotencyViolation, Code::IdempotencyInProgress];
/// Routes of one job.
const JOB: &[Code] = &[Code::JobNotFound, Code::ExpiredJob];
/// Routes of a job's files.
const FILE: &[Code] = &[Code::RangeNotSatisfiable, Code::ExpiredLink, Code::NotFound];
/// The event stream by its link.
const LINK: &[Code] = &[Code::ExpiredLink, Code::NotFound];
/// Routes that honour `If-Match` and `If-Unmodified-Since`.
const CONDITIONAL: &[Code] = &[Code::PreconditionFailed];
/// Routes that only callers whom the service knows may use.
const ACCESS: &[Code] = &[Code::Unauthorized];
/// The same where keys have scopes.
const SCOPES: &[Code] = &[Code::Unauthorized, Code::Forbidden];
/// Routes whose requests must be signed.
const SIGNED: &[Code] = &[
    Code::MissingSignature,
    Code::InvalidTimestamp,
    Code::TimestampOutOfRange,
    Code::NonceReused,
    Code::InvalidSignature,
];

/// The answers of all routes, and of requests that match none.
pub(crate) fn all(checks: Checks) -> Vec<RouteCodes> {
    let unmatched = RouteCodes {
        endpoint: route::UNMATCHED,
        statuses: vec![404, 405],
        error_codes: vec![Code::NotFound, Code::MethodNotAllowed],
    };
    route::ALL.iter().map(|route| of(route, checks)).chain([unmatched]).collect()
}

/// The error codes of one method of a route.
pub(crate) fn of_method(route: &Route, method: &Method, checks: Checks) -> Vec<Code> {
    let users = if route.users { USERS } else { &[] };
    let signed = if checks.signatures && is_signed(route, method) { SIGNED } else { &[] };
    let groups = [ANY, users, access(route, method, checks), signed];
    unique(groups.into_iter().chain(own(route, method).iter().copied()).flatten().copied().collect())
}

/// The codes that one method of a route can have besides, for requests that no client sends in earnest: with a body that
/// the route has no use for, or again and again without a valid credential. The metrics start no series for them.
pub(crate) fn rare(route: &Route, method: &Method, checks: Checks) -> Vec<Code> {
    let body: &[Code] = match (*route, method) {
        (_, &Method::GET) => &[],
        // Its body is not even read.
        (route::KEY, _) => &[Code::UnsupportedMediaType],
        _ => &[Code::InvalidInput, Code::PayloadTooLarge, Code::UnsupportedMediaType, Code::RequestTimeout],
    };
    let is_restricted = !access(route, method, checks).is_empty();
    let limited: &[Code] = if is_restricted { &[Code::RateLimited] } else { &[] };
    [body, limited].concat()
}

/// Whether requests with this method must be signed where the settings want that.
pub(crate) fn is_signed(route: &Route, method: &Method) -> bool {
    let is_guarded = ["/jobs", "/queue", "/webhooks"].iter().any(|prefix| route.path.starts_with(prefix));
    is_guarded && [Method::POST, Method::DELETE].contains(method) && route.allows(method)
}

/// The methods that do a route's own work. HEAD is GET without the body.
fn methods(route: &Route) -> impl Iterator<Item = Method> {
    [Method::GET, Method::POST, Method::DELETE].into_iter().filter(|method| route.allows(method))
}

fn of(route: &Route, checks: Checks) -> RouteCodes {
    let error_codes = unique(methods(route).flat_map(|method| of_method(route, &method, checks)).collect());
    let ours = error_codes.iter().filter(|code| code.is_ours());
    let errors = ours.map(|code| problem::status(*code).as_u16());
    let good = methods(route).flat_map(|method| successes(route, &method).iter().copied());
    let mut statuses: Vec<u16> = errors.chain(good).collect();
    statuses.sort_unstable();
    statuses.dedup();
    RouteCodes { endpoint: route.path, statuses, error_codes }
}

fn unique(mut codes: Vec<Code>) -> Vec<Code> {
    codes.sort_unstable_by_key(|code| code.as_str());
    codes.dedup();
    codes
}

/// The codes of what a route does itself.
fn own(route: &Route, method: &Method) -> &'static [&'static [Code]] {
    match (*route, method) {
        (route::PROCESS, _) => &[UPLOAD, DOWNLOAD, PICTURE],
        (route::PROCESS_ZIP, _) => &[UPLOAD, ARCHIVE],
        (route::FETCH_URL, _) => &[UPLOAD, DOWNLOAD],
        (route::JOBS, &Method::POST) => &[UPLOAD, ARCHIVE, NEW_JOB],
        (route::JOBS, _) => &[INPUT],
        (route::JOB, &Method::DELETE) => &[JOB, CONDITIONAL],
        (route::JOB, _) => &[JOB, INPUT, CONDITIONAL],
        (route::JOB_EVENTS, _) => &[JOB],
        (route::JOB_PICTURES, _) => &[JOB, INPUT],
        (route::JOB_CANCEL, _) => &[JOB, CONDITIONAL, &[Code::JobNotCancelable]],
        (route::JOB_RETRY, _) => &[JOB, STORE, &[Code::JobNotRetryable]],
        (route::JOB_RESULTS | route::JOB_CARD | route::LINK_RESULTS | route::LINK_CARD, _) => {
            &[JOB, INPUT, FILE, CONDITIONAL]
        }
        (route::JOB_PALETTE, _) => &[JOB, LINK, CONDITIONAL],
        (route::LINK_EVENTS, _) => &[JOB, LINK],
        (route::REDELIVER, _) => &[STORE, INPUT, &[Code::NotFound]],
        (route::KEY_ROTATE, _) => &[STORE, INPUT, &[Code::KeyNotFound]],
        (route::KEY, _) => &[STORE, &[Code::KeyNotFound]],
        (route::KEYS, &Method::POST) => &[STORE, INPUT, &[Code::PayloadTooLarge]],
        (route::DELIVERIES | route::KEYS | route::QUEUE_PAUSE | route::QUEUE_RESUME, _) => &[STORE, INPUT],
        (route::PROCESSES | route::QUEUE, _) => &[STORE],
        (route::ASSET | route::ASSET_IN_FOLDER, _) => &[&[Code::NotFound]],
        _ => &[],
    }
}

/// The statuses of a route's good answers. /ready says 503 without an error code.
pub(crate) fn successes(route: &Route, method: &Method) -> &'static [u16] {
    match (*route, method) {
        (route::JOBS, &Method::POST) | (route::JOB_CANCEL | route::JOB_RETRY | route::REDELIVER, _) => &[202],
        (route::JOB | route::KEY, &Method::DELETE) => &[204],
        (route::JOB | route::PAGE | route::DOCS, _) => &[200, 304],
        (route::JOB_RESULTS | route::JOB_CARD | route::LINK_RESULTS | route::LINK_CARD, _) => &[200, 206],
        (route::KEYS | route::KEY_ROTATE, &Method::POST) => &[201],
        (route::READY, _) => &[200, 503],
        _ => &[200],
    }
}

fn access(route: &Route, method: &Method, checks: Checks) -> &'static [Code] {
    let audience = if *method == Method::GET { route.read } else { route.write };
    let is_restricted = match audience {
        Audience::Everyone => false,
        Audience::Users(_) | Audience::Linked(_) => checks.keys,
        Audience::Owners(_) | Audience::Operators => true,
    };
    match is_restricted {
        true if checks.keys => SCOPES,
        true => ACCESS,
        false => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Checks = Checks { keys: false, signatures: false };
    const STRICT: Checks = Checks { keys: true, signatures: true };

    fn codes(endpoint: &str, checks: Checks) -> Vec<Code> {
        all(checks).into_iter().find(|found| found.endpoint == endpoint).unwrap().error_codes
    }

    #[test]
    fn every_route_of_users_starts_with_all_codes_that_alerts_count() {
        for route in route::ALL.iter().filter(|route| route.users) {
            let found = codes(route.path, OPEN);
            for code in Code::ALL.into_iter().filter(|code| code.is_ours()) {
                assert!(found.contains(&code), "{}: {code:?}", route.path);
            }
        }
    }

    #[test]
    fn a_code_is_there_once_and_an_internal_one_with_its_status() {
        for found in [OPEN, STRICT].into_iter().flat_map(all) {
            let mut ours = found.error_codes.iter().filter(|code| code.is_ours());
            assert!(ours.all(|code| found.statuses.contains(&problem::status(*code).as_u16())), "{found:?}");
            assert!(found.statuses.is_sorted_by(|one, next| one < next), "{found:?}");
            let mut words: Vec<&str> = found.error_codes.iter().map(|code| code.as_str()).collect();
            words.dedup();
            assert_eq!(words.len(), found.error_codes.len(), "{found:?}");
        }
    }

    #[test]
    fn every_code_is_one_of_some_route() {
        let all = all(STRICT);
        for code in Code::ALL {
            assert!(all.iter().any(|route| route.error_codes.contains(&code)), "{code:?}");
        }
    }

    #[test]
    fn a_route_has_the_codes_of_a_check_only_where_the_check_is_on() {
        for (endpoint, code, open, strict) in [
            ("/process", Code::Forbidden, false, true),
            ("/process", Code::InvalidSignature, false, false),
            ("/jobs", Code::Unauthorized, true, true),
            ("/jobs", Code::InvalidSignature, false, true),
            ("/jobs/{id}/results.zip", Code::InvalidSignature, false, false),
            ("/queue", Code::InvalidSignature, false, false),
            ("/queue/pause", Code::InvalidSignature, false, true),
            ("/health", Code::Unauthorized, false, false),
            ("/health", Code::ProcessingError, false, false),
            ("/metrics", Code::Unauthorized, false, true),
        ] {
            assert_eq!(codes(endpoint, OPEN).contains(&code), open, "{endpoint} {code:?}");
            assert_eq!(codes(endpoint, STRICT).contains(&code), strict, "{endpoint} {code:?}");
        }
    }
}
