//! One attempt to deliver a webhook: compose, sign, send, judge the response, record the result.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use huemill_observability::trace::{self, KeyValue, Span, SpanKind};
use huemill_observability::{Event, log};
use huemill_store::outbox::{AfterAttempt, DeliveryAttempt, DeliveryLease, DueDelivery};

use super::hosts::HostHealth;
use super::schedule::parse_retry_after;
use super::settings::{DeliverySettings, WebhookSender};
use super::webhook;
use crate::clock::Instant;
use crate::outbound::{
    AtOnce, HeaderName, HeaderValue, OutboundError, PostLimits, PostResponse, Reason, RequestFailure, Target,
};

const USER_AGENT: &str = concat!("Huemill-Webhook/", env!("CARGO_PKG_VERSION"));

/// The part of an attempt's time limit for which a delivery waits, at least, if its server has too many in flight.
const BUSY_PART: u32 = 3;

/// The reason that means that the receiver refuses all deliveries, as metrics and rows name it.
const GONE: &str = "gone";

/// What a response means.
struct AttemptVerdict {
    /// Why the attempt failed, if it did.
    reason: Option<&'static str>,
    health: HostHealth,
}

/// Attempts a delivery and returns how its host did.
pub(super) async fn attempt(
    sender: Arc<WebhookSender>,
    settings: DeliverySettings,
    due: DueDelivery,
    admission: AtOnce,
) -> HostHealth {
    let span = start_span(&due);
    span.scope().run(carry_out(sender, settings, due, admission, &span)).await
}

/// Starts a trace for the attempt, linked to the one of the job's request.
fn start_span(due: &DueDelivery) -> Span {
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
    admission: AtOnce,
    span: &Span,
) -> HostHealth {
    let started = Instant::now();
    let answer = send(&sender, &settings, &due, &admission).await;
    if let Err(OutboundError::NoPlace(busy)) = answer {
        span.fail(busy.as_str());
        postpone(&sender, &settings, due.lease).await;
        return HostHealth::Unknown;
    }
    let duration = started.elapsed();
    let AttemptVerdict { reason, health } = judge(&answer);
    if let Err(OutboundError::Refused(reason)) = &answer {
        let (reason, request_id, job_id) = (reason.as_str(), &*due.request_id, due.job.as_str());
        sender.recorder.record(Event::OutboundBlocked { reason });
        if let Some(lines_left_out) = sender.line_sampler.take(due.caller, 1) {
            log!(OUTBOUND_BLOCKED, request_id, job_id, host = &*due.host, reason, lines_left_out);
        }
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
    if reason.is_some() {
        sender.recorder.record(Event::ReceiverFailed(due.host.as_str().into()));
    }
    match sender.repository.store.record_attempt(&due.lease, &outcome, after).await {
        Ok(true) => report(&sender, &due, &outcome, reason, after),
        // Another process has claimed it meanwhile, or an operator had it sent again.
        Ok(false) => {}
        // It falls due again when its claim runs out, with the same id.
        Err(error) => log!(DELIVERY_UNWRITTEN, delivery_id = due.lease.id, cause = %error),
    }
    health
}

/// Postpones a delivery whose server takes no more at a time: it has many names, or this would not be found out only
/// now. The waits differ, so that not all of them come back at once. If this fails, the claim runs out.
async fn postpone(sender: &WebhookSender, settings: &DeliverySettings, lease: DeliveryLease) {
    let wait = (settings.limit / BUSY_PART).mul_f64(1.0 + rand::random::<f64>());
    let _ = sender.repository.store.snooze(&[lease], wait).await;
}

async fn send(
    sender: &WebhookSender,
    settings: &DeliverySettings,
    due: &DueDelivery,
    admission: &AtOnce,
) -> Result<PostResponse, OutboundError> {
    let target = Target::parse(&due.url, sender.outbound.policy())?;
    let now = now();
    let download = (sender.download)(&due.job, &due.notice);
    let body = webhook::body(&due.job, &due.request_id, &due.notice, download.as_deref(), now);
    let signed = sender.signer.sign(due.caller, &due.lease.id, now, &body);
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
    sender.outbound.post(&target, &headers, Bytes::from(body), limits, admission).await
}

/// The current time in Unix seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn judge(answer: &Result<PostResponse, OutboundError>) -> AttemptVerdict {
    let (reason, health) = match answer {
        Ok(answer) => match answer.status {
            200..=299 => (None, HostHealth::Healthy),
            300..=399 => (Some("redirect"), HostHealth::Healthy),
            410 => (Some(GONE), HostHealth::Healthy),
            429 => (Some("rate_limited"), HostHealth::Healthy),
            400..=499 => (Some("client_error"), HostHealth::Healthy),
            _ => (Some("server_error"), HostHealth::Unhealthy),
        },
        Err(OutboundError::Refused(Reason::Unresolvable)) => (Some("unresolvable"), HostHealth::Unhealthy),
        Err(OutboundError::Refused(_)) => (Some("blocked"), HostHealth::Unknown),
        Err(OutboundError::Timeout(_)) => (Some("timeout"), HostHealth::Unhealthy),
        Err(OutboundError::Upstream { what: RequestFailure::Tls, .. }) => {
            (Some("tls"), HostHealth::Unhealthy)
        }
        Err(OutboundError::Upstream { what: RequestFailure::Connect, .. }) => {
            (Some("connection"), HostHealth::Unhealthy)
        }
        Err(OutboundError::Upstream { .. } | OutboundError::TooLarge { .. }) => {
            (Some("malformed"), HostHealth::Unhealthy)
        }
        // Such an attempt is not recorded, since nothing was sent.
        Err(OutboundError::NoPlace(_)) => (Some("timeout"), HostHealth::Unknown),
    };
    AttemptVerdict { reason, health }
}

/// What happens to the delivery after the attempt.
fn after(
    settings: &DeliverySettings,
    due: &DueDelivery,
    answer: &Result<PostResponse, OutboundError>,
    reason: Option<&'static str>,
) -> AfterAttempt {
    match reason {
        None => AfterAttempt::Delivered,
        Some(GONE) => AfterAttempt::Dead,
        Some(_) => {
            let header = answer.as_ref().ok().and_then(|answer| answer.retry_after.as_deref());
            let retry_after = header.and_then(|header| parse_retry_after(header, now()));
            settings.schedule.after(due.tries + 1, retry_after, rand::random())
        }
    }
}

fn report(
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
    let is_last = after == AfterAttempt::Dead;
    if is_last {
        sender.recorder.record(Event::DeadLetter);
    }
    let Some(lines_left_out) = sender.line_sampler.take(due.caller, 1 + u64::from(is_last)) else { return };
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
        lines_left_out,
    );
    if is_last {
        log!(WEBHOOK_DEAD_LETTER, request_id, job_id, delivery_id, host, attempt, reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_2xx_is_success_and_metrics_know_every_reason() {
        let answer = |status| Ok(PostResponse { status, retry_after: None, body: Bytes::new() });
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
