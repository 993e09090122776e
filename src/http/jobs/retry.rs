//! `POST /jobs/{id}/retry`: the operator has pictures tried again that failed through a fault of the service's, such as
//! a bucket that refused them. Their job is processed once more and ends once more, webhook included.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_store::store::Retried;
use serde::Serialize;

use super::{find, id};
use crate::http::doors::Doors;
use crate::http::operator;
use crate::http::problem::Problem;

#[derive(Serialize)]
struct Body<'a> {
    job_id: &'a str,
    status: &'static str,
    retried: u32,
}

/// Puts the job's pictures back into the queue.
pub(super) async fn retry(
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    doors.signatures.without_body(&request, payload, &*doors.repository.store).await?;
    operator::check(request.headers(), &doors.operator)?;
    let id = id(&path)?;
    find(&doors, &path).await?;
    match doors.repository.store.retry(&id).await? {
        Retried::Queued(job, retried) => {
            doors.wake_dispatcher();
            let body = Body { job_id: job.id.as_str(), status: job.state.as_str(), retried };
            Ok(HttpResponse::Accepted().json(body))
        }
        Retried::Nothing(job) => {
            let state = job.state.as_str();
            let message = format!("The job is {state} and has no picture that can be retried.");
            Err(Fault::new(Code::JobNotRetryable).with_message(message).into())
        }
        Retried::Unknown => Err(Code::JobNotFound.into()),
    }
}
