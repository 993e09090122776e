//! The rows of access keys. All reads go by the primary key or by an index of the keys that were not revoked.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Error, Row};

use super::clock::millis;
use super::fault::corrupt;
use super::operation::{Operation, Tx, statement};
use super::rows::{seconds, text};
use super::store::SqlStore;
use crate::access_key::{AccessKey, AccessKeys, KeyFilter, KeyLimits, NewAccessKey, Scopes};
use crate::caller::KeyId;
use crate::store::StoreError;

const COLUMNS: &str =
    "id, owner, name, digest, scopes, limits, created_at, expires_at, revoked_at, last_used_at";

pub(super) const NEWEST: &str = "SELECT id FROM access_keys WHERE revoked_at IS NULL AND (created_at, id) < ($1, $2) \
     ORDER BY created_at DESC, id DESC LIMIT $3";

/// Revoked keys that nobody needs to be told about any more.
pub(super) const FORGOTTEN: &str = "DELETE FROM access_keys WHERE id IN (SELECT id FROM access_keys \
     WHERE revoked_at IS NOT NULL AND revoked_at <= $1 ORDER BY revoked_at LIMIT $2)";

#[async_trait]
impl AccessKeys for SqlStore {
    async fn create_key(&self, key: NewAccessKey) -> Result<AccessKey, StoreError> {
        self.write("key_create", CreateKey(key)).await
    }

    async fn access_key(&self, id: KeyId) -> Result<Option<AccessKey>, StoreError> {
        self.read("key_find", move |connection| Box::pin(find(connection, id))).await
    }

    async fn access_keys(&self, filter: &KeyFilter) -> Result<Vec<AccessKey>, StoreError> {
        let filter = filter.clone();
        self.read("key_list", move |connection| Box::pin(list(connection, filter))).await
    }

    async fn rotate_key(
        &self,
        old: KeyId,
        id: KeyId,
        digest: &str,
        overlap: Duration,
    ) -> Result<Option<AccessKey>, StoreError> {
        self.write("key_rotate", RotateKey { old, id, digest: digest.to_owned(), overlap }).await
    }

    async fn revoke_key(&self, id: KeyId) -> Result<bool, StoreError> {
        self.write("key_revoke", RevokeKey(id)).await
    }

    async fn keys_used(&self, used: &[(KeyId, i64)]) -> Result<(), StoreError> {
        self.write("key_used", MarkUsed(used.to_vec())).await
    }
}

async fn find(connection: &mut AnyConnection, id: KeyId) -> Result<Option<AccessKey>, Error> {
    let text = format!("SELECT {COLUMNS} FROM access_keys WHERE id = $1");
    let row = statement!(AssertSqlSafe(text), [id.as_str()]).fetch_optional(connection).await?;
    row.as_ref().map(access_key).transpose()
}

async fn list(connection: &mut AnyConnection, filter: KeyFilter) -> Result<Vec<AccessKey>, Error> {
    let after = match filter.after {
        None => (i64::MAX, String::new()),
        Some(id) => {
            let text = "SELECT created_at FROM access_keys WHERE id = $1";
            let row = statement!(text, [id.as_str()]).fetch_optional(&mut *connection).await?;
            let Some(row) = row else { return Ok(Vec::new()) };
            (row.try_get("created_at")?, id.as_str().to_owned())
        }
    };
    let text = NEWEST.replacen("SELECT id", &format!("SELECT {COLUMNS}"), 1);
    let rows = statement!(AssertSqlSafe(text), [after.0, after.1, i64::from(filter.limit)])
        .fetch_all(connection)
        .await?;
    rows.iter().map(access_key).collect()
}

struct CreateKey(NewAccessKey);

impl Operation for CreateKey {
    type Output = AccessKey;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<AccessKey, Error> {
        let Self(new) = self;
        let key = AccessKey {
            id: new.id,
            owner: new.id,
            name: text(&new.name).into_owned(),
            digest: new.digest.clone(),
            scopes: new.scopes,
            limits: new.limits,
            created_at: seconds(tx.now.wall),
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        insert(tx, &key).await?;
        Ok(key)
    }
}

async fn insert(tx: &mut Tx<'_>, key: &AccessKey) -> Result<(), Error> {
    let limits = serde_json::to_string(&key.limits).map_err(|_| corrupt("limits that are no JSON"))?;
    let text =
        format!("INSERT INTO access_keys ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, NULL)");
    tx.run(statement!(
        AssertSqlSafe(text),
        [
            key.id.as_str(),
            key.owner.as_str(),
            &key.name,
            &key.digest,
            key.scopes.to_text(),
            limits,
            tx.now.wall,
            key.expires_at.map(|time| time.saturating_mul(1_000))
        ]
    ))
    .await
}

struct RotateKey {
    old: KeyId,
    id: KeyId,
    digest: String,
    overlap: Duration,
}

impl Operation for RotateKey {
    type Output = Option<AccessKey>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<AccessKey>, Error> {
        let until = tx.now.wall.saturating_add(millis(self.overlap));
        let text = format!(
            "UPDATE access_keys SET expires_at = CASE WHEN expires_at < $2 THEN expires_at ELSE $2 END \
             WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3) RETURNING {COLUMNS}"
        );
        // The new key lives as long as the old one would have, so the old time is read before it changes.
        let before = find(tx.connection, self.old).await?.and_then(|key| key.expires_at);
        let rotated = tx
            .fetch_optional(statement!(AssertSqlSafe(text), [self.old.as_str(), until, tx.now.wall]))
            .await?;
        let Some(row) = rotated else { return Ok(None) };
        let key = AccessKey {
            id: self.id,
            digest: self.digest.clone(),
            created_at: seconds(tx.now.wall),
            expires_at: before,
            last_used_at: None,
            ..access_key(&row)?
        };
        insert(tx, &key).await?;
        Ok(Some(key))
    }
}

struct RevokeKey(KeyId);

impl Operation for RevokeKey {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Error> {
        let text = "UPDATE access_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        Ok(tx.execute(statement!(text, [self.0.as_str(), tx.now.wall])).await? > 0)
    }
}

struct MarkUsed(Vec<(KeyId, i64)>);

impl Operation for MarkUsed {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Error> {
        // In one order for all processes, so that two transactions never wait for each other.
        let mut used = self.0.clone();
        used.sort_unstable();
        for (id, at) in used {
            let text = "UPDATE access_keys SET last_used_at = $2 WHERE id = $1 \
                        AND (last_used_at IS NULL OR last_used_at < $2)";
            tx.run(statement!(text, [id.as_str(), at.saturating_mul(1_000)])).await?;
        }
        Ok(())
    }
}

/// Reads a row with the columns of [`COLUMNS`].
fn access_key(row: &AnyRow) -> Result<AccessKey, Error> {
    let id = |column: &str| {
        KeyId::parse(row.try_get(column)?).ok_or_else(|| corrupt("an invalid id of an access key"))
    };
    let limits: String = row.try_get("limits")?;
    let time = |column: &str| Ok::<_, Error>(row.try_get::<Option<i64>, _>(column)?.map(seconds));
    Ok(AccessKey {
        id: id("id")?,
        owner: id("owner")?,
        name: row.try_get("name")?,
        digest: row.try_get("digest")?,
        scopes: Scopes::parse(row.try_get("scopes")?),
        limits: serde_json::from_str::<KeyLimits>(&limits)
            .map_err(|_| corrupt("invalid limits of an access key"))?,
        created_at: seconds(row.try_get("created_at")?),
        expires_at: time("expires_at")?,
        revoked_at: time("revoked_at")?,
        last_used_at: time("last_used_at")?,
    })
}
