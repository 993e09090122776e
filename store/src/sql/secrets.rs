//! Small rows besides the jobs: nonces that can be used once, secrets, and the probe that proves that writing works.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::{AnyConnection, Error, Row};

use super::clock::millis;
use super::fault::corrupt;
use super::operation::{Operation, Tx, statement};
use crate::store::Owner;

/// Implements `Store::consume_nonces`.
pub(super) struct ConsumeNonces {
    /// Sorted and unique, so that two transactions that consume the same nonces never deadlock.
    nonces: Vec<String>,
    keep: Duration,
}

impl ConsumeNonces {
    pub(super) fn new(nonces: &[String], keep: Duration) -> Self {
        let mut nonces = nonces.to_vec();
        nonces.sort();
        nonces.dedup();
        Self { nonces, keep }
    }
}

impl Operation for ConsumeNonces {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let until = tx.now.wall.saturating_add(millis(self.keep));
        for (index, nonce) in self.nonces.iter().enumerate() {
            let consumed = tx
                .execute(statement!(
                    "INSERT INTO nonces (word, expires_at) VALUES ($1, $2) ON CONFLICT (word) \
                 DO UPDATE SET expires_at = excluded.expires_at WHERE nonces.expires_at <= $3",
                    [nonce, until, tx.now.wall]
                ))
                .await?;
            if consumed == 0 {
                release(tx, &self.nonces[..index]).await?;
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Makes nonces usable again.
async fn release(tx: &mut Tx<'_>, nonces: &[String]) -> Result<(), Error> {
    for nonce in nonces {
        tx.execute(statement!("DELETE FROM nonces WHERE word = $1", [nonce])).await?;
    }
    Ok(())
}

/// Stores a generated secret for `Store::secret`, unless another process has stored one in the meantime.
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) generated: SecretString,
}

impl Operation for Secret {
    type Output = SecretString;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<SecretString, Error> {
        tx.execute(statement!(
            "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
            [&self.name, self.generated.expose_secret()]
        ))
        .await?;
        find_secret(tx.connection, &self.name)
            .await?
            .ok_or_else(|| corrupt("no secret that was just inserted"))
    }
}

/// Finds the secret of this name.
pub(super) async fn find_secret(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<Option<SecretString>, Error> {
    let row =
        statement!("SELECT value FROM secrets WHERE name = $1", [name]).fetch_optional(connection).await?;
    row.map(|row| Ok(row.try_get::<String, _>("value")?.into())).transpose()
}

/// Implements the write of `Store::probe`. Each process writes its own row, so no other transaction holds it.
pub(super) struct Probe(pub(super) Owner);

impl Operation for Probe {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        let text = "INSERT INTO probes (owner, at) VALUES ($1, $2) ON CONFLICT (owner) DO UPDATE SET at = excluded.at";
        tx.run(statement!(text, [&self.0.0, tx.now.wall])).await
    }
}

/// Reads the row that the probe wrote.
pub(super) async fn find_probe(connection: &mut AnyConnection, owner: &Owner) -> Result<(), Error> {
    statement!("SELECT at FROM probes WHERE owner = $1", [&owner.0]).fetch_one(connection).await.map(|_| ())
}
