//! Small rows beside the jobs: words that may be spent once, secrets, and the row that shows that writing works.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use sqlx::{AnyConnection, Error, Row};
use std::time::Duration;

use super::clock::millis;
use super::fault::corrupt;
use super::operation::{Operation, Tx};
use crate::store::Owner;

/// See `Store::consume_nonces`.
pub(super) struct ConsumeNonces {
    /// In order and each once, so that two that spend the same words do not wait for each other crosswise.
    words: Vec<String>,
    keep: Duration,
}

impl ConsumeNonces {
    pub(super) fn new(words: &[String], keep: Duration) -> Self {
        let mut words = words.to_vec();
        words.sort();
        words.dedup();
        Self { words, keep }
    }
}

#[async_trait]
impl Operation for ConsumeNonces {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let until = tx.now.wall.saturating_add(millis(self.keep));
        for (index, word) in self.words.iter().enumerate() {
            let spent = sqlx::query(
                "INSERT INTO nonces (word, expires_at) VALUES ($1, $2) ON CONFLICT (word) \
                 DO UPDATE SET expires_at = excluded.expires_at WHERE nonces.expires_at <= $3",
            )
            .bind(word)
            .bind(until)
            .bind(tx.now.wall)
            .execute(&mut *tx.connection)
            .await?;
            if spent.rows_affected() == 0 {
                unspend(tx, &self.words[..index]).await?;
                return Ok(false);
            }
        }
        Ok(true)
    }
}

async fn unspend(tx: &mut Tx<'_>, words: &[String]) -> Result<(), Error> {
    for word in words {
        sqlx::query("DELETE FROM nonces WHERE word = $1").bind(word).execute(&mut *tx.connection).await?;
    }
    Ok(())
}

/// See `Store::secret`.
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) made: SecretString,
}

#[async_trait]
impl Operation for Secret {
    type Output = SecretString;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<SecretString, Error> {
        sqlx::query("INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(&self.name)
            .bind(self.made.expose_secret())
            .execute(&mut *tx.connection)
            .await?;
        find_secret(tx.connection, &self.name).await?.ok_or_else(|| corrupt("no secret that was just put in"))
    }
}

/// The secret of this name, where there is one.
pub(super) async fn find_secret(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<Option<SecretString>, Error> {
    let row = sqlx::query("SELECT value FROM secrets WHERE name = $1")
        .bind(name)
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok(row.try_get::<String, _>("value")?.into())).transpose()
}

/// See `Store::probe`. Each process writes a row of its own: no other transaction holds it.
pub(super) struct Probe(pub(super) Owner);

#[async_trait]
impl Operation for Probe {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO probes (owner, at) VALUES ($1, $2) ON CONFLICT (owner) DO UPDATE SET at = excluded.at",
        )
        .bind(&self.0.0)
        .bind(tx.now.wall)
        .execute(&mut *tx.connection)
        .await
        .map(|_| ())
    }
}

/// The row that the probe wrote.
pub(super) async fn find_probe(connection: &mut AnyConnection, owner: &Owner) -> Result<(), Error> {
    sqlx::query("SELECT at FROM probes WHERE owner = $1")
        .bind(&owner.0)
        .fetch_one(connection)
        .await
        .map(|_| ())
}
