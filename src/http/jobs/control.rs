//! Changes a job: `POST /jobs/{id}/cancel` ends it and keeps its results, `DELETE /jobs/{id}` removes it, and
//! `POST /jobs/{id}/retry` retries pictures that failed because of the service, for the operator.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_store::access_key::Scope;
use huemill_store::job::JobState;
use huemill_store::store::{Canceled, Retried};
use serde::Serialize;

use super::results::CardEmbedding;
use super::status;
use crate::http::context;
use crate::http::problem::Problem;
use crate::http::state::{Edge, Jobs, Operations};

/// A canceled job, for a key that may cancel jobs but not read them.
#[derive(Serialize)]
struct CanceledBody<'a> {
    job_id: &'a str,
    status: &'static str,
}

/// Cancels a job. A second request gets the same response. Results are only for who may read the job.
pub(super) async fn cancel(
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
    edge: Data<Edge>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    edge.signatures.verify_without_body(&request, payload).await?;
    let job = jobs.find(&path, context::of(&request).identity()).await?;
    status::check_version(&request, &job)?;
    let id = job.id;
    let job = match jobs.repository.store.cancel(&id).await? {
        Canceled::Now(ended) => {
            jobs.cancel_work(&id);
            jobs.job_end.tell(&ended, None);
            ended.job
        }
        Canceled::Before(job) => job,
        Canceled::TooLate(job) if job.state == JobState::Expired => return Err(Code::ExpiredJob.into()),
        Canceled::TooLate(job) => {
            let message = format!("The job is already {}. There is nothing to cancel.", job.state.as_str());
            return Err(Fault::new(Code::JobNotCancelable).with_message(message).into());
        }
        Canceled::Unknown => return Err(Code::JobNotFound.into()),
    };
    if context::of(&request).identity().require(Scope::JobsRead).is_err() {
        let body = CanceledBody { job_id: job.id.as_str(), status: job.state.as_str() };
        return Ok(HttpResponse::Accepted().json(body));
    }
    let cards = CardEmbedding::Auto;
    Ok(status::respond(job, StatusCode::ACCEPTED, cards, request.method(), &jobs).await?)
}

/// Expires a job at once.
pub(super) async fn delete(
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
    edge: Data<Edge>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    edge.signatures.verify_without_body(&request, payload).await?;
    let job = jobs.find(&path, context::of(&request).identity()).await?;
    status::check_version(&request, &job)?;
    if !jobs.repository.store.delete(&job.id).await? {
        return Err(Code::ExpiredJob.into());
    }
    jobs.cancel_work(&job.id);
    jobs.request_sweep();
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Serialize)]
struct RetryResponse<'a> {
    job_id: &'a str,
    status: &'static str,
    retried: u32,
}

/// Puts pictures back into the queue that failed because of the service, such as a bucket that refused them. The job is
/// processed and ends once more, webhook included.
pub(super) async fn retry(
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
    edge: Data<Edge>,
    operations: Data<Operations>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    edge.signatures.verify_without_body(&request, payload).await?;
    let id = jobs.find(&path, context::of(&request).identity()).await?.id;
    match jobs.repository.store.retry(&id).await? {
        Retried::Queued(job, retried) => {
            operations.wake_dispatcher();
            let body = RetryResponse { job_id: job.id.as_str(), status: job.state.as_str(), retried };
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
