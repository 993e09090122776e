//! One try of one delivery: compose, sign, send, judge the answer, write down what came of it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use huemill_observability::trace::{self, KeyValue, Span, SpanKind};
use huemill_observability::{Event, log};
use huemill_store::outbox::{AfterAttempt, DeliveryAttempt, DueDelivery};

use super::hosts::HostHealth;
use super::schedule::asked;
use super::{DeliverySettings, WebhookSender, webhook};
use crate::clock::Instant;
use crate::outbound::{
    Answer, HeaderName, HeaderValue, OutboundError, PostLimits, Reason, RequestFailure, Target,
};

const USER_AGENT: &str = concat!("Huemill-Webhook/", env!("CARGO_PKG_VERSION"));

/// Why a try failed, as metrics and rows say it.
pub(super) const GONE: &str = "gone";

/// What an answer means.
struct AttemptVerdict {
    reason: Option<&'static str>,
    health: HostHealth,
}

pub(super) async fn attempt(
    sender: Arc<WebhookSender>,
    settings: DeliverySettings,
    due: DueDelivery,
) -> HostHealth {
    let span = begin(&due);
    span.scope().run(carry_out(sender, settings, due, &span)).await
}

/// The try as a trace of its own that names that of the job's request.
fn begin(due: &DueDelivery) -> Span {
    trace::linked(&due.request_id, due.traceparent.as_deref(), "webhook", SpanKind::Client, || {
        [
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.request.resend_count", i64::from(due.tries)),
            KeyValue::new("server.address", due.host.clone()),
            KeyValue::new("huemill.request_id", due.request_id.clone()),
            KeyValue::new("huemill.job.id", due.job.to_string()),
            KeyValue::new("huemill.delivery.id", due.lease.id.clone()),
        ]
    })
}

async fn carry_out(
    sender: Arc<WebhookSender>,
    settings: DeliverySettings,
    due: DueDelivery,
    span: &Span,
) -> HostHealth {
    let started = Instant::now();
    let answer = send(&sender, &settings, &due).await;
    let duration = started.elapsed();
    let AttemptVerdict { reason, health } = judge(&answer);
    if let Err(OutboundError::Refused(reason)) = &answer {
        let (reason, request_id, job_id) = (reason.as_str(), &*due.request_id, due.job.as_str());
        sender.recorder.record(Event::OutboundBlocked { reason });
        log!(OUTBOUND_BLOCKED, request_id, job_id, host = &*due.host, reason);
    }
    let after = after(&settings, &due, &answer, reason);
    let status = answer.as_ref().ok().map(|answer| answer.status);
    if let Some(status) = status {
        span.set("http.response.status_code", i64::from(status));
    }
    if let Some(reason) = reason {
        span.fail(reason);
    }
    let outcome = DeliveryAttempt {
        duration,
        status,
        reason: reason.map(str::to_owned),
        answer: answer.map(|answer| String::from_utf8_lossy(&answer.body).into_owned()).unwrap_or_default(),
    };
    sender.recorder.record(Event::WebhookTried { again: due.tries > 0, reason, time: duration });
    match sender.repository.store.record_attempt(&due.lease, &outcome, after).await {
        Ok(true) => tell(&sender, &due, &outcome, reason, after),
        // Another process has claimed it meanwhile, or somebody has had it sent anew.
        Ok(false) => {}
        // It falls due again when its claim runs out, with the same id.
        Err(error) => log!(DELIVERY_UNWRITTEN, delivery_id = due.lease.id, cause = %error),
    }
    health
}

async fn send(
    sender: &WebhookSender,
    settings: &DeliverySettings,
    due: &DueDelivery,
) -> Result<Answer, OutboundError> {
    let target = Target::parse(&due.url, sender.outbound.policy())?;
    let now = now();
    let download = (sender.download)(&due.job, &due.notice);
    let body = webhook::body(&due.job, &due.request_id, &due.notice, &download, now);
    let signed = sender.signer.sign(&due.lease.id, now, &body);
    let timestamp = now.to_string();
    let headers = [
        ("content-type", "application/json"),
        ("user-agent", USER_AGENT),
        ("x-authed", "true"),
        ("x-timestamp", &timestamp),
        ("x-request-id", &due.request_id),
        ("x-signature", &signed.own),
        ("webhook-id", &due.lease.id),
        ("webhook-timestamp", &timestamp),
        ("webhook-signature", &signed.standard),
    ];
    let header = |(name, value): (&'static str, &str)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
    };
    let headers: Vec<_> = headers.into_iter().filter_map(header).collect();
    let limits = PostLimits { total: settings.limit, ..PostLimits::default() };
    sender.outbound.post(&target, &headers, Bytes::from(body), limits).await
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn judge(answer: &Result<Answer, OutboundError>) -> AttemptVerdict {
    let (reason, health) = match answer {
        Ok(answer) => match answer.status {
            200..=299 => (None, HostHealth::Well),
            300..=399 => (Some("redirect"), HostHealth::Well),
            410 => (Some(GONE), HostHealth::Well),
            429 => (Some("rate_limited"), HostHealth::Well),
            400..=499 => (Some("client_error"), HostHealth::Well),
            _ => (Some("server_error"), HostHealth::Ill),
        },
        Err(OutboundError::Refused(Reason::Unresolvable)) => (Some("unresolvable"), HostHealth::Ill),
        Err(OutboundError::Refused(_)) => (Some("blocked"), HostHealth::Unknown),
        Err(OutboundError::Timeout(_)) => (Some("timeout"), HostHealth::Ill),
        Err(OutboundError::Upstream { what: RequestFailure::Tls, .. }) => (Some("tls"), HostHealth::Ill),
        Err(OutboundError::Upstream { what: RequestFailure::Connect, .. }) => {
            (Some("connection"), HostHealth::Ill)
        }
        Err(OutboundError::Upstream { .. } | OutboundError::TooLarge { .. }) => {
            (Some("malformed"), HostHealth::Ill)
        }
    };
    AttemptVerdict { reason, health }
}

fn after(
    settings: &DeliverySettings,
    due: &DueDelivery,
    answer: &Result<Answer, OutboundError>,
    reason: Option<&'static str>,
) -> AfterAttempt {
    match reason {
        None => AfterAttempt::Delivered,
        Some(GONE) => AfterAttempt::Dead,
        Some(_) => {
            let header = answer.as_ref().ok().and_then(|answer| answer.retry_after.as_deref());
            let asked = header.and_then(|header| asked(header, now()));
            settings.schedule.after(due.tries + 1, asked, rand::random())
        }
    }
}

fn tell(
    sender: &WebhookSender,
    due: &DueDelivery,
    outcome: &DeliveryAttempt,
    reason: Option<&'static str>,
    after: AfterAttempt,
) {
    let (request_id, job_id, delivery_id) = (&*due.request_id, due.job.as_str(), &*due.lease.id);
    let (host, attempt, status_code) = (&*due.host, due.tries + 1, outcome.status);
    let duration_ms = outcome.duration.as_millis() as u64;
    if after == AfterAttempt::Delivered {
        let age_ms = due.age.as_millis() as u64;
        log!(
            WEBHOOK_DELIVERED,
            request_id,
            job_id,
            delivery_id,
            host,
            attempt,
            status_code,
            duration_ms,
            age_ms
        );
        return;
    }
    let retry_in_ms =
        if let AfterAttempt::Again(wait) = after { Some(wait.as_millis() as u64) } else { None };
    log!(
        WEBHOOK_FAILED,
        request_id,
        job_id,
        delivery_id,
        host,
        attempt,
        status_code,
        duration_ms,
        reason,
        retry_in_ms,
    );
    if after == AfterAttempt::Dead {
        sender.recorder.record(Event::DeadLetter);
        log!(WEBHOOK_DEAD_LETTER, request_id, job_id, delivery_id, host, attempt, reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_2xx_is_success_and_every_reason_is_one_that_metrics_know() {
        let answer = |status| Ok(Answer { status, retry_after: None, body: Bytes::new() });
        for status in 100..600 {
            let verdict = judge(&answer(status));
            assert_eq!(verdict.reason.is_none(), (200..300).contains(&status), "{status}");
            assert!(
                verdict.reason.is_none_or(|reason| huemill_observability::WEBHOOK_REASONS.contains(&reason))
            );
        }
        let errors = [
            OutboundError::Refused(Reason::Private),
            OutboundError::Refused(Reason::Unresolvable),
            OutboundError::Timeout(crate::outbound::RequestPhase::Head),
            OutboundError::Upstream { status: None, what: RequestFailure::Tls },
            OutboundError::Upstream { status: None, what: RequestFailure::Connect },
            OutboundError::Upstream { status: None, what: RequestFailure::Cut },
        ];
        for error in errors {
            let reason = judge(&Err(error)).reason;
            assert!(
                reason.is_some_and(|reason| huemill_observability::WEBHOOK_REASONS.contains(&reason)),
                "{error}"
            );
        }
    }
}
