//! The operator's view of webhooks: lists deliveries with their attempts, and sends one again.

mod delivery_view;

use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_store::job::JobId;
use huemill_store::outbox::{self, DeliveryFilter, DeliveryState};
use serde::Serialize;

use super::list_query::{ListQuery, cut_page};
use super::problem::Problem;
use super::route::{self, resource};
use super::state::{Edge, Operations};
use delivery_view::DeliveryView;

/// Registers the routes.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource(route::DELIVERIES).route(web::get().to(list)).route(web::head().to(list)))
        .service(resource(route::REDELIVER).route(web::post().to(redeliver)));
}

#[derive(Serialize)]
struct DeliveryPage<'a> {
    deliveries: Vec<DeliveryView<'a>>,
    next_cursor: Option<String>,
}

/// A page of deliveries, newest first.
async fn list(request: HttpRequest, operations: Data<Operations>) -> Result<HttpResponse, Problem> {
    operations.operator.check(request.headers())?;
    let mut filter = parse_filter(request.query_string())?;
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
    operations.operator.check(request.headers())?;
    let job = outbox::job_of(&path).ok_or_else(unknown)?;
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
}
