//! `GET /jobs/{id}`: the job's status, which clients poll. A client that already has the current version gets a 304 from the
//! snapshot, without a read from the store.

use actix_web::body::BodySize;
use actix_web::http::header::{ETAG, HeaderValue, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_observability::{Event, PollResult};
use huemill_store::job::{Job, JobId, JobState};
use huemill_store::store::JobVersion;

use super::results::{CardEmbedding, JobBody};
use super::summary::JobSummary;
use crate::http::body_stream::{HeadBody, buffered_start};
use crate::http::content_negotiation::query_pairs;
use crate::http::context;
use crate::http::etag::{ETag, check_preconditions};
use crate::http::problem::{Problem, invalid};
use crate::http::state::Jobs;
use crate::http::state::jobs::{check_not_expired, parse_id};

/// Minimum seconds between polls of a queued and of a processing job, and the maximum.
const QUEUED: u64 = 2;
const PROCESSING: u64 = 5;
const LONGEST: u64 = 30;

/// The job as it is now, or 304 if the client already has this version.
pub(super) async fn status(
    request: HttpRequest,
    path: Path<String>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&path)?;
    let cards = parse_cards(request.query_string())?;
    let repository = &jobs.repository;
    let job_version = repository.snapshots.job_version(&repository.store, &id).await?;
    let context = context::of(&request);
    let job_version = job_version.filter(|known| context.identity().may_see(known.caller));
    let job_version = job_version.ok_or_else(|| Fault::new(Code::JobNotFound))?;
    check_not_expired(job_version.state)?;
    let etag = tag(job_version.version, cards);
    check_preconditions(&request, std::slice::from_ref(&etag), None)?;
    if etag.matches(&request) {
        return Ok(not_modified(&job_version, &etag, &jobs));
    }
    let record_poll = |id: &JobId, version| {
        if request.method() != Method::HEAD {
            jobs.recorder.record(Event::StatusPolled(jobs.poll_history.record(id, version)));
        }
    };
    if let Some(body) = repository.snapshots.body(&job_version) {
        record_poll(&id, job_version.version);
        let response = respond_live(StatusCode::OK, &etag, body);
        return Ok(with_retry_after(response, job_version.state, job_version.eta_s, &jobs));
    }
    let job = jobs.find(&path, context.identity()).await?;
    // If other processes write too, the snapshot may be a second behind the job when the client is not.
    let etag = tag(job.version, cards);
    if etag.matches(&request) {
        return Ok(not_modified(&JobVersion::from(&job), &etag, &jobs));
    }
    record_poll(&job.id, job.version);
    Ok(respond(job, StatusCode::OK, cards, request.method(), &jobs).await?)
}

fn not_modified(job_version: &JobVersion, etag: &ETag, jobs: &Jobs) -> HttpResponse {
    jobs.recorder.record(Event::StatusPolled(PollResult::NotModified));
    with_retry_after(etag.not_modified(), job_version.state, job_version.eta_s, jobs)
}

/// Responds with the job's body.
pub(super) async fn respond(
    job: Job,
    status: StatusCode,
    cards: CardEmbedding,
    method: &Method,
    jobs: &Jobs,
) -> Result<HttpResponse, Fault> {
    let (state, eta_s, etag) = (job.state, job.eta_s, tag(job.version, cards));
    if !state.has_ended() {
        let body = Bytes::from(JobSummary::new(&job, &jobs.links, jobs.with_events_url).json());
        jobs.repository.snapshots.keep_body(&job.id, job.version, &body);
        return Ok(with_retry_after(respond_live(status, &etag, body), state, eta_s, jobs));
    }
    cards.check(&job)?;
    let mut builder = HttpResponse::build(status);
    builder.content_type("application/json").insert_header((ETAG, etag.header_value()));
    let response = if method == Method::HEAD {
        builder.body(HeadBody(BodySize::Stream))
    } else {
        if cards.are_inline(&job) {
            jobs.mark_fetched(&job);
        }
        let body = JobBody::new(jobs, job, cards);
        buffered_start(builder, body.json()).await?
    };
    Ok(with_retry_after(response, state, eta_s, jobs))
}

/// The response for a job that has not ended.
fn respond_live(status: StatusCode, etag: &ETag, body: Bytes) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("application/json")
        .insert_header((ETAG, etag.header_value()))
        .body(body)
}

/// Parses how the client wants cards.
fn parse_cards(query: &str) -> Result<CardEmbedding, Fault> {
    let pairs = query_pairs(query)?;
    let mut asked = pairs.iter().filter(|(name, _)| name == "cards").map(|(_, value)| value.as_str());
    match (asked.next(), asked.next()) {
        (None, _) => Ok(CardEmbedding::Auto),
        (Some("inline"), None) => Ok(CardEmbedding::Inline),
        (Some("url"), None) => Ok(CardEmbedding::Url),
        _ => Err(invalid("`cards` must be inline or url.")),
    }
}

/// Checks that a request to change a job is meant for its present version. Its tag may be that of any representation.
///
/// # Errors
/// `PRECONDITION_FAILED`.
pub(super) fn check_version(request: &HttpRequest, job: &Job) -> Result<(), Fault> {
    let cards = [CardEmbedding::Auto, CardEmbedding::Inline, CardEmbedding::Url];
    check_preconditions(request, &cards.map(|cards| tag(job.version, cards)), job.finished_at)
}

/// The strong tag of a version and its representation.
fn tag(version: i64, cards: CardEmbedding) -> ETag {
    match cards.word() {
        None => ETag::new(version),
        Some(word) => ETag::new(format_args!("{version}-{word}")),
    }
}

fn with_retry_after(mut response: HttpResponse, state: JobState, eta_s: u32, jobs: &Jobs) -> HttpResponse {
    if let Some(seconds) = retry_after(state, eta_s) {
        jobs.recorder.record(Event::RetryAfterSent { seconds });
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// When to poll again: after a quarter of the remaining time, within bounds.
pub(super) fn retry_after(state: JobState, eta_s: u32) -> Option<u64> {
    let min = match state {
        JobState::Queued => QUEUED,
        JobState::Processing => PROCESSING,
        _ => return None,
    };
    Some((u64::from(eta_s) / 4).clamp(min, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_grows_with_the_jobs_eta_and_is_absent_when_it_has_ended() {
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
    fn each_version_and_representation_has_its_own_tag() {
        let tags = [
            tag(7, CardEmbedding::Auto),
            tag(7, CardEmbedding::Inline),
            tag(7, CardEmbedding::Url),
            tag(8, CardEmbedding::Auto),
        ];
        assert_eq!(tags[0], ETag::new("7"));
        assert!((1..tags.len()).all(|at| !tags[..at].contains(&tags[at])));
    }

    #[test]
    fn the_query_chooses_how_cards_are_embedded() {
        assert_eq!(parse_cards("").unwrap(), CardEmbedding::Auto);
        assert_eq!(parse_cards("cards=inline").unwrap(), CardEmbedding::Inline);
        assert_eq!(parse_cards("x=1&cards=url").unwrap(), CardEmbedding::Url);
        for query in ["cards=", "cards=both", "cards=url&cards=url"] {
            assert!(parse_cards(query).is_err(), "{query}");
        }
    }
}
