//! The job routes: create a job, poll its status or stream its changes, download its results, cancel or delete it. The
//! operator can also list jobs, which is here, and retry pictures. Where keys are in force a job belongs to its key;
//! otherwise anyone who knows its id may see it.

mod control;
mod create;
mod download;
mod download_file;
mod event_stream;
mod events;
mod fields;
mod fingerprint;
mod idempotency_key;
mod job_picture;
mod link_id;
pub(crate) mod links;
mod palette_file;
mod picture_window;
pub(crate) mod poll_history;
mod results;
mod results_archive;
pub(crate) mod shared_archives;
mod status;
mod summary;
mod urls;

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::Fault;
use huemill_store::job::{JobId, JobKind, JobState};
use huemill_store::store::JobFilter;
use serde::Serialize;

use super::connection::Surface;
use super::context;
use super::list_query::{ListQuery, cut_page};
use super::problem::Problem;
use super::resource::{self, get, post};
use super::route;
use super::state::Jobs;
#[cfg(test)]
pub(crate) use fields::NAMES as FIELD_NAMES;
use summary::JobSummary;

/// Registers the routes of users and operators.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(get(route::JOBS, list).route(web::post().to(create::create)))
        .service(post(route::JOB_RETRY, control::retry))
        .configure(one_job);
}

/// Registers the users' routes without those of operators, who have a listener of their own.
pub(crate) fn public_routes(config: &mut ServiceConfig) {
    config
        .service(get(route::JOBS, resource::not_found).route(web::post().to(create::create)))
        .configure(one_job);
}

/// The same with the list of jobs, for holders of keys.
pub(crate) fn routes_of_keys(config: &mut ServiceConfig) {
    config.service(get(route::JOBS, list).route(web::post().to(create::create))).configure(one_job);
}

fn one_job(config: &mut ServiceConfig) {
    config
        .service(get(route::JOB, status::status).route(web::delete().to(control::delete)))
        .service(get(route::JOB_EVENTS, events::events))
        .service(post(route::JOB_CANCEL, control::cancel))
        .service(get(route::JOB_PICTURES, picture_window::pictures))
        .service(get(route::JOB_RESULTS, download::results))
        .service(get(route::JOB_CARD, download::card))
        .service(get(route::JOB_PALETTE, palette_file::palette))
        .service(get(route::LINK_RESULTS, download::linked_results))
        .service(get(route::LINK_CARD, download::linked_card))
        .service(get(route::LINK_EVENTS, events::linked_events));
}

/// Registers only the operators' routes: for their listener, and for a process that answers no users.
pub(crate) fn operators(config: &mut ServiceConfig) {
    config
        .service(get(route::JOBS, list).default_service(web::to(resource::not_found)))
        .service(post(route::JOB_RETRY, control::retry));
}

#[derive(Serialize)]
struct JobPage<'a> {
    jobs: Vec<JobSummary<'a>>,
    next_cursor: Option<String>,
}

/// A page of jobs.
async fn list(request: HttpRequest, jobs: Data<Jobs>) -> Result<HttpResponse, Problem> {
    let mut listing = parse_listing(request.query_string())?;
    listing.caller = context::of(&request).identity().only(Surface::of(&request))?;
    let limit = listing.limit;
    // One more row shows whether there is another page.
    listing.limit += 1;
    let mut rows = jobs.repository.store.list(&listing).await?;
    let next_cursor = cut_page(&mut rows, limit, |job| job.id.as_str());
    let rows = rows.iter().map(|job| JobSummary::new(job, &jobs.links, jobs.with_events_url)).collect();
    Ok(HttpResponse::Ok().json(JobPage { jobs: rows, next_cursor }))
}

fn parse_listing(query: &str) -> Result<JobFilter, Fault> {
    let query = ListQuery::parse(query)?;
    Ok(JobFilter {
        state: query.word("status", JobState::ALL, JobState::as_str)?,
        kind: query.word("type", JobKind::ALL, JobKind::as_str)?,
        caller: None,
        before: query.cursor(JobId::parse)?,
        limit: query.limit()?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use huemill_actors::fault::Code;

    use super::*;

    #[test]
    fn an_empty_query_is_the_first_page_of_all_jobs() {
        let all = parse_listing("").unwrap();
        assert_eq!((all.state, all.kind, all.before, all.limit), (None, None, None, 50));
    }

    #[test]
    fn the_query_filters_the_list() {
        let id = JobId::generate(Duration::from_secs(9), &mut rand::rng());
        let cursor = cut_page(&mut vec![id.clone(), id.clone()], 1, JobId::as_str).unwrap();
        let query = format!("status=failed&type=zip_batch&limit=200&cursor={cursor}");
        let some = parse_listing(&query).unwrap();
        assert_eq!((some.state, some.kind), (Some(JobState::Failed), Some(JobKind::Zip)));
        assert_eq!((some.before, some.limit), (Some(id), 200));
    }

    #[test]
    fn invalid_filters_are_rejected() {
        for query in [
            "status=done",
            "status=",
            "type=zip",
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=x",
            "cursor=x",
            "cursor=",
            "cursor=am9i",
            "limit=5&limit=5",
            "status=queued%27%20OR%201=1--",
        ] {
            assert_eq!(parse_listing(query).unwrap_err().code, Code::InvalidInput, "{query}");
        }
    }
}
