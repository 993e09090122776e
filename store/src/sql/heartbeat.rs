//! The rows of the processes that share the store: heartbeats with their reconciliation of leases, the list of
//! processes, and duties.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Error, Row};

use super::clock::{Now, millis};
use super::fault::corrupt;
use super::operation::{Operation, Tx, statement};
use super::requeue::give_back;
use super::rows::{self, seconds};
use crate::store::{Heartbeat, Lease, Owner, Process, Reconciled, Role};

/// The items that an owner has claimed, each with the number of the claim.
pub(super) const CLAIMED: &str =
    "SELECT job_id, number, attempt, claim FROM items WHERE state = 'claimed' AND owner = $1";
const PROCESSES: &str = "SELECT id, host, version, role, slots, started_at, beat_at, beat_until, \
     CAST((SELECT COUNT(*) FROM items WHERE state = 'claimed' AND owner = processes.id) AS BIGINT) AS pictures \
     FROM processes ORDER BY started_at DESC, id";

impl Operation for Heartbeat {
    type Output = Reconciled;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Reconciled, Error> {
        self.beat(tx).await?;
        let rows = tx.fetch_all(statement!(CLAIMED, [&self.owner.0])).await?;
        let held: HashSet<&Lease> = self.held.iter().collect();
        let (mut claimed, mut orphans) = (HashSet::new(), Vec::new());
        for row in &rows {
            let lease = self.lease_of(row)?;
            let answered =
                row.try_get::<i64, _>("claim")? <= i64::try_from(self.answered).unwrap_or(i64::MAX);
            if answered && !held.contains(&lease) {
                orphans.push(lease.clone());
            }
            claimed.insert(lease);
        }
        let orphaned = give_back(tx, &orphans).await?;
        let lost = self.held.iter().filter(|lease| !claimed.contains(*lease)).cloned().collect();
        Ok(Reconciled { lost, orphaned, claimed: (claimed.len() as u64).saturating_sub(orphaned) })
    }
}

impl Heartbeat {
    async fn beat(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        tx.run(statement!(
            "INSERT INTO processes (id, host, version, role, slots, started_at, beat_at, beat_until) \
             VALUES ($1, $2, $3, $4, $5, $6, $6, $7) ON CONFLICT (id) DO UPDATE SET host = excluded.host, \
             version = excluded.version, role = excluded.role, slots = excluded.slots, \
             beat_at = excluded.beat_at, beat_until = excluded.beat_until",
            [
                &self.owner.0,
                &self.host,
                &self.version,
                self.role.as_str(),
                i64::from(self.slots),
                tx.now.wall,
                tx.now.tick.saturating_add(millis(self.lease))
            ]
        ))
        .await
    }

    fn lease_of(&self, row: &AnyRow) -> Result<Lease, Error> {
        Ok(Lease {
            job: rows::job_id(row, "job_id")?,
            number: rows::count(row, "number")?,
            attempt: rows::count(row, "attempt")?,
            owner: self.owner.clone(),
        })
    }
}

/// Implements `Store::leave`.
pub(super) struct Leave(pub(super) Owner);

impl Operation for Leave {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        for text in ["DELETE FROM processes WHERE id = $1", "DELETE FROM duties WHERE owner = $1"] {
            tx.execute(statement!(text, [&self.0.0])).await?;
        }
        Ok(())
    }
}

/// Implements `Store::processes`.
pub(super) async fn list(connection: &mut AnyConnection, now: Now) -> Result<Vec<Process>, Error> {
    let rows = sqlx::query(PROCESSES).fetch_all(&mut *connection).await?;
    let duties = statement!("SELECT name, owner FROM duties WHERE held_until > $1 ORDER BY name", [now.tick])
        .fetch_all(connection)
        .await?;
    let duties: Vec<(String, String)> = duties
        .iter()
        .map(|row| Ok((row.try_get("owner")?, row.try_get("name")?)))
        .collect::<Result<_, Error>>()?;
    rows.iter().map(|row| process(row, now, &duties)).collect()
}

fn process(row: &AnyRow, now: Now, duties: &[(String, String)]) -> Result<Process, Error> {
    let id: String = row.try_get("id")?;
    let role: String = row.try_get("role")?;
    Ok(Process {
        host: row.try_get("host")?,
        version: row.try_get("version")?,
        role: Role::parse(&role).ok_or_else(|| corrupt("an unknown role"))?,
        slots: rows::count(row, "slots")?,
        started_at: seconds(row.try_get("started_at")?),
        beat_at: seconds(row.try_get("beat_at")?),
        alive: row.try_get::<i64, _>("beat_until")? > now.tick,
        duties: duties.iter().filter(|(owner, _)| *owner == id).map(|(_, name)| name.clone()).collect(),
        pictures: rows::count(row, "pictures")?,
        owner: Owner(id),
    })
}

/// Implements `Store::hold_duty`.
pub(super) struct HoldDuty {
    pub(super) owner: Owner,
    pub(super) name: String,
    pub(super) lease: Duration,
}

impl Operation for HoldDuty {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let text = "INSERT INTO duties (name, owner, held_until) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET \
             owner = excluded.owner, held_until = excluded.held_until \
             WHERE duties.owner = excluded.owner OR duties.held_until <= $4";
        let held = tx
            .execute(statement!(
                text,
                [&self.name, &self.owner.0, tx.now.tick.saturating_add(millis(self.lease)), tx.now.tick]
            ))
            .await?;
        Ok(held > 0)
    }
}
