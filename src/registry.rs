//! Builds the metrics registry with the label values that this service knows at start. `actor_settings` calls this once;
//! it fails only if two metric families have the same name.

use huemill_actors::actor_system::ACTORS;
use huemill_actors::fault::Code;
use huemill_actors::health::{DEPENDENCIES, MAILBOXES};
use huemill_actors::outbound::Reason;
use huemill_actors::repository::OPERATIONS;
use huemill_imaging::{Format, Stage};
use huemill_observability::{LabelValues, Registry, RouteLabels};
use huemill_store::job::JobKind;

use crate::http::route;
use crate::http::route_codes::{self, Checks, RouteCodes};
use crate::settings::{AccessMode, Settings};

/// How attempts at pictures end. That of an empty entry in an archive (`no_input`) is rare: its series starts with it.
const OUTCOMES: [&str; 7] = [
    "ok",
    "canceled",
    "internal_error",
    "overloaded",
    "payload_too_large",
    "processing_error",
    "unsupported_media_type",
];

/// How a job without results can end: with the code of its last picture.
const JOB_CODES: [Code; 8] = [
    Code::InternalError,
    Code::InvalidUrl,
    Code::NoInput,
    Code::PayloadTooLarge,
    Code::ProcessingError,
    Code::UnsupportedMediaType,
    Code::UpstreamError,
    Code::UrlTimeout,
];

/// The registry of a service with these settings.
pub(crate) fn of(settings: &Settings) -> Result<Registry, Box<dyn std::error::Error>> {
    let keys = settings.access.mode == AccessMode::Keys;
    let checks = Checks { keys, signatures: settings.security.require_signature };
    let codes = route_codes::all(checks);
    let words: Vec<Vec<&str>> = codes.iter().map(error_codes).collect();
    let routes: Vec<RouteLabels<'_>> = codes.iter().zip(&words).map(labels).collect();
    let formats: Vec<&str> = Format::ALL.iter().map(|format| format.name()).chain(["unknown"]).collect();
    Ok(Registry::new(
        env!("CARGO_PKG_VERSION"),
        &LabelValues {
            routes: &routes,
            job_error_codes: &JOB_CODES.map(Code::as_str),
            image_endpoints: &[route::PROCESS.path, route::PROCESS_ZIP.path, route::JOBS.path],
            formats: &formats,
            outcomes: &OUTCOMES,
            stages: &Stage::ALL.map(Stage::name),
            actors: &ACTORS,
            mailboxes: &MAILBOXES,
            dependencies: &DEPENDENCIES,
            job_kinds: &JobKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
            store_operations: &OPERATIONS,
            outbound_reasons: &Reason::ALL.map(Reason::as_str),
            // Elsewhere, everyone can read the metrics, and who receives webhooks is not for everyone.
            names_receivers: keys || settings.operations_address().is_some(),
        },
    )?)
}

fn error_codes(route: &RouteCodes) -> Vec<&'static str> {
    route.error_codes.iter().map(|code| code.as_str()).collect()
}

fn labels<'a>((route, error_codes): (&'a RouteCodes, &'a Vec<&'static str>)) -> RouteLabels<'a> {
    // Operators' answers are short.
    let can_break = route::for_template(route.endpoint).is_some_and(|route| route.users);
    RouteLabels { endpoint: route.endpoint, statuses: &route.statuses, error_codes, can_break }
}
