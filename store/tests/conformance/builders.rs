//! Builds the jobs, claims, heartbeats and outcomes that the tests use.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use huemill_store::Caller;
use huemill_store::job::{
    Card, ItemError, ItemResult, ItemSource, JobId, JobKind, NewItem, NewJob, Priority,
};
use huemill_store::store::{
    Backoff, CallerLimits, ClaimRequest, DownloadLimits, Heartbeat, ItemOutcome, Lease, Owner, Role,
    Selection, StoreError,
};

/// The time that a picture takes.
pub(crate) const PACE_MS: u64 = 1_500;
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

/// A new job id.
pub(crate) fn new_id() -> JobId {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    JobId::generate(now, &mut rand::rng())
}

/// A job with this many items that is kept for an hour, without a key or a callback.
pub(crate) fn new_job(items: u32) -> NewJob {
    let id = new_id();
    let source = |number| ItemSource::Url { url: format!("https://example.org/{number}.png") };
    NewJob {
        caller: Caller::of_address([203, 0, 113, 7].into()),
        kind: JobKind::Url,
        priority: Priority::Normal,
        options: r#"{"colors":5}"#.into(),
        request_id: "req-0001".into(),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        base_url: "https://huemill.example".into(),
        callback_url: None,
        ttl: HOUR,
        eta_s: 9,
        items: (0..items)
            .map(|number| NewItem {
                name: format!("{number}.png"),
                source: source(number),
                host: String::new(),
                same_as: None,
            })
            .collect(),
        input_bytes: u64::from(items) * 1_000,
        expected_bytes: u64::from(items) * 1_100,
        limits: CallerLimits::default(),
        key: None,
        id,
    }
}

pub(crate) fn owner() -> Owner {
    Owner("test".into())
}

/// A claim of up to this many items in turn.
pub(crate) fn claim_request(limit: u32) -> ClaimRequest {
    ClaimRequest {
        owner: owner(),
        sequence: 1,
        limit,
        lease: HOUR,
        selection: Selection::InTurn,
        downloads: DownloadLimits::default(),
        pace_ms: PACE_MS,
    }
}

/// The same claim by a new process that is dead as soon as the claim returns.
pub(crate) fn from_dead_process(request: &ClaimRequest) -> ClaimRequest {
    static DEAD: AtomicI64 = AtomicI64::new(0);
    let number = DEAD.fetch_add(1, Ordering::Relaxed);
    ClaimRequest { owner: Owner(format!("dead {number}")), lease: Duration::ZERO, ..request.clone() }
}

/// A heartbeat of this owner that holds these leases.
pub(crate) fn heartbeat(owner: Owner, lease: Duration, held: &[Lease]) -> Heartbeat {
    Heartbeat {
        owner,
        host: "test".into(),
        version: "1".into(),
        role: Role::All,
        slots: 2,
        lease,
        answered: u64::MAX,
        held: held.to_vec(),
    }
}

/// The result of this attempt.
pub(crate) fn result(lease: &Lease) -> ItemResult {
    let card = Card {
        key: format!("jobs/{}/out/{}.png", lease.job, lease.number),
        media_type: "image/png".into(),
        length: 1_234,
        crc32: 0xdead_beef,
    };
    ItemResult { members: format!(r#"{{"attempt":{}}}"#, lease.attempt), card: Some(card) }
}

/// The outcome of an attempt that succeeded.
pub(crate) fn done(lease: &Lease) -> ItemOutcome {
    ItemOutcome::Done(result(lease))
}

/// The outcome of an attempt that failed because of the picture.
pub(crate) fn failed() -> ItemOutcome {
    ItemOutcome::Failed(picture_error())
}

/// The outcome of an attempt that failed through no fault of the picture. The item fails at this many failures.
pub(crate) fn retry(limit: u32) -> ItemOutcome {
    ItemOutcome::Retry(internal_error(), Backoff { first: Duration::ZERO, longest: HOUR, limit })
}

/// An error that the picture caused.
pub(crate) fn picture_error() -> ItemError {
    ItemError { code: "PROCESSING_ERROR".into(), message: "The picture is damaged.".into() }
}

/// An error that the picture did not cause.
pub(crate) fn internal_error() -> ItemError {
    ItemError { code: "INTERNAL".into(), message: "The picture could not be processed.".into() }
}

/// Repeats a call while the store is unavailable. On a busy machine, locks on contended rows can time out.
pub(crate) async fn retry_while_away<T, F>(call: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    for _ in 0..20 {
        match call().await {
            Err(StoreError::Away(_)) => {}
            answer => return answer.unwrap(),
        }
    }
    panic!("the store stays unavailable");
}
