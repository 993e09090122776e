//! The job routes: create a job, poll its status or stream its changes, download its results, cancel or delete it. The
//! operator can also list jobs and retry pictures. Anyone who knows a job's id may see the job.

mod control;
mod create;
mod download;
mod events;
mod fields;
mod fingerprint;
mod idempotency_key;
pub(crate) mod links;
mod list;
mod lookup;
pub(crate) mod poll_history;
mod results;
mod results_archive;
mod status;
mod summary;
mod urls;

use actix_web::web::{self, ServiceConfig};

use super::route::{self, resource};

/// Registers the routes of users and operators.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource(route::JOBS)
                .route(web::post().to(create::create))
                .route(web::get().to(list::list))
                .route(web::head().to(list::list)),
        )
        .service(
            resource(route::JOB)
                .route(web::get().to(status::status))
                .route(web::head().to(status::status))
                .route(web::delete().to(control::delete)),
        )
        .service(
            resource(route::JOB_EVENTS)
                .route(web::get().to(events::events))
                .route(web::head().to(events::events)),
        )
        .service(resource(route::JOB_CANCEL).route(web::post().to(control::cancel)))
        .configure(retry)
        .service(
            resource(route::JOB_RESULTS)
                .route(web::get().to(download::results))
                .route(web::head().to(download::results)),
        )
        .service(
            resource(route::JOB_CARD)
                .route(web::get().to(download::card))
                .route(web::head().to(download::card)),
        );
}

/// Registers only the operators' routes, for a process that answers no users.
pub(crate) fn operators(config: &mut ServiceConfig) {
    let jobs = web::resource(route::JOBS.path).route(web::get().to(list::list));
    config
        .service(jobs.route(web::head().to(list::list)).default_service(web::to(route::not_found)))
        .configure(retry);
}

fn retry(config: &mut ServiceConfig) {
    config.service(resource(route::JOB_RETRY).route(web::post().to(control::retry)));
}
