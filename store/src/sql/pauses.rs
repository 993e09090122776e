//! Pauses: items of paused jobs are not claimed. Items in progress continue.

use sqlx::{AnyConnection, Error, Row};

use super::operation::{Operation, Tx, statement};
use crate::job::JobKind;

/// How the table spells a pause of all jobs.
const ALL_JOBS: &str = "all";

/// The active pauses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pauses {
    pub(super) everything: bool,
    pub(super) kinds: Vec<JobKind>,
}

impl Pauses {
    pub(super) fn any(&self) -> bool {
        self.everything || !self.kinds.is_empty()
    }

    /// An SQL condition that excludes paused kinds, or empty text. Kinds are fixed words, so they are safe in a
    /// statement.
    pub(super) fn condition(&self, column: &str) -> String {
        if self.kinds.is_empty() {
            return String::new();
        }
        let words: Vec<_> = self.kinds.iter().map(|kind| format!("'{}'", kind.as_str())).collect();
        format!("AND {column} NOT IN ({})", words.join(", "))
    }

    /// The pauses as `Store::pauses` returns them. `None` stands for all jobs.
    pub(super) fn list(&self) -> Vec<Option<JobKind>> {
        let everything = self.everything.then_some(None);
        everything.into_iter().chain(self.kinds.iter().copied().map(Some)).collect()
    }
}

pub(super) async fn read(connection: &mut AnyConnection) -> Result<Pauses, Error> {
    let mut pauses = Pauses::default();
    for row in sqlx::query("SELECT kind FROM pauses ORDER BY kind").fetch_all(connection).await? {
        match row.try_get::<String, _>("kind")?.as_str() {
            ALL_JOBS => pauses.everything = true,
            // This version does not claim jobs of a kind that only a newer version knows.
            word => pauses.kinds.extend(JobKind::parse(word)),
        }
    }
    Ok(pauses)
}

/// Implements `Store::pause`.
pub(super) struct Pause(pub(super) Option<JobKind>);

impl Operation for Pause {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        tx.run(statement!(
            "INSERT INTO pauses (kind, since) VALUES ($1, $2) ON CONFLICT (kind) DO NOTHING",
            [self.0.map_or(ALL_JOBS, JobKind::as_str), tx.now.wall]
        ))
        .await
    }
}

/// Implements `Store::resume`.
pub(super) struct Resume(pub(super) Option<JobKind>);

impl Operation for Resume {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let query = match self.0 {
            Some(kind) => sqlx::query("DELETE FROM pauses WHERE kind = $1").bind(kind.as_str()),
            None => sqlx::query("DELETE FROM pauses"),
        };
        query.execute(&mut *tx.connection).await.map(|_| ())
    }
}
