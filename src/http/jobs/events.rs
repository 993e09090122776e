//! `GET /jobs/{id}/events`: a job's changes as server-sent events (WHATWG HTML, 9.2), until it has ended.
//!
//! An event's id is the job's version, so that who comes back with `Last-Event-ID` is told only what is new; who has
//! seen the end is told not to come back (204). Where other processes write too, the job is looked at once a second.
//!
//! A stream outlives a store that is away for some minutes: comments keep the connection open, and the next change
//! follows once the store is back. A stream that ends before the job does tells its client to reconnect after a
//! random time, so that a restart is not followed by all clients at once.

use std::pin::Pin;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, Stream};
use huemill_actors::fault::{Code, Fault};
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

/// How long a stream outlives a store that is away.
const OUTAGE: Duration = Duration::from_secs(180);

/// Milliseconds after which a client reconnects.
const RETRY_MS: std::ops::RangeInclusive<u32> = 2_000..=6_000;

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
    /// Since when the store has been away.
    away_since: Option<Instant>,
}

impl Changes {
    fn new(id: JobId, told: Option<i64>, doors: Data<Doors>) -> Self {
        let watch = doors.repository.snapshots.watch(&id);
        let quiet_until = Instant::now() + QUIET;
        Self { doors, id, watch, told, begun: false, over: false, quiet_until, away_since: None }
    }

    fn stream(self) -> impl Stream<Item = Result<Bytes, Fault>> {
        stream::try_unfold(self, |mut changes| async move {
            let piece = changes.next().await?;
            Ok(piece.map(|piece| (Bytes::from(piece), changes)))
        })
    }

    /// The next event, or a line that says nothing; none when the job has ended or is gone, the service stops, or the
    /// store has been away for too long.
    async fn next(&mut self) -> Result<Option<String>, Fault> {
        if !std::mem::replace(&mut self.begun, true) {
            return Ok(Some(retry()));
        }
        while !self.over {
            if self.doors.drain.has_begun() || is_too_long(self.away_since, Instant::now()) {
                self.over = true;
                return Ok(Some(retry()));
            }
            let mut changed: Pin<Box<dyn Future<Output = ()>>> = Box::pin(self.watch.changed());
            if let Some(event) = self.look().await? {
                return Ok(Some(event));
            }
            if !self.over && self.wait(&mut changed).await {
                return Ok(Some(":\n\n".to_owned()));
            }
        }
        Ok(None)
    }

    /// The event of a change that was not told yet. None as well while the store is away, which is noted, or takes
    /// so long that something should be said meanwhile.
    async fn look(&mut self) -> Result<Option<String>, Fault> {
        match timeout_at(self.quiet_until, self.news()).await {
            Ok(Ok(event)) => {
                self.away_since = None;
                Ok(event)
            }
            Ok(Err(fault)) if fault.code != Code::Overloaded => Err(fault),
            Ok(Err(_)) | Err(_) => {
                self.away_since.get_or_insert_with(Instant::now);
                Ok(None)
            }
        }
    }

    /// The event of the job's version, where that was not told yet. Changes nothing unless it succeeds.
    async fn news(&mut self) -> Result<Option<String>, Fault> {
        let repository = &self.doors.repository;
        let job_version = repository.snapshots.job_version(&repository.store, &self.id).await?;
        let Some(job_version) = job_version.filter(|job_version| job_version.state != JobState::Expired)
        else {
            self.over = true;
            return Ok(None);
        };
        if self.told.is_some_and(|told| told >= job_version.version) && !job_version.state.has_ended() {
            return Ok(None);
        }
        let job = repository.store.job(&self.id).await?;
        let Some(job) = job.filter(|job| job.state != JobState::Expired) else {
            self.over = true;
            return Ok(None);
        };
        let event = self.event(&job).await?;
        (self.told, self.over) = (Some(job.version), job.state.has_ended());
        self.quiet_until = Instant::now() + QUIET;
        Ok(Some(event))
    }

    /// Waits for a change. Whether it was quiet for so long that something should be said.
    async fn wait(&mut self, changed: &mut Pin<Box<dyn Future<Output = ()>>>) -> bool {
        let again = !self.doors.repository.store.is_sole_writer() || self.away_since.is_some();
        loop {
            let until = self.quiet_until.min(Instant::now() + LOOK);
            if timeout_at(until, changed.as_mut()).await.is_ok() {
                return false;
            }
            if Instant::now() >= self.quiet_until {
                self.quiet_until = Instant::now() + QUIET;
                return true;
            }
            if again || self.doors.drain.has_begun() {
                return false;
            }
        }
    }

    async fn event(&self, job: &Job) -> Result<String, Fault> {
        let mut json = Summary::new(job, &self.doors.links).json();
        if job.state == JobState::Failed {
            let mut pictures = Pictures::new(self.doors.repository.clone(), job.clone());
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

/// After how long the client should reconnect.
fn retry() -> String {
    format!("retry: {}\n\n", rand::random_range(RETRY_MS))
}

/// Whether the store has been away for so long that the stream should end.
fn is_too_long(away_since: Option<Instant>, now: Instant) -> bool {
    away_since.is_some_and(|since| now.saturating_duration_since(since) >= OUTAGE)
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
    fn clients_are_spread_over_seconds() {
        let waits: std::collections::BTreeSet<u32> =
            (0..200).map(|_| retry().strip_prefix("retry: ").unwrap().trim_end().parse().unwrap()).collect();
        assert!(waits.iter().all(|wait| RETRY_MS.contains(wait)), "{waits:?}");
        assert!(waits.len() > 20, "{waits:?}");
    }

    #[test]
    fn a_stream_outlives_minutes_without_a_store_and_no_more() {
        let since = Instant::now();
        assert!(!is_too_long(None, since));
        assert!(!is_too_long(Some(since), since + OUTAGE - Duration::from_millis(1)));
        assert!(is_too_long(Some(since), since + OUTAGE));
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
