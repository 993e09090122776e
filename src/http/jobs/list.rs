//! `GET /jobs`: the operator's list, newest first, a page at a time.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_store::job::{JobId, JobKind, JobState};
use huemill_store::store::Listing;
use serde::Serialize;

use super::body::Summary;
use crate::http::doors::Doors;
use crate::http::problem::Problem;
use crate::http::{negotiate, operator};

/// Jobs of a page where nothing is said, and at most.
const DEFAULT: u32 = 50;
const MOST: u32 = 200;

#[derive(Serialize)]
struct Page<'a> {
    jobs: Vec<Summary<'a>>,
    next_cursor: Option<String>,
}

/// A page of jobs.
pub(super) async fn list(request: HttpRequest, doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    operator::check(request.headers(), &doors.operator)?;
    let mut listing = listing(request.query_string())?;
    let limit = listing.limit as usize;
    // One more tells whether there is another page.
    listing.limit += 1;
    let mut jobs = doors.records.store.list(&listing).await?;
    let more = jobs.len() > limit;
    jobs.truncate(limit);
    let next_cursor = jobs.last().filter(|_| more).map(|job| cursor(&job.id));
    let jobs = jobs.iter().map(|job| Summary::new(job, &doors.links)).collect();
    Ok(HttpResponse::Ok().json(Page { jobs, next_cursor }))
}

/// What the query asks for.
fn listing(query: &str) -> Result<Listing, Fault> {
    let mut listing = Listing { limit: DEFAULT, ..Listing::default() };
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in negotiate::pairs(query)? {
        if seen.contains(&name) {
            return Err(invalid(format!("The query names {name} twice: send it once.")));
        }
        match name.as_str() {
            "status" => {
                listing.state = Some(
                    JobState::parse(&value)
                        .ok_or_else(|| words("status", JobState::ALL, JobState::as_str))?,
                );
            }
            "type" => {
                listing.kind =
                    Some(JobKind::parse(&value).ok_or_else(|| words("type", JobKind::ALL, JobKind::as_str))?);
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
                listing.limit =
                    limit.ok_or_else(|| invalid("limit must be a whole number from 1 to 200."))?;
            }
            "cursor" => {
                let before = behind(&value);
                listing.before = Some(before.ok_or_else(|| {
                    invalid("cursor must be the next_cursor of an earlier page, as it was.")
                })?);
            }
            _ => {}
        }
        seen.push(name);
    }
    Ok(listing)
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Code::InvalidInput).told(message)
}

fn words<T: Copy>(name: &str, all: &[T], word: impl Fn(T) -> &'static str) -> Fault {
    let words: Vec<&str> = all.iter().map(|one| word(*one)).collect();
    invalid(format!("{name} must be one of {}.", words.join(", ")))
}

/// Where the next page begins, as one word that says nothing.
fn cursor(id: &JobId) -> String {
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(id.as_str())
}

fn behind(cursor: &str) -> Option<JobId> {
    let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(cursor).ok()?;
    JobId::parse(std::str::from_utf8(&bytes).ok()?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn nothing_asked_is_the_first_page_of_all() {
        let all = listing("").unwrap();
        assert_eq!((all.state, all.kind, all.before, all.limit), (None, None, None, 50));
    }

    #[test]
    fn the_query_narrows_the_list() {
        let id = JobId::generate(Duration::from_secs(9), &mut rand::rng());
        let query = format!("status=failed&type=zip_batch&limit=200&cursor={}", cursor(&id));
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
