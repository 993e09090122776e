//! `GET /jobs`: the operator's list, newest first, a page at a time.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::Fault;
use huemill_store::job::{JobId, JobKind, JobState};
use huemill_store::store::JobFilter;
use serde::Serialize;

use super::body::Summary;
use crate::http::doors::Doors;
use crate::http::operator;
use crate::http::page::{self, Query};
use crate::http::problem::Problem;

#[derive(Serialize)]
struct Page<'a> {
    jobs: Vec<Summary<'a>>,
    next_cursor: Option<String>,
}

/// A page of jobs.
pub(super) async fn list(request: HttpRequest, doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    operator::check(request.headers(), &doors.operator)?;
    let mut listing = listing(request.query_string())?;
    let limit = listing.limit;
    // One more tells whether there is another page.
    listing.limit += 1;
    let mut jobs = doors.repository.store.list(&listing).await?;
    let next_cursor = page::cut(&mut jobs, limit, |job| job.id.as_str());
    let jobs = jobs.iter().map(|job| Summary::new(job, &doors.links)).collect();
    Ok(HttpResponse::Ok().json(Page { jobs, next_cursor }))
}

/// What the query asks for.
fn listing(query: &str) -> Result<JobFilter, Fault> {
    let query = Query::read(query)?;
    Ok(JobFilter {
        state: query.word("status", JobState::ALL, JobState::as_str)?,
        kind: query.word("type", JobKind::ALL, JobKind::as_str)?,
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
    fn nothing_asked_is_the_first_page_of_all() {
        let all = listing("").unwrap();
        assert_eq!((all.state, all.kind, all.before, all.limit), (None, None, None, 50));
    }

    #[test]
    fn the_query_narrows_the_list() {
        let id = JobId::generate(Duration::from_secs(9), &mut rand::rng());
        let cursor = page::cut(&mut vec![id.clone(), id.clone()], 1, JobId::as_str).unwrap();
        let query = format!("status=failed&type=zip_batch&limit=200&cursor={cursor}");
        let some = listing(&query).unwrap();
        assert_eq!((some.state, some.kind), (Some(JobState::Failed), Some(JobKind::Zip)));
        assert_eq!((some.before, some.limit), (Some(id), 200));
    }

    #[test]
    fn what_is_no_such_value_is_refused() {
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
            assert_eq!(listing(query).unwrap_err().code, Code::InvalidInput, "{query}");
        }
    }
}
