//! Claims of suspects: items that were in progress when their process died, and which may have caused that. They are not
//! in the queue; a process asks for one of them when nothing forbids that it runs.

use sqlx::{AssertSqlSafe, Error};

use super::leasing::{lease_item, start_item, suspect_column};
use super::operation::{Tx, statement};
use super::pauses::Pauses;
use super::rows;
use crate::store::{Claim, ClaimRequest};

/// How many suspects a claim tries when other processes take them first.
const MAX_SUSPECTS_TRIED: u32 = 4;

pub(super) const SUSPECT: &str = "SELECT number FROM items WHERE suspect > 0 AND suspect = $4 AND job_id = $1 \
     AND state = 'queued' AND not_before = 0 ORDER BY number LIMIT 1";
pub(super) const SUSPECTS: &str = "SELECT job_id FROM items WHERE suspect > 0 AND suspect = $1 \
     AND state = 'queued' AND not_before = 0";

pub(super) async fn claim_suspect(
    tx: &mut Tx<'_>,
    request: &ClaimRequest,
    paused: &Pauses,
) -> Result<Vec<Claim>, Error> {
    let others = match paused.condition("kind") {
        none if none.is_empty() => none,
        condition => format!("AND job_id IN (SELECT id FROM jobs WHERE 1 = 1 {condition})"),
    };
    let text = format!("{SUSPECTS} {others} ORDER BY job_id, number LIMIT 1");
    for _ in 0..if request.limit == 0 { 0 } else { MAX_SUSPECTS_TRIED } {
        let row = tx
            .fetch_optional(statement!(AssertSqlSafe(text.clone()), [suspect_column(request.selection)]))
            .await?;
        let Some(row) = row else { break };
        let id = rows::job_id(&row, "job_id")?;
        let Some(record) = tx.lock(&id).await? else { continue };
        if let Some(row) = lease_item(tx, request, id.as_str(), SUSPECT).await? {
            let claim = start_item(tx, request, record, &row, false).await?;
            return Ok(vec![claim]);
        }
    }
    Ok(Vec::new())
}
