//! Jobs: creation, status, changes as they come, results, the end at their owner's wish, and the operator's list.
//! Who holds a job's id may see the job.

mod archive;
mod body;
mod cancel;
mod create;
mod download;
mod events;
mod fetched;
mod fields;
mod fingerprint;
mod key;
mod links;
mod list;
mod results;
mod retry;
mod served;
mod status;
mod urls;

use actix_web::web::{self, ServiceConfig};
use huemill_actors::fault::{Code, Fault};
use huemill_store::job::{Job, JobId, JobState};

use super::doors::Doors;
use super::route;
use super::server::{at, nowhere};

pub(crate) use links::{Links, results_path};
pub(crate) use served::Served;

/// The routes of jobs.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            at(route::JOBS)
                .route(web::post().to(create::create))
                .route(web::get().to(list::list))
                .route(web::head().to(list::list)),
        )
        .service(
            at(route::JOB)
                .route(web::get().to(status::status))
                .route(web::head().to(status::status))
                .route(web::delete().to(cancel::delete)),
        )
        .service(
            at(route::JOB_EVENTS).route(web::get().to(events::events)).route(web::head().to(events::events)),
        )
        .service(at(route::JOB_CANCEL).route(web::post().to(cancel::cancel)))
        .configure(retries)
        .service(
            at(route::JOB_RESULTS)
                .route(web::get().to(download::results))
                .route(web::head().to(download::results)),
        )
        .service(
            at(route::JOB_CARD).route(web::get().to(download::card)).route(web::head().to(download::card)),
        );
}

/// What operators do with jobs, in a process that answers no users.
pub(crate) fn operators(config: &mut ServiceConfig) {
    let jobs = web::resource(route::JOBS.path).route(web::get().to(list::list));
    config
        .service(jobs.route(web::head().to(list::list)).default_service(web::to(nowhere)))
        .configure(retries);
}

fn retries(config: &mut ServiceConfig) {
    config.service(at(route::JOB_RETRY).route(web::post().to(retry::retry)));
}

/// The id that a path names.
fn id(text: &str) -> Result<JobId, Fault> {
    JobId::parse(text).ok_or_else(|| Code::JobNotFound.into())
}

/// Refuses a job that is past its time. That is for the sweep to say, which does not believe a clock that has jumped.
fn living(state: JobState) -> Result<(), Fault> {
    if state == JobState::Expired { Err(Code::ExpiredJob.into()) } else { Ok(()) }
}

/// The job that a path names, as the store has it now.
async fn find(doors: &Doors, text: &str) -> Result<Job, Fault> {
    let job = doors.repository.store.job(&id(text)?).await?;
    let job = job.ok_or_else(|| Fault::new(Code::JobNotFound))?;
    living(job.state)?;
    Ok(job)
}
