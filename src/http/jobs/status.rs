//! `GET /jobs/{id}`: what clients poll. Who has the current version already is told so from the snapshot, without
//! the store.

use actix_web::http::header::{ETAG, HeaderValue, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_observability::{Event, PollResult};
use huemill_store::job::{Job, JobId, JobState};
use huemill_store::store::JobVersion;

use super::body::Summary;
use super::results::{Cards, Results};
use super::{fetched, find, id, living};
use crate::http::doors::Doors;
use crate::http::etag::ETag;
use crate::http::problem::Problem;
use crate::http::{answer, negotiate};

/// Seconds to wait between polls of a job that waits, of one that is worked on, and at most.
const QUEUED: u64 = 2;
const PROCESSING: u64 = 5;
const LONGEST: u64 = 30;

/// The job as it is now, or that the client knows it already.
pub(super) async fn status(
    request: HttpRequest,
    path: Path<String>,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let id = id(&path)?;
    let cards = cards(request.query_string())?;
    let repository = &doors.repository;
    let job_version = repository.snapshots.job_version(&repository.store, &id).await?;
    let job_version = job_version.ok_or_else(|| Fault::new(Code::JobNotFound))?;
    living(job_version.state)?;
    let etag = tag(job_version.version, cards);
    if etag.is_held(request.headers()) {
        return Ok(not_modified(&job_version, &etag, &doors));
    }
    let told = |id: &JobId, version| {
        if request.method() != Method::HEAD {
            doors.recorder.record(Event::StatusPolled(doors.served.note(id, version)));
        }
    };
    if let Some(body) = repository.snapshots.body(&job_version) {
        told(&id, job_version.version);
        return Ok(wait(live(StatusCode::OK, &etag, body), job_version.state, job_version.eta_s, &doors));
    }
    let job = find(&doors, &path).await?;
    // Where others write too the snapshot may be a second behind the job, and the client not.
    let etag = tag(job.version, cards);
    if etag.is_held(request.headers()) {
        return Ok(not_modified(&JobVersion::from(&job), &etag, &doors));
    }
    told(&job.id, job.version);
    Ok(whole(job, StatusCode::OK, cards, request.method(), &doors).await?)
}

fn not_modified(job_version: &JobVersion, etag: &ETag, doors: &Doors) -> HttpResponse {
    doors.recorder.record(Event::StatusPolled(PollResult::NotModified));
    let mut response = HttpResponse::NotModified().finish();
    response.headers_mut().insert(ETAG, etag.header_value());
    wait(response, job_version.state, job_version.eta_s, doors)
}

/// The answer that is the job's body.
pub(super) async fn whole(
    job: Job,
    status: StatusCode,
    cards: Cards,
    method: &Method,
    doors: &Doors,
) -> Result<HttpResponse, Fault> {
    let (state, eta_s, etag) = (job.state, job.eta_s, tag(job.version, cards));
    if !state.has_ended() {
        let body = Bytes::from(Summary::new(&job, &doors.links).json());
        doors.repository.snapshots.keep_body(&job.id, job.version, &body);
        return Ok(wait(live(status, &etag, body), state, eta_s, doors));
    }
    let mut builder = HttpResponse::build(status);
    builder.content_type("application/json").insert_header((ETAG, etag.header_value()));
    let response = if method == Method::HEAD {
        builder.body(answer::Hollow::endless())
    } else {
        if cards.are_inline(&job) {
            fetched::note(&job, doors);
        }
        let results = Results::new(doors.repository.clone(), job, doors.links.clone(), cards);
        answer::streamed(builder, results.json()).await?
    };
    Ok(wait(response, state, eta_s, doors))
}

/// The answer that is the body of a job that has not ended.
fn live(status: StatusCode, etag: &ETag, body: Bytes) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("application/json")
        .insert_header((ETAG, etag.header_value()))
        .body(body)
}

/// How cards are asked for.
fn cards(query: &str) -> Result<Cards, Fault> {
    let pairs = negotiate::pairs(query)?;
    let mut asked = pairs.iter().filter(|(name, _)| name == "cards").map(|(_, value)| value.as_str());
    match (asked.next(), asked.next()) {
        (None, _) => Ok(Cards::Either),
        (Some("inline"), None) => Ok(Cards::Inline),
        (Some("url"), None) => Ok(Cards::Url),
        _ => Err(Fault::new(Code::InvalidInput).with_message("cards must be inline or url.")),
    }
}

/// Strong: one for each version and way of telling it.
fn tag(version: i64, cards: Cards) -> ETag {
    match cards.word() {
        None => ETag::new(version),
        Some(word) => ETag::new(format_args!("{version}-{word}")),
    }
}

fn wait(mut response: HttpResponse, state: JobState, eta_s: u32, doors: &Doors) -> HttpResponse {
    if let Some(seconds) = retry_after(state, eta_s) {
        doors.recorder.record(Event::RetryAfterSent { seconds });
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// When to ask again: a quarter of the time that is left, within bounds.
pub(super) fn retry_after(state: JobState, eta_s: u32) -> Option<u64> {
    let least = match state {
        JobState::Queued => QUEUED,
        JobState::Processing => PROCESSING,
        _ => return None,
    };
    Some((u64::from(eta_s) / 4).clamp(least, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_to_wait_longer_for_longer_jobs_and_not_at_all_for_ended_ones() {
        for (state, eta_s, seconds) in [
            (JobState::Queued, 0, Some(2)),
            (JobState::Queued, 8, Some(2)),
            (JobState::Queued, 40, Some(10)),
            (JobState::Processing, 3, Some(5)),
            (JobState::Processing, 100, Some(25)),
            (JobState::Processing, 100_000, Some(30)),
            (JobState::Completed, 100, None),
            (JobState::Failed, 0, None),
            (JobState::Canceled, 0, None),
        ] {
            assert_eq!(retry_after(state, eta_s), seconds, "{state:?} {eta_s}");
        }
    }

    #[test]
    fn each_version_and_way_of_telling_has_its_tag() {
        let tags = [tag(7, Cards::Either), tag(7, Cards::Inline), tag(7, Cards::Url), tag(8, Cards::Either)];
        assert_eq!(tags[0], ETag::new("7"));
        assert!((1..tags.len()).all(|at| !tags[..at].contains(&tags[at])));
    }

    #[test]
    fn the_query_chooses_how_cards_are_told() {
        assert_eq!(cards("").unwrap(), Cards::Either);
        assert_eq!(cards("cards=inline").unwrap(), Cards::Inline);
        assert_eq!(cards("x=1&cards=url").unwrap(), Cards::Url);
        for query in ["cards=", "cards=both", "cards=url&cards=url"] {
            assert!(cards(query).is_err(), "{query}");
        }
    }
}
