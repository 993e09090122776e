//! `GET /jobs/{id}/events`: a job's changes as server-sent events (WHATWG HTML, 9.2), until it has ended.
//!
//! An event's id is the job's version, so that who comes back with `Last-Event-ID` is told only what is new; who has
//! seen the end is told not to come back (204). Where other processes write too, the job is looked at once a second.

use std::pin::Pin;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, Stream};
use huemill_actors::fault::Fault;
use huemill_actors::snapshots::Watch;
use huemill_store::job::{Job, JobId, JobState};
use tokio::time::{Instant, timeout_at};

use super::body::Summary;
use super::find;
use super::results::{Pictures, verdict};
use crate::http::answer::Hollow;
use crate::http::context;
use crate::http::doors::Doors;
use crate::http::problem::Problem;

const LAST: HeaderName = HeaderName::from_static("last-event-id");
const UNBUFFERED: (&str, &str) = ("x-accel-buffering", "no");

/// How often a line is sent that says nothing, so that nobody on the way takes the connection for dead.
const QUIET: Duration = Duration::from_secs(15);

/// How often it is looked whether the service stops, and, where others write too, whether the job has changed.
const LOOK: Duration = Duration::from_secs(1);

/// The stream of a job's changes.
pub(super) async fn events(
    request: HttpRequest,
    path: Path<String>,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let job = find(&doors, &path).await?;
    let last = last(request.headers(), job.version);
    if job.state.has_ended() && last.is_some_and(|last| last >= job.version) {
        return Ok(HttpResponse::NoContent().finish());
    }
    context::of(&request).judge_now();
    let mut builder = HttpResponse::Ok();
    builder
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/event-stream")))
        .insert_header(UNBUFFERED);
    if request.method() == Method::HEAD {
        return Ok(builder.body(Hollow::endless()));
    }
    Ok(builder.streaming(Changes::new(job.id, last, doors).stream()))
}

/// The version that the client was told last. One that the job has not come to was told by nobody: who says so is told
/// everything, since silence until then could be for ever.
fn last(headers: &HeaderMap, version: i64) -> Option<i64> {
    headers.get(LAST)?.to_str().ok()?.parse().ok().filter(|last| *last <= version)
}

/// One who is told of a job's changes.
struct Changes {
    doors: Data<Doors>,
    id: JobId,
    watch: Watch,
    /// The version that was told last.
    told: Option<i64>,
    begun: bool,
    over: bool,
    quiet_until: Instant,
}

impl Changes {
    fn new(id: JobId, told: Option<i64>, doors: Data<Doors>) -> Self {
        let watch = doors.records.snapshots.watch(&id);
        Self { doors, id, watch, told, begun: false, over: false, quiet_until: Instant::now() + QUIET }
    }

    fn stream(self) -> impl Stream<Item = Result<Bytes, Fault>> {
        stream::try_unfold(self, |mut changes| async move {
            let piece = changes.next().await?;
            Ok(piece.map(|piece| (Bytes::from(piece), changes)))
        })
    }

    /// The next event, or a line that says nothing; none when the job has ended, is gone, or the service stops.
    async fn next(&mut self) -> Result<Option<String>, Fault> {
        if !std::mem::replace(&mut self.begun, true) {
            return Ok(Some("retry: 2000\n\n".to_owned()));
        }
        while !self.over && !self.doors.drain.has_begun() {
            let mut changed: Pin<Box<dyn Future<Output = ()>>> = Box::pin(self.watch.changed());
            if let Some(job) = self.news().await? {
                return self.event(&job).await.map(Some);
            }
            if self.over {
                break;
            }
            if self.wait(&mut changed).await {
                return Ok(Some(":\n\n".to_owned()));
            }
        }
        Ok(None)
    }

    /// The job, where its version was not told yet.
    async fn news(&mut self) -> Result<Option<Job>, Fault> {
        let records = &self.doors.records;
        let mark = records.snapshots.mark(&records.store, &self.id).await?;
        let Some(mark) = mark.filter(|mark| mark.state != JobState::Expired) else {
            self.over = true;
            return Ok(None);
        };
        if self.told.is_some_and(|told| told >= mark.version) && !mark.state.has_ended() {
            return Ok(None);
        }
        let job = records.store.job(&self.id).await?.filter(|job| job.state != JobState::Expired);
        self.over = job.as_ref().is_none_or(|job| job.state.has_ended());
        Ok(job)
    }

    /// Waits for a change. Whether it was quiet for so long that something should be said.
    async fn wait(&mut self, changed: &mut Pin<Box<dyn Future<Output = ()>>>) -> bool {
        let others = !self.doors.records.store.is_sole_writer();
        loop {
            let until = self.quiet_until.min(Instant::now() + LOOK);
            if timeout_at(until, changed.as_mut()).await.is_ok() {
                return false;
            }
            if Instant::now() >= self.quiet_until {
                self.quiet_until = Instant::now() + QUIET;
                return true;
            }
            if others || self.doors.drain.has_begun() {
                return false;
            }
        }
    }

    async fn event(&mut self, job: &Job) -> Result<String, Fault> {
        self.told = Some(job.version);
        self.quiet_until = Instant::now() + QUIET;
        let mut json = Summary::new(job, &self.doors.links).json();
        if job.state == JobState::Failed {
            let mut pictures = Pictures::new(self.doors.records.clone(), job.clone());
            while pictures.next().await?.is_some() {}
            let (error_code, message) = verdict(&pictures.failed, job.total);
            json = with_error(&json, &error_code, &message);
        }
        Ok(format!(
            "event: {}\nid: {}\ndata: {}\n\n",
            name(job.state),
            job.version,
            String::from_utf8_lossy(&json)
        ))
    }
}

/// The event's name: what an ended job's state is called, else that it goes on.
fn name(state: JobState) -> &'static str {
    if state.has_ended() { state.as_str() } else { "progress" }
}

fn with_error(json: &[u8], error_code: &str, message: &str) -> Vec<u8> {
    let Ok(serde_json::Value::Object(mut members)) = serde_json::from_slice(json) else {
        return json.to_vec();
    };
    for (name, value) in [("error_code", error_code), ("message", message), ("user_message", message)] {
        members.insert(name.to_owned(), value.into());
    }
    serde_json::to_vec(&members).unwrap_or_else(|_| json.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_bear_the_contracts_names() {
        let names: Vec<&str> = JobState::ALL.iter().map(|state| name(*state)).collect();
        assert_eq!(names, ["progress", "progress", "completed", "failed", "canceled", "expired"]);
    }

    #[test]
    fn the_last_id_is_a_version_that_the_job_has_had() {
        let told = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(LAST, HeaderValue::from_static(text));
            last(&headers, 8)
        };
        assert_eq!((told("7"), told("8")), (Some(7), Some(8)));
        assert_eq!(last(&HeaderMap::new(), 8), None);
        for text in ["", "x", "7.5", "9", "99999999999999999999"] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn an_error_is_told_beside_the_rest() {
        let json = with_error(b"{\"status\":\"failed\"}", "X", "told");
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"status": "failed", "error_code": "X", "message": "told", "user_message": "told"})
        );
    }
}
