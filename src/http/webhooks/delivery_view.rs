//! A webhook delivery as the API shows it: its state and each attempt. Only the host of its URL is shown, because the rest
//! may be a secret.

use huemill_store::outbox::{DeliveryRecord, RecordedAttempt};
use serde::Serialize;

/// A delivery as the API shows it.
#[derive(Debug, Serialize)]
pub(super) struct DeliveryView<'a> {
    id: &'a str,
    job_id: &'a str,
    status: &'static str,
    attempts: Vec<AttemptView<'a>>,
    next_attempt_at: Option<i64>,
    created_at: i64,
    finished_at: Option<i64>,
    host: &'a str,
}

#[derive(Debug, Serialize)]
struct AttemptView<'a> {
    number: u32,
    at: i64,
    status_code: Option<u16>,
    reason: Option<&'a str>,
    duration_ms: u64,
    answer: &'a str,
}

impl<'a> From<&'a DeliveryRecord> for DeliveryView<'a> {
    fn from(row: &'a DeliveryRecord) -> Self {
        Self {
            id: &row.id,
            job_id: row.job.as_str(),
            status: row.state.as_str(),
            attempts: row.tries.iter().map(AttemptView::from).collect(),
            next_attempt_at: row.next_at,
            created_at: row.created_at,
            finished_at: row.finished_at,
            host: &row.host,
        }
    }
}

impl<'a> From<&'a RecordedAttempt> for AttemptView<'a> {
    fn from(attempt: &'a RecordedAttempt) -> Self {
        let outcome = &attempt.outcome;
        Self {
            number: attempt.number,
            at: attempt.at,
            status_code: outcome.status,
            reason: outcome.reason.as_deref(),
            duration_ms: u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX),
            answer: &outcome.answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use huemill_store::job::JobId;
    use huemill_store::outbox::{DeliveryAttempt, DeliveryState};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_delivery_is_shown_with_its_attempts() {
        let outcome = DeliveryAttempt {
            duration: Duration::from_millis(15),
            status: Some(500),
            reason: Some("status".into()),
            answer: "no".into(),
        };
        let row = DeliveryRecord {
            id: "dlv_1".into(),
            job: JobId::parse("job_018c0000000000112233445566778899aabbccddeeff").unwrap(),
            state: DeliveryState::Pending,
            created_at: 1_700_000_000,
            finished_at: None,
            next_at: Some(1_700_000_010),
            host: "https://example.org".into(),
            tries: vec![RecordedAttempt { number: 1, at: 1_700_000_005, outcome }],
        };
        assert_eq!(
            serde_json::to_value(DeliveryView::from(&row)).unwrap(),
            json!({
                "id": "dlv_1", "job_id": "job_018c0000000000112233445566778899aabbccddeeff", "status": "pending",
                "attempts": [{"number": 1, "at": 1_700_000_005, "status_code": 500, "reason": "status",
                              "duration_ms": 15, "answer": "no"}],
                "next_attempt_at": 1_700_000_010, "created_at": 1_700_000_000, "finished_at": null,
                "host": "https://example.org",
            })
        );
    }
}
