//! Shows, pauses and resumes the queue of pictures, for the operator: the whole queue or one type of job.
//!
//! A pause is a row in the store, so it holds for all processes and survives them. While it holds, no more pictures are
//! claimed; pictures in progress are finished, and new jobs are accepted.

use actix_web::web::{Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::Fault;
use huemill_store::job::JobKind;
use serde::Serialize;

use super::context;
use super::list_query::ListQuery;
use super::problem::{Problem, invalid};
use super::resource::{get, post};
use super::route;
use super::state::{Edge, Operations};

/// The name of a pause of every type.
const ALL: &str = "all";

/// Registers the routes.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(get(route::QUEUE, status))
        .service(post(route::QUEUE_PAUSE, pause))
        .service(post(route::QUEUE_RESUME, resume));
}

#[derive(Debug, Serialize)]
struct QueueStatus {
    paused: Vec<&'static str>,
}

/// Reports what is paused.
async fn status(operations: Data<Operations>) -> Result<HttpResponse, Problem> {
    report(&operations).await
}

/// Pauses one type of job, or all.
async fn pause(
    request: HttpRequest,
    payload: Payload,
    edge: Data<Edge>,
    operations: Data<Operations>,
) -> Result<HttpResponse, Problem> {
    let kind = verified_kind(&request, payload, &edge).await?;
    operations.store.pause(kind).await?;
    report(&operations).await
}

/// Resumes one type of job, or all.
async fn resume(
    request: HttpRequest,
    payload: Payload,
    edge: Data<Edge>,
    operations: Data<Operations>,
) -> Result<HttpResponse, Problem> {
    let kind = verified_kind(&request, payload, &edge).await?;
    operations.store.resume(kind).await?;
    operations.wake_dispatcher();
    report(&operations).await
}

/// The type that an operator's request names. A body is refused rather than ignored: if the type were in the body, it
/// would be overlooked and everything would be paused.
async fn verified_kind(
    request: &HttpRequest,
    payload: Payload,
    edge: &Edge,
) -> Result<Option<JobKind>, Fault> {
    edge.signatures.verify_without_body(request, payload).await?;
    if context::of(request).bytes_in() > 0 {
        return Err(invalid("Send no body. Name the type in the query, as in ?type=zip_batch."));
    }
    parse_kind(request.query_string())
}

/// Unknown names are refused: a misspelt `type` would pause everything.
fn parse_kind(query: &str) -> Result<Option<JobKind>, Fault> {
    ListQuery::parse(query)?.only(&["type"])?.word("type", JobKind::ALL, JobKind::as_str)
}

/// The name of a paused type of job; `all` for every type.
pub(crate) fn type_name(kind: Option<JobKind>) -> &'static str {
    kind.map_or(ALL, JobKind::as_str)
}

async fn report(operations: &Operations) -> Result<HttpResponse, Problem> {
    let pauses = operations.store.pauses().await?;
    operations.observed.queue_paused(pauses.clone());
    let paused = pauses.into_iter().map(type_name).collect();
    Ok(HttpResponse::Ok().json(QueueStatus { paused }))
}

#[cfg(test)]
mod tests {
    use huemill_actors::fault::Code;

    use super::*;

    #[test]
    fn the_type_is_one_of_three_or_absent() {
        assert_eq!(parse_kind("").unwrap(), None);
        assert_eq!(parse_kind("type=url_batch").unwrap(), JobKind::parse("url_batch"));
        for query in
            ["type=", "type=all", "type=zip", "type=zip_batch&type=url_batch", "types=zip_batch", "Type=zip"]
        {
            assert_eq!(parse_kind(query).unwrap_err().code, Code::InvalidInput, "{query}");
        }
    }
}
