//! `GET /jobs/{id}/events` and `GET /links/{link_id}/events`: streams a job's changes as server-sent events (WHATWG HTML,
//! 9.2) until the job has ended. Each caller may have a number of streams open; one more is a `RATE_LIMITED`.
//!
//! An event's id is the job's version. A client that reconnects with `Last-Event-ID` gets only newer events; one that has
//! seen the end is told not to reconnect (204).

use actix_web::body::BodySize;
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::Fault;
use huemill_actors::reached_limit::Unit;
use huemill_store::job::Job;

use super::download::linked_job;
use super::event_stream::{Audience, EventStream};
use super::links::LinkedThing;
use crate::http::body_stream::HeadBody;
use crate::http::context;
use crate::http::problem::Problem;
use crate::http::state::Jobs;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const UNBUFFERED: (&str, &str) = ("x-accel-buffering", "no");

/// Streams a job's changes.
pub(super) async fn events(
    request: HttpRequest,
    path: Path<String>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    let job = jobs.find(&path, context::of(&request).identity()).await?;
    Ok(respond(&request, job, Audience::Owner, jobs)?)
}

/// Streams the changes of a link's job.
pub(super) async fn linked_events(
    request: HttpRequest,
    path: Path<String>,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Problem> {
    let (job, _) = linked_job(&path, LinkedThing::Events, &jobs).await?;
    Ok(respond(&request, job, Audience::LinkHolder, jobs)?)
}

fn respond(
    request: &HttpRequest,
    job: Job,
    audience: Audience,
    jobs: Data<Jobs>,
) -> Result<HttpResponse, Fault> {
    let last = last_event_id(request.headers(), job.version);
    if job.state.has_ended() && last.is_some_and(|last| last >= job.version) {
        return Ok(HttpResponse::NoContent().finish());
    }
    let context = context::of(request);
    context.fix_duration();
    let mut builder = HttpResponse::Ok();
    builder
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/event-stream")))
        .insert_header(UNBUFFERED);
    if request.method() == Method::HEAD {
        return Ok(builder.body(HeadBody(BodySize::Stream)));
    }
    let place = jobs.streams.try_take_within(
        context.caller(),
        1,
        context.identity().limits().event_streams.map(u64::from),
    );
    let place = place.map_err(|none| {
        none.into_fault("event_streams", "event streams", Unit::ConcurrentRequests, "too many event streams")
    })?;
    Ok(builder.streaming(EventStream::new(job.id, last, audience, jobs, place).pieces()))
}

/// The version that the client saw last. A version that the job has not reached is ignored: the client gets everything,
/// because it might otherwise wait forever.
fn last_event_id(headers: &HeaderMap, version: i64) -> Option<i64> {
    headers.get(LAST_EVENT_ID)?.to_str().ok()?.parse().ok().filter(|last| *last <= version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_event_id_must_be_a_version_that_the_job_has_reached() {
        let parsed = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(LAST_EVENT_ID, HeaderValue::from_static(text));
            last_event_id(&headers, 8)
        };
        assert_eq!((parsed("7"), parsed("8")), (Some(7), Some(8)));
        assert_eq!(last_event_id(&HeaderMap::new(), 8), None);
        for text in ["", "x", "7.5", "9", "99999999999999999999"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
