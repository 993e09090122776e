//! The endpoints for probes and monitoring: `/health`, `/ready` and `/metrics`. They only report what the actors already
//! know, so they answer fast even when a dependency hangs.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::web::{Data, ServiceConfig};
use huemill_actors::clock::Instant;
use huemill_actors::health::Check;
use huemill_actors::observed::Observation;
use serde::Serialize;

use super::problem::{OwnErrorBody, Problem};
use super::queue::type_name;
use super::resource::get;
use super::route;
use super::state::Operations;

/// The service's name in `/health`.
const SERVICE: &str = "huemill";

/// The features of this build.
const FEATURES: [&str; 5] = ["palette", "crop", "card", "zip", "jobs"];

/// Registers the routes.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(get(route::HEALTH, health))
        .service(get(route::READY, ready))
        .service(get(route::METRICS, metrics));
}

/// Registers what the public listener has of these routes if operators have a listener of their own.
pub(crate) fn public_routes(config: &mut ServiceConfig) {
    config.service(get(route::HEALTH, health)).service(get(route::READY, public_ready));
}

#[derive(Serialize)]
struct HealthBody {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    features: [&'static str; FEATURES.len()],
    uptime_seconds: u64,
}

/// Reports only that the process answers.
async fn health(operations: Data<Operations>) -> HttpResponse {
    HttpResponse::Ok().json(HealthBody {
        status: "healthy",
        service: SERVICE,
        version: env!("CARGO_PKG_VERSION"),
        features: FEATURES,
        uptime_seconds: operations.stats.uptime().as_secs(),
    })
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "the API contract has a member `ready`")]
struct ReadyBody<'a> {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    dependencies: BTreeMap<&'static str, bool>,
    uptime_seconds: u64,
    active_requests: usize,
    error_rate_last_5m: Option<f64>,
    checks: BTreeMap<&'static str, CheckView<'a>>,
}

#[derive(Serialize)]
struct CheckView<'a> {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shared: bool,
    #[serde(flatten)]
    figures: BTreeMap<&'static str, u64>,
    /// What the actors publish about their state; only in the check of the actors.
    #[serde(flatten)]
    state: Option<ActorsView<'a>>,
}

impl<'a> From<&'a Check> for CheckView<'a> {
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

#[derive(Serialize)]
struct ActorsView<'a> {
    dispatcher: DispatcherView<'a>,
    janitor: JanitorView,
    delivery: DeliveryActorView,
}

#[derive(Serialize)]
struct DispatcherView<'a> {
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
struct JanitorView {
    sweeps: bool,
}

#[derive(Serialize)]
struct DeliveryActorView {
    in_flight: u32,
}

impl<'a> From<&'a Observation> for ActorsView<'a> {
    fn from(observation: &'a Observation) -> Self {
        let Observation { dispatcher, janitor, delivery } = observation;
        let pause = dispatcher.paused.as_ref();
        let left = |until: Instant| until.saturating_duration_since(Instant::now()).as_millis() as u64;
        Self {
            dispatcher: DispatcherView {
                claimed: dispatcher.claimed,
                downloads: dispatcher.downloads,
                paused: pause.is_some(),
                paused_by: pause.map(|pause| pause.cause.as_str()),
                resumes_in_ms: pause.map(|pause| left(pause.until)),
                suspects_waiting: dispatcher.suspects_waiting,
                queue_paused: dispatcher.queue_paused.iter().copied().map(type_name).collect(),
            },
            janitor: JanitorView { sweeps: janitor.sweeps },
            delivery: DeliveryActorView { in_flight: delivery.in_flight },
        }
    }
}

/// Reports the Health actor's last verdict and what the other actors publish about themselves.
async fn ready(operations: Data<Operations>) -> HttpResponse {
    let (health, observation) = (operations.health.read(), operations.observed.read());
    let mut checks: BTreeMap<_, CheckView<'_>> =
        health.checks.iter().map(|(name, check)| (*name, check.into())).collect();
    if let Some(actors) = checks.get_mut("actors") {
        actors.state = Some((&observation).into());
    }
    let body = ReadyBody {
        ready: health.ready,
        reason: health.reason,
        dependencies: health.dependencies().collect(),
        uptime_seconds: operations.stats.uptime().as_secs(),
        active_requests: operations.stats.in_flight(),
        error_rate_last_5m: operations.stats.error_rate(),
        checks,
    };
    readiness(health.ready, body)
}

#[derive(Serialize)]
struct PublicReadyBody {
    ready: bool,
}

/// Reports the verdict alone: its reasons are for operators.
async fn public_ready(operations: Data<Operations>) -> HttpResponse {
    let ready = operations.health.read().ready;
    readiness(ready, PublicReadyBody { ready })
}

fn readiness(ready: bool, body: impl Serialize) -> HttpResponse {
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = HttpResponse::build(status).json(body);
    if !ready {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response.extensions_mut().insert(OwnErrorBody);
    response
}

/// The metrics in Prometheus' text format, rendered by the Metrics actor.
async fn metrics(operations: Data<Operations>) -> Result<HttpResponse, Problem> {
    let text = operations.render_metrics().await?;
    Ok(HttpResponse::Ok().content_type(huemill_observability::CONTENT_TYPE).body(text))
}

/// Registers the routes that inject faults, for drills. No release has them, so the table of routes has none either.
pub(crate) fn fault_routes(config: &mut ServiceConfig) {
    config.service(actix_web::web::resource("/faults/panic").route(actix_web::web::post().to(inject_panic)));
}

/// Makes an actor panic, for the operator.
async fn inject_panic(
    request: actix_web::HttpRequest,
    edge: Data<super::state::Edge>,
    operations: Data<Operations>,
) -> Result<HttpResponse, Problem> {
    edge.access.identify(super::route::Audience::Operators, request.headers(), "").await?;
    operations.janitor.do_send(huemill_actors::janitor::Panic);
    Ok(HttpResponse::Accepted().finish())
}
