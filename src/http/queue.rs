//! The queue of pictures, for the operator: what is paused, pausing and resuming, all of it or one type of job.
//!
//! A pause is a row in the store, so that it holds for all processes and outlives them. It keeps pictures from being
//! claimed; those in flight are finished, and new jobs are accepted.

use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_store::job::JobKind;
use serde::Serialize;

use super::doors::Doors;
use super::page::Query;
use super::problem::Problem;
use super::server::at;
use super::{context, operator, route};

/// How a pause of every type is spelled.
const ALL: &str = "all";

/// The routes of the queue.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(at(route::QUEUE).route(web::get().to(status)).route(web::head().to(status)))
        .service(at(route::QUEUE_PAUSE).route(web::post().to(pause)))
        .service(at(route::QUEUE_RESUME).route(web::post().to(resume)));
}

#[derive(Debug, Serialize)]
struct Paused {
    paused: Vec<&'static str>,
}

/// What is paused.
async fn status(request: HttpRequest, doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    operator::check(request.headers(), &doors.operator)?;
    paused(&doors).await
}

/// Hands out no more pictures of this type of job, or of any.
async fn pause(request: HttpRequest, payload: Payload, doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    let kind = permitted(&request, payload, &doors).await?;
    doors.repository.store.pause(kind).await?;
    paused(&doors).await
}

/// Takes a pause back; without a type, all of them.
async fn resume(request: HttpRequest, payload: Payload, doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    let kind = permitted(&request, payload, &doors).await?;
    doors.repository.store.resume(kind).await?;
    doors.wake_dispatcher();
    paused(&doors).await
}

/// The type that an operator's request names. A body is refused rather than ignored: a type in it would be missed, and
/// everything paused.
async fn permitted(request: &HttpRequest, payload: Payload, doors: &Doors) -> Result<Option<JobKind>, Fault> {
    doors.signatures.without_body(request, payload, &*doors.repository.store).await?;
    operator::check(request.headers(), &doors.operator)?;
    if context::of(request).bytes_in() > 0 {
        let message = "Send no body. Name the type in the query, as in ?type=zip_batch.";
        return Err(Fault::new(Code::InvalidInput).with_message(message));
    }
    kind(request.query_string())
}

/// A name that nobody knows is refused: a misspelt type would pause everything.
fn kind(query: &str) -> Result<Option<JobKind>, Fault> {
    Query::read(query)?.only(&["type"])?.word("type", JobKind::ALL, JobKind::as_str)
}

/// How what is paused is spelled.
pub(crate) fn word(kind: Option<JobKind>) -> &'static str {
    kind.map_or(ALL, JobKind::as_str)
}

async fn paused(doors: &Doors) -> Result<HttpResponse, Problem> {
    let pauses = doors.repository.store.pauses().await?;
    doors.observed.queue_paused(pauses.clone());
    let paused = pauses.into_iter().map(word).collect();
    Ok(HttpResponse::Ok().json(Paused { paused }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_one_of_three_or_not_given() {
        assert_eq!(kind("").unwrap(), None);
        assert_eq!(kind("type=url_batch").unwrap(), JobKind::parse("url_batch"));
        for query in
            ["type=", "type=all", "type=zip", "type=zip_batch&type=url_batch", "types=zip_batch", "Type=zip"]
        {
            assert_eq!(kind(query).unwrap_err().code, Code::InvalidInput, "{query}");
        }
    }
}
