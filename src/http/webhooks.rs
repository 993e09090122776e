//! The operator's view of webhooks: lists deliveries with their attempts, and sends one again.

use actix_web::web::{Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_store::job::JobId;
use huemill_store::outbox::{self, DeliveryFilter, DeliveryRecord, DeliveryState, RecordedAttempt};
use serde::Serialize;

use super::connection::Surface;
use super::context;
use super::list_query::{ListQuery, cut_page};
use super::problem::Problem;
use super::resource::{get, post};
use super::route;
use super::state::{Edge, Operations};

/// Registers the routes.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(get(route::DELIVERIES, list)).service(post(route::REDELIVER, redeliver));
}

/// A delivery as the API shows it: its state and each attempt. Only the host of its URL is shown, because the rest may be
/// a secret.
#[derive(Debug, Serialize)]
struct DeliveryView<'a> {
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

#[derive(Serialize)]
struct DeliveryPage<'a> {
    deliveries: Vec<DeliveryView<'a>>,
    next_cursor: Option<String>,
}

/// A page of deliveries, newest first.
async fn list(request: HttpRequest, operations: Data<Operations>) -> Result<HttpResponse, Problem> {
    let mut filter = parse_filter(request.query_string())?;
    filter.caller = context::of(&request).identity().only(Surface::of(&request))?;
    let limit = filter.limit;
    // One more row shows whether there is another page.
    filter.limit += 1;
    let mut rows = operations.store.deliveries(&filter).await?;
    let next_cursor = cut_page(&mut rows, limit, |row| &row.id);
    let deliveries = rows.iter().map(DeliveryView::from).collect();
    Ok(HttpResponse::Ok().json(DeliveryPage { deliveries, next_cursor }))
}

fn parse_filter(query: &str) -> Result<DeliveryFilter, Fault> {
    let query = ListQuery::parse(query)?;
    Ok(DeliveryFilter {
        state: query.word("status", DeliveryState::ALL, DeliveryState::as_str)?,
        job: query.value("job_id", JobId::parse, || "`job_id` must be the id of a job.".into())?,
        caller: None,
        before: query.cursor(|id| outbox::job_of(id).map(|_| id.to_owned()))?,
        limit: query.limit()?,
    })
}

/// Sends a delivery again at once, whatever its state.
async fn redeliver(
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
    edge: Data<Edge>,
    operations: Data<Operations>,
) -> Result<HttpResponse, Problem> {
    edge.signatures.verify_without_body(&request, payload).await?;
    let job = outbox::job_of(&path).ok_or_else(unknown)?;
    if let Some(owner) = context::of(&request).identity().only(Surface::of(&request))? {
        let known = operations.store.job(&job).await?;
        known.filter(|job| job.caller == owner).ok_or_else(unknown)?;
    }
    if !operations.store.redeliver(&path).await? {
        return Err(unknown().into());
    }
    operations.wake_delivery();
    let filter = DeliveryFilter { job: Some(job), limit: 1, ..DeliveryFilter::default() };
    let rows = operations.store.deliveries(&filter).await?;
    let row = rows.first().ok_or_else(unknown)?;
    Ok(HttpResponse::Accepted().json(DeliveryView::from(row)))
}

fn unknown() -> Fault {
    Fault::new(Code::NotFound).with_message("There is no such delivery. Check its id.")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use huemill_store::outbox::DeliveryAttempt;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_query_filters_the_list() {
        let all = parse_filter("").unwrap();
        assert_eq!((all.state, all.job, all.before, all.limit), (None, None, None, 50));
        let id = "dlv_018c0000000000112233445566778899aabbccddeeff".to_owned();
        let job = "job_018c0000000000112233445566778899aabbccddeeff";
        let cursor = cut_page(&mut vec![id.clone(), id.clone()], 1, |id| id).unwrap();
        let some = parse_filter(&format!("status=dead&job_id={job}&limit=200&cursor={cursor}")).unwrap();
        assert_eq!((some.state, some.limit), (Some(DeliveryState::Dead), 200));
        assert_eq!((some.job, some.before), (JobId::parse(job), Some(id)));
    }

    #[test]
    fn invalid_filters_are_rejected() {
        for query in ["status=gone", "status=", "job_id=1", "limit=0", "cursor=x", "cursor=", "cursor=am9i"] {
            assert_eq!(parse_filter(query).unwrap_err().code, Code::InvalidInput, "{query}");
        }
    }
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
