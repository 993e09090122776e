//! What an operator has paused: nothing of it is handed out. What is in flight goes on.

use async_trait::async_trait;
use sqlx::{AnyConnection, Error, Row};

use super::operation::{Operation, Tx};
use crate::job::JobKind;

const EVERYTHING: &str = "all";

/// What is paused now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pauses {
    pub(super) everything: bool,
    pub(super) kinds: Vec<JobKind>,
}

impl Pauses {
    pub(super) fn any(&self) -> bool {
        self.everything || !self.kinds.is_empty()
    }

    /// A condition that leaves paused kinds out, or nothing. Kinds are fixed words: they may stand in a statement.
    pub(super) fn condition(&self, column: &str) -> String {
        if self.kinds.is_empty() {
            return String::new();
        }
        let words: Vec<_> = self.kinds.iter().map(|kind| format!("'{}'", kind.as_str())).collect();
        format!("AND {column} NOT IN ({})", words.join(", "))
    }

    /// As the contract says it: none is everything.
    pub(super) fn list(&self) -> Vec<Option<JobKind>> {
        let everything = self.everything.then_some(None);
        everything.into_iter().chain(self.kinds.iter().copied().map(Some)).collect()
    }
}

pub(super) async fn read(connection: &mut AnyConnection) -> Result<Pauses, Error> {
    let mut pauses = Pauses::default();
    for row in sqlx::query("SELECT kind FROM pauses ORDER BY kind").fetch_all(connection).await? {
        match row.try_get::<String, _>("kind")?.as_str() {
            EVERYTHING => pauses.everything = true,
            // A kind that a newer version knows is not handed out by this one anyway.
            word => pauses.kinds.extend(JobKind::parse(word)),
        }
    }
    Ok(pauses)
}

/// See `Store::pause`.
pub(super) struct Pause(pub(super) Option<JobKind>);

#[async_trait]
impl Operation for Pause {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        sqlx::query("INSERT INTO pauses (kind, since) VALUES ($1, $2) ON CONFLICT (kind) DO NOTHING")
            .bind(self.0.map_or(EVERYTHING, JobKind::as_str))
            .bind(tx.now.wall)
            .execute(&mut *tx.connection)
            .await
            .map(|_| ())
    }
}

/// See `Store::resume`.
pub(super) struct Resume(pub(super) Option<JobKind>);

#[async_trait]
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
