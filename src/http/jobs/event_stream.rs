//! One client's stream of a job's changes. If other processes can write too, the job is checked once a second.
//!
//! A stream survives a store that is unavailable for some minutes: comments keep the connection open, and the next change
//! follows once the store is back. A stream that ends before the job tells its client to reconnect after a random time, so
//! that clients do not all return at once after a restart.

use std::pin::Pin;
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use futures_util::stream::{self, Stream};
use huemill_actors::fault::{Code, Fault};
use huemill_actors::share::Place;
use huemill_actors::snapshots::Watch;
use huemill_store::job::{Job, JobId, JobState};
use tokio::time::{Instant, timeout_at};

use super::results::{PictureReader, job_error};
use super::summary::JobSummary;
use crate::http::state::Jobs;

/// How often a comment is sent while nothing changes, so that no proxy takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How often the stream checks whether the service is draining and, if others can write too, whether the job has changed.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How long a stream survives without the store.
const MAX_OUTAGE: Duration = Duration::from_secs(180);

/// Milliseconds after which a client reconnects.
const RETRY_MS: std::ops::RangeInclusive<u32> = 2_000..=6_000;

/// Who receives a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// A client that knows the job's id.
    Owner,
    /// A client that has a link. It sees the job's progress, but neither its id nor links to its results.
    LinkHolder,
}

/// One client's stream of a job's changes.
pub(super) struct EventStream {
    jobs: Data<Jobs>,
    id: JobId,
    audience: Audience,
    watch: Watch,
    /// The version that was sent last.
    sent: Option<i64>,
    has_begun: bool,
    has_ended: bool,
    next_keep_alive: Instant,
    /// Since when the store has been unavailable.
    outage_since: Option<Instant>,
    /// The caller's place among all streams.
    _place: Place,
}

impl EventStream {
    /// The stream of a job's changes after the version that the client has.
    pub(super) fn new(
        id: JobId,
        sent: Option<i64>,
        audience: Audience,
        jobs: Data<Jobs>,
        place: Place,
    ) -> Self {
        let watch = jobs.repository.snapshots.watch(&id);
        let next_keep_alive = Instant::now() + KEEP_ALIVE;
        Self {
            jobs,
            id,
            audience,
            watch,
            sent,
            has_begun: false,
            has_ended: false,
            next_keep_alive,
            outage_since: None,
            _place: place,
        }
    }

    /// The bytes of the stream.
    pub(super) fn pieces(self) -> impl Stream<Item = Result<Bytes, Fault>> {
        stream::try_unfold(self, |mut events| async move {
            let piece = events.next().await?;
            Ok(piece.map(|piece| (Bytes::from(piece), events)))
        })
    }

    /// The next event or comment; `None` once the job has ended or is gone, the service is draining, or the store has been
    /// unavailable for too long.
    async fn next(&mut self) -> Result<Option<String>, Fault> {
        if !std::mem::replace(&mut self.has_begun, true) {
            return Ok(Some(retry_field()));
        }
        while !self.has_ended {
            if self.jobs.drain.has_begun() || is_too_long(self.outage_since, Instant::now()) {
                self.has_ended = true;
                return Ok(Some(retry_field()));
            }
            let mut changed: Pin<Box<dyn Future<Output = ()>>> = Box::pin(self.watch.changed());
            if let Some(event) = self.check().await? {
                return Ok(Some(event));
            }
            if !self.has_ended && self.wait(&mut changed).await {
                return Ok(Some(":\n\n".to_owned()));
            }
        }
        Ok(None)
    }

    /// The event of a change that was not sent yet. `None` also if the store is unavailable, which is recorded, or if it
    /// takes so long that a keep-alive is due.
    async fn check(&mut self) -> Result<Option<String>, Fault> {
        match timeout_at(self.next_keep_alive, self.new_event()).await {
            Ok(Ok(event)) => {
                self.outage_since = None;
                Ok(event)
            }
            Ok(Err(fault)) if fault.code != Code::Overloaded => Err(fault),
            Ok(Err(_)) | Err(_) => {
                self.outage_since.get_or_insert_with(Instant::now);
                Ok(None)
            }
        }
    }

    /// The event of the job's version, if it was not sent yet. Changes nothing unless it succeeds.
    async fn new_event(&mut self) -> Result<Option<String>, Fault> {
        let repository = &self.jobs.repository;
        let job_version = repository.snapshots.job_version(&repository.store, &self.id).await?;
        let Some(job_version) = job_version.filter(|job_version| job_version.state != JobState::Expired)
        else {
            self.has_ended = true;
            return Ok(None);
        };
        if self.sent.is_some_and(|sent| sent >= job_version.version) && !job_version.state.has_ended() {
            return Ok(None);
        }
        let job = repository.store.job(&self.id).await?;
        let Some(job) = job.filter(|job| job.state != JobState::Expired) else {
            self.has_ended = true;
            return Ok(None);
        };
        let event = self.event(&job).await?;
        (self.sent, self.has_ended) = (Some(job.version), job.state.has_ended());
        self.next_keep_alive = Instant::now() + KEEP_ALIVE;
        Ok(Some(event))
    }

    /// Waits for a change. Returns whether a keep-alive is due.
    async fn wait(&mut self, changed: &mut Pin<Box<dyn Future<Output = ()>>>) -> bool {
        let must_poll = !self.jobs.repository.store.is_sole_writer() || self.outage_since.is_some();
        loop {
            let until = self.next_keep_alive.min(Instant::now() + CHECK_INTERVAL);
            if timeout_at(until, changed.as_mut()).await.is_ok() {
                return false;
            }
            if Instant::now() >= self.next_keep_alive {
                self.next_keep_alive = Instant::now() + KEEP_ALIVE;
                return true;
            }
            if must_poll || self.jobs.drain.has_begun() {
                return false;
            }
        }
    }

    async fn event(&self, job: &Job) -> Result<String, Fault> {
        let summary = JobSummary::new(job, &self.jobs.links, self.jobs.with_events_url);
        let mut json = match self.audience {
            Audience::Owner => summary.json(),
            Audience::LinkHolder => summary.without_identity().json(),
        };
        if job.state == JobState::Failed {
            let mut pictures = PictureReader::new(self.jobs.repository.clone(), job.clone());
            while pictures.next().await?.is_some() {}
            let (error_code, message) = job_error(&pictures.failed, job.total);
            json = with_error(&json, &error_code, &message);
        }
        Ok(format!(
            "event: {}\nid: {}\ndata: {}\n\n",
            event_name(job.state),
            job.version,
            String::from_utf8_lossy(&json)
        ))
    }
}

/// The `retry` field, which tells the client when to reconnect.
fn retry_field() -> String {
    format!("retry: {}\n\n", rand::random_range(RETRY_MS))
}

/// Whether the store has been unavailable for so long that the stream must end.
fn is_too_long(outage_since: Option<Instant>, now: Instant) -> bool {
    outage_since.is_some_and(|since| now.saturating_duration_since(since) >= MAX_OUTAGE)
}

/// The event's name: an ended job's state, otherwise `progress`.
fn event_name(state: JobState) -> &'static str {
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
    fn events_have_the_names_of_the_api_contract() {
        let names: Vec<&str> = JobState::ALL.iter().map(|state| event_name(*state)).collect();
        assert_eq!(names, ["progress", "progress", "completed", "failed", "canceled", "expired"]);
    }

    #[test]
    fn reconnecting_clients_are_spread_over_seconds() {
        let waits: std::collections::BTreeSet<u32> = (0..200)
            .map(|_| retry_field().strip_prefix("retry: ").unwrap().trim_end().parse().unwrap())
            .collect();
        assert!(waits.iter().all(|wait| RETRY_MS.contains(wait)), "{waits:?}");
        assert!(waits.len() > 20, "{waits:?}");
    }

    #[test]
    fn a_stream_survives_some_minutes_without_the_store() {
        let since = Instant::now();
        assert!(!is_too_long(None, since));
        assert!(!is_too_long(Some(since), since + MAX_OUTAGE - Duration::from_millis(1)));
        assert!(is_too_long(Some(since), since + MAX_OUTAGE));
    }

    #[test]
    fn an_error_is_added_to_the_other_members() {
        let json = with_error(b"{\"status\":\"failed\"}", "X", "message text");
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"status": "failed", "error_code": "X", "message": "message text", "user_message": "message text"})
        );
    }
}
