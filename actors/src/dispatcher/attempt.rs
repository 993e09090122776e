//! One attempt at one picture of a job: fetch its bytes, have it worked on, store its card, settle it.
//!
//! What lies in the picture fails it, for good. A fault that is not the picture's (its blob is refused, or ours) defers
//! it, longer each time, and fails it after a few attempts; a lack of memory defers it and counts nothing. Only where
//! store or blobs are away for all is it given back, and claims pause. A picture whose token fires is lost: its job was
//! canceled, or its lease is another's by now, and nothing is written any more.

use std::sync::Arc;
use std::time::Duration;

use huemill_observability::trace::{self, KeyValue, Scope, Span, SpanKind};
use huemill_observability::{Event, log};
use huemill_store::Spool;
use huemill_store::fetch::fetch;
use huemill_store::job::{ItemResult, ItemSource};
use huemill_store::store::{Claim, Lease, Outcome, Settled, StoreError};

use super::card;
use super::claimed_items::Download;
use super::judgement::{Failure, Judgement, judge, of_fetch};
use super::{DispatcherSettings, Tools, within};
use crate::clock::Instant;
use crate::fault::{Code, Fault};
use crate::fetcher::Fetch;
use crate::members::Members;
use crate::orders;
use crate::part::part;
use crate::supervise::ask;
use crate::workers::{self, Cancel, Class, Input, Run};

/// The route whose pictures these are, for the metrics.
const ENDPOINT: &str = "/jobs";

/// How the log says that a picture has no result.
pub(super) const FAILED: &str = "failed";

/// How an attempt ended.
pub(super) enum Finish {
    /// It counts, waits by itself, or came too late.
    Settled,
    /// It was stopped from outside.
    Lost,
    /// Store or blobs are away for all; the picture waits again.
    GivenBack(Fault),
}

pub(super) async fn attempt(
    tools: Arc<Tools>,
    settings: DispatcherSettings,
    claim: Claim,
    cancel: Cancel,
    download: Option<Download>,
) -> Finish {
    let span = begin(&claim);
    span.scope().run(carry_out(tools, settings, claim, cancel, download, &span)).await
}

/// The attempt as a trace of its own that names its request's: who asked may have gone home long ago.
fn begin(claim: &Claim) -> Span {
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
    tools: Arc<Tools>,
    settings: DispatcherSettings,
    claim: Claim,
    cancel: Cancel,
    download: Option<Download>,
    span: &Span,
) -> Finish {
    let began = Instant::now();
    let worked = tokio::select! {
        biased;
        () = cancel.cancelled() => {
            span.fail("lost");
            card::remove_unneeded(&tools, &claim).await;
            return Finish::Lost;
        }
        worked = work(&tools, settings, &claim, &cancel, download) => worked,
    };
    let judged = match worked {
        Ok(result) => Judgement::Settle(Outcome::Done(result), None),
        Err(_) if cancel.is_cancelled() => return Finish::Lost,
        Err(failure) => judge(&tools, settings, failure).await,
    };
    let (outcome, fault) = match judged {
        Judgement::Settle(outcome, fault) => (outcome, fault),
        Judgement::GiveBack(fault) => {
            span.fail(fault.code.as_str());
            return give_back(&tools, &claim.lease, fault).await;
        }
    };
    if let Some(fault) = &fault {
        span.fail(fault.code.as_str());
    }
    let settled = match settle(&tools, settings.lease, &claim, outcome, &cancel).await {
        Ok(settled) => settled,
        Err(finish) => return finish,
    };
    if settled == Settled::Stale {
        card::remove_unneeded(&tools, &claim).await;
    }
    tell(&tools, &claim, &settled, fault.as_ref(), began);
    Finish::Settled
}

async fn work(
    tools: &Arc<Tools>,
    settings: DispatcherSettings,
    claim: &Claim,
    cancel: &Cancel,
    download: Option<Download>,
) -> Result<ItemResult, Failure> {
    let options = orders::read(&claim.options)?;
    let input = Input::Spool(part("fetch", bytes(tools, settings, claim)).await?);
    drop(download);
    let start_by = Instant::now() + settings.picture;
    let class = Class::Batch { start_by };
    let deadline = start_by + settings.picture;
    let run =
        Run { input, options, deadline, cancel: cancel.clone(), class, counted: true, scope: Scope::here() };
    let done = workers::run(&tools.workers, run).await?;
    tools.estimate.took(done.worked);
    let members = serde_json::to_string(&Members::from(&done.outcome))
        .map_err(|error| Fault::new(Code::InternalError).because(error))?;
    let card = part("card upload", card::store(tools, claim, cancel, done.outcome.card)).await?;
    Ok(ItemResult { members, card })
}

/// The picture's bytes, from where its job has them.
async fn bytes(tools: &Arc<Tools>, settings: DispatcherSettings, claim: &Claim) -> Result<Spool, Failure> {
    if let ItemSource::Url { url } = &claim.source {
        let (url, request_id) = (url.clone(), claim.request_id.clone());
        let job_id = Some(claim.lease.job.to_string());
        let fetch = Fetch { url, wait: None, request_id, job_id, scope: Scope::here() };
        return Ok(ask(&tools.fetcher, fetch).await??);
    }
    let (fetching, source) = (Arc::clone(tools), claim.source.clone());
    let fetched = tools.records.on_io(async move {
        let Tools { records, room, .. } = &*fetching;
        Ok(fetch(&records.blobs, &source, room, settings.longest_input).await)
    });
    fetched.await?.map_err(of_fetch)
}

/// The first wait before a write is tried again, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Settles the picture, trying again while the store is away: the work is done, and its lease is good until a heartbeat
/// says otherwise and fires the token.
async fn settle(
    tools: &Tools,
    lease: Duration,
    claim: &Claim,
    outcome: Outcome,
    cancel: &Cancel,
) -> Result<Settled, Finish> {
    let mut wait = WAITS.0;
    loop {
        let pace = tools.estimate.pace_ms();
        let settle = tools.records.store.settle(&claim.lease, outcome.clone(), pace);
        match within(lease, settle).await {
            Ok(settled) => return Ok(settled),
            Err(StoreError::Away(cause)) => {
                log!(SETTLE_DELAYED, job_id = claim.lease.job.as_str(), cause);
                tokio::select! {
                    () = cancel.cancelled() => return Err(Finish::Lost),
                    () = tokio::time::sleep(wait) => {}
                }
                wait = (wait * 2).min(WAITS.1);
            }
            Err(error) => return Err(give_back(tools, &claim.lease, error.into()).await),
        }
    }
}

/// What came of the picture, and of its job if it was the last.
fn tell(tools: &Tools, claim: &Claim, settled: &Settled, fault: Option<&Fault>, began: Instant) {
    match settled {
        Settled::Stale => {
            tools.recorder.record(Event::StaleCompletion);
            // It may be that this very answer was written, and only the reply lost: then its job may have ended unsaid.
            tools.ends.look_for_work();
        }
        Settled::Deferred { failures, wait } => {
            tools.recorder.record(Event::PictureDeferred);
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
                tools.recorder.record(Event::ImageProcessed { endpoint: ENDPOINT });
            }
            write_line(claim, fault, began);
            if let Some(ended) = ended {
                tools.ends.tell(ended, fault.map(|fault| fault.code));
            }
        }
    }
}

fn write_line(claim: &Claim, fault: Option<&Fault>, began: Instant) {
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

/// Puts the picture back. Where even that fails, the next heartbeat does it.
async fn give_back(tools: &Tools, lease: &Lease, fault: Fault) -> Finish {
    if let Err(error) = tools.records.store.give_back(std::slice::from_ref(lease)).await {
        log!(SETTLE_DELAYED, job_id = lease.job.as_str(), cause = %error);
    }
    Finish::GivenBack(fault)
}
