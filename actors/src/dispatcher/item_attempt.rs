//! One attempt at one picture of a job: fetch its bytes, have it processed, store its card, settle it.
//!
//! A fault of the picture fails it permanently. Another fault (its blob is refused, an internal error) defers it,
//! longer each time, and fails it after a few attempts; a lack of memory defers it without being counted. If store
//! or blobs are unavailable altogether, the picture is given back and claims pause. A picture whose token fires is
//! lost: its job was canceled or its lease taken over, and nothing more is written.

use std::sync::Arc;
use std::time::Duration;

use huemill_observability::trace::{self, KeyValue, Scope, Span, SpanKind};
use huemill_observability::{Event, log};
use huemill_store::Spool;
use huemill_store::fetch::fetch;
use huemill_store::job::{ItemResult, ItemSource};
use huemill_store::store::{Claim, ItemOutcome, Lease, Settled, StoreError};
use tokio_util::sync::CancellationToken;

use super::card;
use super::claimed_items::DownloadGuard;
use super::dependencies::{DispatcherDependencies, DispatcherSettings, within};
use super::item_failure::{ItemAction, ItemFailure, classify};
use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::fetcher::Fetch;
use crate::job_options;
use crate::picture_summary::PictureSummary;
use crate::supervise::ask;
use crate::telemetry::traced;
use crate::workers::{self, Class, Input, Run};

/// The route of these pictures, as metrics name it.
const ENDPOINT: &str = "/jobs";

/// The outcome of a picture without a result, as the log spells it.
pub(super) const FAILED: &str = "failed";

/// How an attempt ended.
pub(super) enum AttemptEnd {
    /// Its outcome was written, it was deferred, or it was stale.
    Settled,
    /// It was canceled, or its lease was lost.
    Lost,
    /// Store or blobs are unavailable; the picture is back in the queue.
    GivenBack(Fault),
}

/// Runs the attempt of a claimed picture.
pub(super) async fn attempt(
    dependencies: Arc<DispatcherDependencies>,
    settings: DispatcherSettings,
    claim: Claim,
    cancel: CancellationToken,
    download: Option<DownloadGuard>,
) -> AttemptEnd {
    let span = start_span(&claim);
    span.scope().run(carry_out(dependencies, settings, claim, cancel, download, &span)).await
}

/// Starts a trace for the attempt, linked to the one of its request, which may have ended long ago.
fn start_span(claim: &Claim) -> Span {
    let Claim { lease, request_id, .. } = claim;
    trace::linked(request_id, claim.traceparent.as_deref(), "job picture", SpanKind::Consumer, || {
        [
            KeyValue::new("huemill.request_id", request_id.clone()),
            KeyValue::new("huemill.job.id", lease.job.to_string()),
            KeyValue::new("huemill.job.picture", i64::from(lease.number)),
            KeyValue::new("huemill.job.attempt", i64::from(lease.attempt)),
        ]
    })
}

async fn carry_out(
    dependencies: Arc<DispatcherDependencies>,
    settings: DispatcherSettings,
    claim: Claim,
    cancel: CancellationToken,
    download: Option<DownloadGuard>,
    span: &Span,
) -> AttemptEnd {
    let began = Instant::now();
    let result = tokio::select! {
        biased;
        () = cancel.cancelled() => {
            span.fail("lost");
            card::remove_unneeded(&dependencies, &claim).await;
            return AttemptEnd::Lost;
        }
        result = process(&dependencies, settings, &claim, &cancel, download) => result,
    };
    let action = match result {
        Ok(result) => ItemAction::Settle(ItemOutcome::Done(result), None),
        Err(_) if cancel.is_cancelled() => return AttemptEnd::Lost,
        Err(failure) => classify(failure, &dependencies.blob_check, settings.backoff).await,
    };
    let (outcome, fault) = match action {
        ItemAction::Settle(outcome, fault) => (outcome, fault),
        ItemAction::GiveBack(fault) => {
            span.fail(fault.code.as_str());
            return give_back(&dependencies, &claim.lease, fault).await;
        }
    };
    if let Some(fault) = &fault {
        span.fail(fault.code.as_str());
    }
    let settled = match settle(&dependencies, settings.lease, &claim, outcome, &cancel).await {
        Ok(settled) => settled,
        Err(end) => return end,
    };
    if settled == Settled::Stale {
        card::remove_unneeded(&dependencies, &claim).await;
    }
    report(&dependencies, &claim, &settled, fault.as_ref(), began);
    AttemptEnd::Settled
}

async fn process(
    dependencies: &Arc<DispatcherDependencies>,
    settings: DispatcherSettings,
    claim: &Claim,
    cancel: &CancellationToken,
    download: Option<DownloadGuard>,
) -> Result<ItemResult, ItemFailure> {
    let options = job_options::read(&claim.options)?;
    let input = Input::Spool(traced("fetch", fetch_bytes(dependencies, settings, claim)).await?);
    drop(download);
    let start_by = Instant::now() + settings.picture;
    let class = Class::Batch { start_by };
    let deadline = start_by + settings.picture;
    let caller = claim.caller;
    let run = Run {
        input,
        options,
        deadline,
        cancel: cancel.clone(),
        caller,
        class,
        counted: true,
        scope: Scope::here(),
    };
    let done = workers::run(&dependencies.workers, run).await?;
    dependencies.estimate.record(done.worked);
    let members = serde_json::to_string(&PictureSummary::from(&done.outcome))
        .map_err(|error| Fault::new(Code::InternalError).with_cause(error))?;
    // The options of a job always ask for a card.
    let card =
        done.outcome.card.ok_or_else(|| Fault::new(Code::InternalError).with_cause("there is no card"))?;
    let card = traced("card upload", card::store(dependencies, claim, cancel, card)).await?;
    Ok(ItemResult { members, card })
}

/// Fetches the picture's bytes from its URL or blob.
async fn fetch_bytes(
    dependencies: &Arc<DispatcherDependencies>,
    settings: DispatcherSettings,
    claim: &Claim,
) -> Result<Spool, ItemFailure> {
    if let ItemSource::Url { url } = &claim.source {
        let (url, request_id) = (url.clone(), claim.request_id.clone());
        let job_id = Some(claim.lease.job.to_string());
        let fetch = Fetch { url, caller: claim.caller, wait: None, request_id, job_id, scope: Scope::here() };
        return Ok(ask(&dependencies.fetcher, fetch).await??);
    }
    let (fetching, source) = (Arc::clone(dependencies), claim.source.clone());
    let fetched = dependencies.repository.on_io(async move {
        let DispatcherDependencies { repository, room, .. } = &*fetching;
        Ok(fetch(&repository.blobs, &source, room, settings.longest_input).await)
    });
    fetched.await?.map_err(ItemFailure::from)
}

/// The first and the longest wait before settling is retried.
const RETRY_WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Settles the picture and retries while the store is unavailable: the work is done, and the lease is valid until a
/// heartbeat finds that it was lost and fires the token.
async fn settle(
    dependencies: &DispatcherDependencies,
    lease: Duration,
    claim: &Claim,
    outcome: ItemOutcome,
    cancel: &CancellationToken,
) -> Result<Settled, AttemptEnd> {
    let mut wait = RETRY_WAITS.0;
    loop {
        let pace = dependencies.estimate.pace_ms();
        let settle = dependencies.repository.store.settle(&claim.lease, outcome.clone(), pace);
        match within(lease, settle).await {
            Ok(settled) => return Ok(settled),
            Err(StoreError::Away(cause)) => {
                log!(SETTLE_DELAYED, job_id = claim.lease.job.as_str(), cause);
                tokio::select! {
                    () = cancel.cancelled() => return Err(AttemptEnd::Lost),
                    () = tokio::time::sleep(wait) => {}
                }
                wait = (wait * 2).min(RETRY_WAITS.1);
            }
            Err(error) => return Err(give_back(dependencies, &claim.lease, error.into()).await),
        }
    }
}

/// Records and logs how the picture ended, and its job if this was the last picture.
fn report(
    dependencies: &DispatcherDependencies,
    claim: &Claim,
    settled: &Settled,
    fault: Option<&Fault>,
    began: Instant,
) {
    match settled {
        Settled::Stale => {
            dependencies.recorder.record(Event::StaleCompletion);
            // This outcome may have been written before and only the reply lost. Then the job may have ended
            // unreported.
            dependencies.ends.look_for_work();
        }
        Settled::Deferred { failures, wait } => {
            dependencies.recorder.record(Event::PictureDeferred);
            let Lease { job, number, attempt, .. } = &claim.lease;
            log!(
                PICTURE_DEFERRED,
                request_id = claim.request_id,
                job_id = job.as_str(),
                picture = *number,
                attempt = *attempt,
                failures = *failures,
                retry_in_ms = wait.as_millis() as u64,
                cause = fault.and_then(|fault| fault.cause.as_deref())
            );
        }
        Settled::Counted(ended) => {
            if fault.is_none() {
                dependencies.recorder.record(Event::ImageProcessed { endpoint: ENDPOINT });
            }
            log_settled(claim, fault, began);
            if let Some(ended) = ended {
                dependencies.ends.tell(ended, fault.map(|fault| fault.code));
            }
        }
    }
}

fn log_settled(claim: &Claim, fault: Option<&Fault>, began: Instant) {
    let Claim { lease, request_id, .. } = claim;
    let (job_id, picture, attempt) = (lease.job.as_str(), lease.number, lease.attempt);
    let outcome = if fault.is_some() { FAILED } else { "ok" };
    let error_code = fault.map(|fault| fault.code.as_str());
    let cause = fault.and_then(|fault| fault.cause.as_deref());
    let duration_ms = began.elapsed().as_millis() as u64;
    if fault.is_some_and(|fault| fault.code.is_ours()) {
        log!(
            PICTURE_SETTLED_FAULT,
            request_id,
            job_id,
            picture,
            attempt,
            outcome,
            error_code,
            cause,
            duration_ms
        );
    } else {
        log!(PICTURE_SETTLED, request_id, job_id, picture, attempt, outcome, error_code, cause, duration_ms);
    }
}

/// Gives the picture back. If that fails, the next heartbeat does it.
async fn give_back(dependencies: &DispatcherDependencies, lease: &Lease, fault: Fault) -> AttemptEnd {
    if let Err(error) = dependencies.repository.store.give_back(std::slice::from_ref(lease)).await {
        log!(SETTLE_DELAYED, job_id = lease.job.as_str(), cause = %error);
    }
    AttemptEnd::GivenBack(fault)
}
