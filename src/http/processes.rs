//! `GET /processes`: lists the processes that share the store, for the operator. Everything comes from the store, so all
//! processes give the same answer, including a stopped process's last heartbeat.

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig};
use huemill_store::store;
use serde::Serialize;

use super::problem::Problem;
use super::resource::get;
use super::route;
use super::state::Operations;

/// Registers the route.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(get(route::PROCESSES, list));
}

#[derive(Serialize)]
struct ProcessList<'a> {
    processes: Vec<ProcessView<'a>>,
}

/// A process as the API shows it.
#[derive(Debug, Serialize)]
struct ProcessView<'a> {
    id: &'a str,
    host: &'a str,
    version: &'a str,
    role: &'static str,
    slots: u32,
    started_at: i64,
    beat_at: i64,
    alive: bool,
    duties: &'a [String],
    pictures: u32,
}

impl<'a> From<&'a store::Process> for ProcessView<'a> {
    fn from(row: &'a store::Process) -> Self {
        Self {
            id: &row.owner.0,
            host: &row.host,
            version: &row.version,
            role: row.role.as_str(),
            slots: row.slots,
            started_at: row.started_at,
            beat_at: row.beat_at,
            alive: row.alive,
            duties: &row.duties,
            pictures: row.pictures,
        }
    }
}

/// All processes that have a row, newest first.
async fn list(operations: Data<Operations>) -> Result<HttpResponse, Problem> {
    let rows = operations.store.processes().await?;
    Ok(HttpResponse::Ok().json(ProcessList { processes: rows.iter().map(ProcessView::from).collect() }))
}

#[cfg(test)]
mod tests {
    use huemill_store::store::{Owner, Role};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_process_is_shown_with_all_its_columns() {
        let row = store::Process {
            owner: Owner("a1".into()),
            host: "mill-7:42".into(),
            version: "1.2.3".into(),
            role: Role::Worker,
            slots: 4,
            started_at: 1_700_000_000,
            beat_at: 1_700_000_050,
            alive: true,
            duties: vec!["sweep".into()],
            pictures: 3,
        };
        assert_eq!(
            serde_json::to_value(ProcessView::from(&row)).unwrap(),
            json!({
                "id": "a1", "host": "mill-7:42", "version": "1.2.3", "role": "worker", "slots": 4,
                "started_at": 1_700_000_000, "beat_at": 1_700_000_050, "alive": true, "duties": ["sweep"],
                "pictures": 3,
            })
        );
    }
}
