//! The contract of access keys: who may use the service, for what, and how much of it.
//!
//! A key's secret is not here. The store knows its digest, and whoever makes or checks keys knows how to get from one to
//! the other. Keys that replace one another have one owner, to which their jobs belong, so that a rotation loses nothing.
//! A key that was revoked stays for a while, so that its holder learns what happened to it. Times are in Unix seconds, by
//! the store's own clock.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::caller::{Caller, KeyId};
use crate::job::words;
use crate::store::{CallerLimits, StoreError};

words! {
    /// Something that a key may allow.
    Scope {
        /// Process pictures while the client waits.
        Process = "process",
        /// Read jobs and their results.
        JobsRead = "jobs:read",
        /// Create, cancel and delete jobs.
        JobsWrite = "jobs:write",
        /// Create jobs of high priority.
        Priority = "priority",
        /// See webhook deliveries and send them again.
        Webhooks = "webhooks",
        /// Everything, for all callers.
        Operator = "operator",
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope.
    #[must_use]
    pub fn all() -> Self {
        Scope::ALL.iter().copied().collect()
    }

    /// Whether these scopes allow what needs this one. The operator may do everything.
    #[must_use]
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & (bit(scope) | bit(Scope::Operator)) != 0
    }

    /// The scopes of the set in their order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.0 & bit(*scope) != 0)
    }

    /// The scopes as text, separated by spaces.
    #[must_use]
    pub fn to_text(self) -> String {
        self.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Parses what [`Scopes::to_text`] writes. Words of a newer version are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.split(' ').filter_map(Scope::parse).collect()
    }
}

fn bit(scope: Scope) -> u8 {
    1 << scope as u8
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | bit(scope)))
    }
}

/// What the holder of a key may use. Where it says nothing, the settings do; 0 is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyLimits {
    /// Requests a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Pictures a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pictures_per_minute: Option<u32>,
    /// Uploads at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploads: Option<u32>,
    /// Event streams at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_streams: Option<u32>,
    /// Jobs that have not ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_jobs: Option<u64>,
    /// The pictures of these jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_pictures: Option<u64>,
    /// Bytes of inputs and cards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_bytes: Option<u64>,
}

impl KeyLimits {
    /// No limits but those of the settings.
    pub const NONE: Self = Self {
        requests_per_minute: None,
        pictures_per_minute: None,
        uploads: None,
        event_streams: None,
        open_jobs: None,
        open_pictures: None,
        stored_bytes: None,
    };

    /// What the holder may use of the store, where everybody else may use `others`.
    #[must_use]
    pub fn quotas(&self, others: CallerLimits) -> CallerLimits {
        let of = |own: Option<u64>, others| own.map_or(others, |own| (own > 0).then_some(own));
        CallerLimits {
            open_jobs: of(self.open_jobs, others.open_jobs),
            open_items: of(self.open_pictures, others.open_items),
            stored_bytes: of(self.stored_bytes, others.stored_bytes),
        }
    }
}

/// A key to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccessKey {
    /// Its id.
    pub id: KeyId,
    /// Its name, for people.
    pub name: String,
    /// The SHA-256 of its secret, in hex.
    pub digest: String,
    /// What it allows.
    pub scopes: Scopes,
    /// What its holder may use.
    pub limits: KeyLimits,
    /// When it expires.
    pub expires_at: Option<i64>,
}

/// A stored key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the other fields are as in `NewAccessKey`")]
pub struct AccessKey {
    pub id: KeyId,
    /// The first of the keys that replaced one another.
    pub owner: KeyId,
    pub name: String,
    pub digest: String,
    pub scopes: Scopes,
    pub limits: KeyLimits,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<i64>,
}

impl AccessKey {
    /// Who its jobs belong to.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller::Key(self.owner)
    }
}

/// Which keys a list contains: those that were not revoked, the newest first.
#[derive(Debug, Clone, Default)]
pub struct KeyFilter {
    /// Only keys that come after this one in the list.
    pub after: Option<KeyId>,
    /// Maximum number of keys.
    pub limit: u32,
}

/// The store of access keys.
#[async_trait]
pub trait AccessKeys: Send + Sync + 'static {
    /// Stores a key.
    async fn create_key(&self, key: NewAccessKey) -> Result<AccessKey, StoreError>;

    /// Finds a key, also one that was revoked or has expired.
    async fn access_key(&self, id: KeyId) -> Result<Option<AccessKey>, StoreError>;

    /// Lists keys.
    async fn access_keys(&self, filter: &KeyFilter) -> Result<Vec<AccessKey>, StoreError>;

    /// Stores a second key with this id and digest for the owner of `old`, which expires after `overlap` unless it
    /// expires earlier. Returns `None` if there is no such key, or if it has expired or was revoked.
    async fn rotate_key(
        &self,
        old: KeyId,
        id: KeyId,
        digest: &str,
        overlap: Duration,
    ) -> Result<Option<AccessKey>, StoreError>;

    /// Revokes a key. Returns false if there is no such key, or if it was revoked before.
    async fn revoke_key(&self, id: KeyId) -> Result<bool, StoreError>;

    /// Records when keys were last used.
    async fn keys_used(&self, used: &[(KeyId, i64)]) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_written_and_parsed() {
        let scopes: Scopes = [Scope::JobsWrite, Scope::Process].into_iter().collect();
        assert_eq!(scopes.to_text(), "process jobs:write");
        assert_eq!(Scopes::parse("jobs:write from:tomorrow process"), scopes);
        assert_eq!(Scopes::parse(""), Scopes::default());
        assert_eq!(Scopes::parse(&Scopes::all().to_text()), Scopes::all());
    }

    #[test]
    fn the_operator_may_do_everything() {
        let operator: Scopes = [Scope::Operator].into_iter().collect();
        let reader: Scopes = [Scope::JobsRead].into_iter().collect();
        for scope in Scope::ALL {
            assert!(operator.allow(*scope));
            assert_eq!(reader.allow(*scope), *scope == Scope::JobsRead);
        }
    }

    #[test]
    fn limits_that_are_not_known_are_rejected() {
        assert!(serde_json::from_str::<KeyLimits>(r#"{"open_jobs": 3}"#).is_ok());
        for text in [r#"{"jobs": 3}"#, r#"{"open_jobs": -1}"#, r#"{"open_jobs": "3"}"#] {
            assert!(serde_json::from_str::<KeyLimits>(text).is_err(), "{text}");
        }
    }
}
