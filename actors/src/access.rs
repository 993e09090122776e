//! Access: finds the keys that requests bear, and records when they were last used.
//!
//! The edge asks [`KeyRing`], which answers from what is known and sends [`FindKey`] for what is not. Requests with the
//! same key share one look at the store, and only a few looks run at a time, so that made-up keys cannot take all
//! connections of the store. Keys are made, replaced and revoked here too: from then on this process knows it, and the
//! others find out within a second. If the actor fails, what is known stays; uses that were not stored yet are stored by
//! the next round.

mod known_keys;
mod token;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{
    Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, ResponseFuture, Supervised,
};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use huemill_store::KeyId;
use huemill_store::access_key::{AccessKey, KeyFilter, NewAccessKey};
use huemill_store::steady_clock::SteadyClock;
use huemill_store::store::{Store, StoreError};
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::fault::{Code, Fault};
use crate::supervise::{answer_pings, ask};
use known_keys::{Knowledge, KnownKeys};
pub use token::Token;

/// How many keys are looked up at a time.
const MAX_LOOKS: usize = 4;

/// How often uses are stored.
const USES_INTERVAL: Duration = Duration::from_secs(5);

/// Finds the key with this id in the store.
#[derive(Debug, Clone, Copy)]
pub struct FindKey(pub KeyId);

impl Message for FindKey {
    type Result = Result<Option<Arc<AccessKey>>, Fault>;
}

type Look = Shared<BoxFuture<'static, Result<Option<Arc<AccessKey>>, StoreError>>>;

/// The actor that finds access keys.
pub struct Access {
    store: Arc<dyn Store>,
    known: KnownKeys,
    looks: HashMap<KeyId, Look>,
    permits: Arc<Semaphore>,
}

impl Access {
    /// An actor that knows no key yet, and the part that it shares with the edge.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Clock) -> (Self, KnownKeys) {
        let known = KnownKeys::new(store.is_sole_writer(), clock);
        let permits = Arc::new(Semaphore::new(MAX_LOOKS));
        (Self { store, known: known.clone(), looks: HashMap::new(), permits }, known)
    }

    fn look(&self, id: KeyId) -> Look {
        let (store, known, permits) =
            (Arc::clone(&self.store), self.known.clone(), Arc::clone(&self.permits));
        let look = async move {
            let _permit = permits.acquire().await;
            let changes = known.changes();
            let found = store.access_key(id).await?.map(Arc::new);
            known.found(id, found.clone(), changes);
            Ok(found)
        };
        look.boxed().shared()
    }

    fn store_uses(&mut self, ctx: &mut Context<Self>) {
        let used = self.known.take_used();
        if used.is_empty() {
            return;
        }
        let store = Arc::clone(&self.store);
        ctx.spawn(wrap_future(async move {
            // If the store is unavailable, everything else reports it; the next use is stored again.
            let _ = store.keys_used(&used).await;
        }));
    }
}

impl Actor for Access {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.looks.clear();
        ctx.run_interval(USES_INTERVAL, Self::store_uses);
    }
}

impl Supervised for Access {}

impl Handler<FindKey> for Access {
    type Result = ResponseFuture<Result<Option<Arc<AccessKey>>, Fault>>;

    fn handle(&mut self, FindKey(id): FindKey, ctx: &mut Self::Context) -> Self::Result {
        // Another request may have brought the answer while this one waited.
        match self.known.get(id) {
            Knowledge::Key(key) => return Box::pin(async { Ok(Some(key)) }),
            Knowledge::NoKey => return Box::pin(async { Ok(None) }),
            Knowledge::Outdated => {}
        }
        let look = if let Some(look) = self.looks.get(&id) {
            look.clone()
        } else {
            let look = self.look(id);
            self.looks.insert(id, look.clone());
            let ended = wrap_future(look.clone());
            ctx.spawn(ended.map(move |_, access: &mut Self, _| drop(access.looks.remove(&id))));
            look
        };
        Box::pin(async move { Ok(look.await?) })
    }
}

answer_pings!(Access);

/// The keys, as the edge sees them. Clones share them.
#[derive(Clone)]
pub struct KeyRing {
    store: Arc<dyn Store>,
    known: KnownKeys,
    access: Addr<Access>,
}

impl KeyRing {
    pub(crate) fn new(store: Arc<dyn Store>, known: KnownKeys, access: Addr<Access>) -> Self {
        Self { store, known, access }
    }

    /// The actor behind the ring.
    #[must_use]
    pub fn actor(&self) -> Addr<Access> {
        self.access.clone()
    }

    /// The key that a token stands for.
    ///
    /// # Errors
    /// `UNAUTHORIZED` if there is no such key, or if it has expired or was revoked, which the message says then.
    pub async fn find(&self, token: &Token) -> Result<Arc<AccessKey>, Fault> {
        let found = match self.known.get(token.id) {
            Knowledge::Key(key) => Some(key),
            Knowledge::NoKey => None,
            Knowledge::Outdated => match ask(&self.access, FindKey(token.id)).await.and_then(|found| found) {
                Ok(found) => found,
                Err(fault) => Some(self.known.get_while_away(token.id).ok_or(fault)?),
            },
        };
        let key = found.filter(|key| token.matches(&key.digest)).ok_or_else(|| unauthorized("invalid"))?;
        let now = SteadyClock::of_process().seconds();
        if key.revoked_at.is_some() {
            return Err(unauthorized("revoked"));
        }
        if key.expires_at.is_some_and(|time| time <= now) {
            return Err(unauthorized("expired"));
        }
        self.known.used(key.id, now);
        Ok(key)
    }

    /// Stores a key.
    ///
    /// # Errors
    /// The store is away.
    pub async fn create(&self, key: NewAccessKey) -> Result<AccessKey, Fault> {
        let key = self.store.create_key(key).await?;
        self.known.changed(key.id);
        Ok(key)
    }

    /// Lists keys.
    ///
    /// # Errors
    /// The store is away.
    pub async fn list(&self, filter: &KeyFilter) -> Result<Vec<AccessKey>, Fault> {
        Ok(self.store.access_keys(filter).await?)
    }

    /// Replaces a key by one with this token; the old one works on for `overlap`. `None` if there is no such key, or if
    /// it works no more.
    ///
    /// # Errors
    /// The store is away.
    pub async fn rotate(
        &self,
        old: KeyId,
        token: &Token,
        overlap: Duration,
    ) -> Result<Option<AccessKey>, Fault> {
        let rotated = self.store.rotate_key(old, token.id, &token.digest(), overlap).await?;
        self.known.changed(old);
        Ok(rotated)
    }

    /// Revokes a key. Returns false if there is no such key, or if it was revoked before.
    ///
    /// # Errors
    /// The store is away.
    pub async fn revoke(&self, id: KeyId) -> Result<bool, Fault> {
        let revoked = self.store.revoke_key(id).await?;
        self.known.changed(id);
        Ok(revoked)
    }
}

/// The fault of a key that does not work.
fn unauthorized(why: &'static str) -> Fault {
    let message = match why {
        "revoked" => "This API key was revoked. Use another one.",
        "expired" => "This API key has expired. Use another one.",
        _ => "This API key is not valid. Check that you sent all of it.",
    };
    Fault::new(Code::Unauthorized).with_message(message).with_cause(format!("the key is {why}"))
}
