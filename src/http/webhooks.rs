//! The operator's view of webhooks: what was sent to whom and what came of it, and sending it anew.

mod body;

use actix_web::web::{self, Data, Path, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use huemill_actors::fault::{Code, Fault};
use huemill_store::job::JobId;
use huemill_store::outbox::{self, DeliveryFilter, DeliveryState};
use serde::Serialize;

use super::doors::Doors;
use super::page::{self, Query};
use super::problem::Problem;
use super::server::at;
use super::{operator, route};
use body::Told;

/// The routes of webhooks.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(at(route::DELIVERIES).route(web::get().to(list)).route(web::head().to(list)))
        .service(at(route::REDELIVER).route(web::post().to(redeliver)));
}

#[derive(Serialize)]
struct Page<'a> {
    deliveries: Vec<Told<'a>>,
    next_cursor: Option<String>,
}

/// A page of deliveries, newest first.
async fn list(request: HttpRequest, doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    operator::check(request.headers(), &doors.operator)?;
    let mut which = which(request.query_string())?;
    let limit = which.limit;
    // One more tells whether there is another page.
    which.limit += 1;
    let mut rows = doors.repository.store.deliveries(&which).await?;
    let next_cursor = page::cut(&mut rows, limit, |row| &row.id);
    let deliveries = rows.iter().map(Told::from).collect();
    Ok(HttpResponse::Ok().json(Page { deliveries, next_cursor }))
}

/// What the query asks for.
fn which(query: &str) -> Result<DeliveryFilter, Fault> {
    let query = Query::read(query)?;
    Ok(DeliveryFilter {
        state: query.word("status", DeliveryState::ALL, DeliveryState::as_str)?,
        job: query.value("job_id", JobId::parse, || "job_id must be a job's id.".into())?,
        before: query.cursor(|id| outbox::job_of(id).map(|_| id.to_owned()))?,
        limit: query.limit()?,
    })
}

/// Has a delivery sent anew at once, whatever became of it.
async fn redeliver(
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    doors.signatures.without_body(&request, payload, &*doors.repository.store).await?;
    operator::check(request.headers(), &doors.operator)?;
    let job = outbox::job_of(&path).ok_or_else(unknown)?;
    if !doors.repository.store.redeliver(&path).await? {
        return Err(unknown().into());
    }
    doors.send_webhooks();
    let which = DeliveryFilter { job: Some(job), limit: 1, ..DeliveryFilter::default() };
    let rows = doors.repository.store.deliveries(&which).await?;
    let row = rows.first().ok_or_else(unknown)?;
    Ok(HttpResponse::Accepted().json(Told::from(row)))
}

fn unknown() -> Fault {
    Fault::new(Code::NotFound).with_message("There is no such delivery. Check its id.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_narrows_the_list() {
        let all = which("").unwrap();
        assert_eq!((all.state, all.job, all.before, all.limit), (None, None, None, 50));
        let id = "dlv_018c0000000000112233445566778899aabbccddeeff".to_owned();
        let job = "job_018c0000000000112233445566778899aabbccddeeff";
        let cursor = page::cut(&mut vec![id.clone(), id.clone()], 1, |id| id).unwrap();
        let some = which(&format!("status=dead&job_id={job}&limit=200&cursor={cursor}")).unwrap();
        assert_eq!((some.state, some.limit), (Some(DeliveryState::Dead), 200));
        assert_eq!((some.job, some.before), (JobId::parse(job), Some(id)));
    }

    #[test]
    fn what_is_no_such_value_is_refused() {
        for query in ["status=gone", "status=", "job_id=1", "limit=0", "cursor=x", "cursor=", "cursor=am9i"] {
            assert_eq!(which(query).unwrap_err().code, Code::InvalidInput, "{query}");
        }
    }
}
