//! The end of a job at its owner's wish: `POST /jobs/{id}/cancel` keeps what was done, `DELETE /jobs/{id}` nothing.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_store::job::JobState;
use huemill_store::store::Canceled;

use super::results::Cards;
use super::{find, id, status};
use crate::http::doors::Doors;
use crate::http::problem::Problem;

/// Ends the job. Whoever says so twice is answered twice the same.
pub(super) async fn cancel(
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    doors.signatures.without_body(&request, payload, &*doors.repository.store).await?;
    let id = id(&path)?;
    find(&doors, &path).await?;
    let job = match doors.repository.store.cancel(&id).await? {
        Canceled::Now(ended) => {
            doors.give_up(&id);
            doors.ends.tell(&ended, None);
            ended.job
        }
        Canceled::Before(job) => job,
        Canceled::TooLate(job) if job.state == JobState::Expired => return Err(Code::ExpiredJob.into()),
        Canceled::TooLate(job) => {
            let told = format!("The job is {} already: there is nothing to cancel.", job.state.as_str());
            return Err(Fault::new(Code::JobNotCancelable).with_message(told).into());
        }
        Canceled::Unknown => return Err(Code::JobNotFound.into()),
    };
    Ok(status::whole(job, StatusCode::ACCEPTED, Cards::Either, request.method(), &doors).await?)
}

/// Makes the job as if it were past its time.
pub(super) async fn delete(
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    doors.signatures.without_body(&request, payload, &*doors.repository.store).await?;
    let job = find(&doors, &path).await?;
    if !doors.repository.store.delete(&job.id).await? {
        return Err(Code::ExpiredJob.into());
    }
    doors.give_up(&job.id);
    doors.clear_away();
    Ok(HttpResponse::NoContent().finish())
}
