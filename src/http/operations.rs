//! What operators and probes ask: `/health`, `/ready`, `/metrics`. None of them does work on the spot.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::web::Data;
use huemill_actors::clock::Instant;
use huemill_actors::health::Check;
use huemill_actors::observed::Observation;
use serde::Serialize;
use std::collections::BTreeMap;

use super::access::Verdict;
use super::doors::Doors;
use super::problem::Problem;
use super::queue;

/// The name under which the service reports itself.
const SERVICE: &str = "huemill";

/// What this build can do.
const FEATURES: [&str; 5] = ["palette", "crop", "card", "zip", "jobs"];

#[derive(Serialize)]
struct Health {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    features: [&'static str; FEATURES.len()],
    uptime_seconds: u64,
}

/// Says only that the process serves.
pub(crate) async fn health(doors: Data<Doors>) -> HttpResponse {
    HttpResponse::Ok().json(Health {
        status: "healthy",
        service: SERVICE,
        version: env!("CARGO_PKG_VERSION"),
        features: FEATURES,
        uptime_seconds: doors.uptime().as_secs(),
    })
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "the contract's own name")]
struct Ready<'a> {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    dependencies: BTreeMap<&'static str, bool>,
    uptime_seconds: u64,
    active_requests: usize,
    error_rate_last_5m: Option<f64>,
    checks: BTreeMap<&'static str, CheckMember<'a>>,
}

#[derive(Serialize)]
struct CheckMember<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shared: bool,
    #[serde(flatten)]
    figures: BTreeMap<&'static str, u64>,
    /// Of the actors alone: what each shows.
    #[serde(flatten)]
    state: Option<Actors<'a>>,
}

impl<'a> From<&'a Check> for CheckMember<'a> {
    fn from(check: &'a Check) -> Self {
        Self {
            ok: check.ok,
            reason: check.reason.as_deref(),
            shared: check.shared,
            figures: check.figures.iter().copied().collect(),
            state: None,
        }
    }
}

/// What actors show of their state.
#[derive(Serialize)]
struct Actors<'a> {
    dispatcher: Dispatcher<'a>,
    janitor: Janitor,
    delivery: Delivery,
}

#[derive(Serialize)]
struct Dispatcher<'a> {
    claimed: usize,
    downloads: usize,
    paused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resumes_in_ms: Option<u64>,
    suspects_waiting: bool,
    queue_paused: Vec<&'static str>,
}

#[derive(Serialize)]
struct Janitor {
    sweeps: bool,
}

#[derive(Serialize)]
struct Delivery {
    in_flight: u32,
}

impl<'a> From<&'a Observation> for Actors<'a> {
    fn from(observation: &'a Observation) -> Self {
        let Observation { dispatcher, janitor, delivery } = observation;
        let pause = dispatcher.paused.as_ref();
        let left = |until: Instant| until.saturating_duration_since(Instant::now()).as_millis() as u64;
        Self {
            dispatcher: Dispatcher {
                claimed: dispatcher.claimed,
                downloads: dispatcher.downloads,
                paused: pause.is_some(),
                paused_by: pause.map(|pause| pause.cause.as_str()),
                resumes_in_ms: pause.map(|pause| left(pause.until)),
                suspects_waiting: dispatcher.suspects_waiting,
                queue_paused: dispatcher.queue_paused.iter().copied().map(queue::word).collect(),
            },
            janitor: Janitor { sweeps: janitor.sweeps },
            delivery: Delivery { in_flight: delivery.in_flight },
        }
    }
}

/// The last verdict of the Health actor, and what the others show of themselves.
pub(crate) async fn ready(doors: Data<Doors>) -> HttpResponse {
    let (verdict, observation) = (doors.verdict.read(), doors.observed.read());
    let mut checks: BTreeMap<_, CheckMember<'_>> =
        verdict.checks.iter().map(|(name, check)| (*name, check.into())).collect();
    if let Some(actors) = checks.get_mut("actors") {
        actors.state = Some((&observation).into());
    }
    let body = Ready {
        ready: verdict.ready,
        reason: verdict.reason,
        dependencies: verdict.dependencies().collect(),
        uptime_seconds: doors.uptime().as_secs(),
        active_requests: doors.pulse.active(),
        error_rate_last_5m: doors.pulse.error_rate(doors.uptime()),
        checks,
    };
    let status = if verdict.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = HttpResponse::build(status).json(body);
    if !verdict.ready {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response.extensions_mut().insert(Verdict);
    response
}

/// The scrape, rendered by the Metrics actor.
pub(crate) async fn metrics(doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    let text = doors.scrape().await?;
    Ok(HttpResponse::Ok().content_type(huemill_observability::CONTENT_TYPE).body(text))
}
