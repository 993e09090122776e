//! The keys that were looked up lately, so that a request with a key costs no access to the store.
//!
//! If this process is the only one that writes, what is known stays true until this process changes it. Otherwise it is
//! looked up again after a second, since another process may have revoked the key. While the store is away, a key that was
//! good lately stays good: nobody can revoke it then. The number of keys is bounded; one that was forgotten is looked up
//! again.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use huemill_store::KeyId;
use huemill_store::access_key::AccessKey;
use lru::LruCache;

use crate::clock::{Clock, Instant};

/// The most keys that are remembered, in about 500 bytes each. As many ids are remembered that no key has.
const MAX_KEYS: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");

/// How long a key is good without another look where other processes write too.
const MAX_AGE: Duration = Duration::from_secs(1);

/// How long a key stays good while the store is away.
const MAX_AGE_AWAY: Duration = Duration::from_secs(300);

/// What is known of an id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// It is the id of this key.
    Key(Arc<AccessKey>),
    /// No key has it.
    NoKey,
    /// Nothing, or nothing that still holds.
    Outdated,
}

/// What is known of keys. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct KnownKeys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    is_sole_writer: bool,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    keys: LruCache<KeyId, Known>,
    absent: LruCache<KeyId, Instant>,
    /// Grows with each change by this process, so that a look that began before it is not remembered.
    changes: u64,
}

#[derive(Debug)]
struct Known {
    key: Arc<AccessKey>,
    at: Instant,
    /// The minute of the last use, in Unix seconds, and whether it is not stored yet.
    used: (i64, bool),
}

impl KnownKeys {
    /// Nothing is known.
    pub(crate) fn new(is_sole_writer: bool, clock: Clock) -> Self {
        let state = State { keys: LruCache::new(MAX_KEYS), absent: LruCache::new(MAX_KEYS), changes: 0 };
        Self(Arc::new(Inner { is_sole_writer, clock, state: Mutex::new(state) }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a key now.
    pub(crate) fn get(&self, id: KeyId) -> Knowledge {
        let now = self.0.clock.now();
        let is_fresh = |at: Instant| now.saturating_duration_since(at) < MAX_AGE;
        let mut state = self.lock();
        if let Some(known) = state.keys.get(&id) {
            return if self.0.is_sole_writer || is_fresh(known.at) {
                Knowledge::Key(Arc::clone(&known.key))
            } else {
                Knowledge::Outdated
            };
        }
        if state.absent.get(&id).is_some_and(|at| is_fresh(*at)) {
            Knowledge::NoKey
        } else {
            Knowledge::Outdated
        }
    }

    /// The key, if it was looked up not too long ago for a store that is away.
    pub(crate) fn get_while_away(&self, id: KeyId) -> Option<Arc<AccessKey>> {
        let now = self.0.clock.now();
        let state = self.lock();
        let known = state.keys.peek(&id)?;
        (now.saturating_duration_since(known.at) < MAX_AGE_AWAY).then(|| Arc::clone(&known.key))
    }

    /// The number of changes so far, for [`KnownKeys::found`].
    pub(crate) fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// Remembers what the store said, unless this process has changed a key since the look began.
    pub(crate) fn found(&self, id: KeyId, key: Option<Arc<AccessKey>>, changes: u64) {
        let at = self.0.clock.now();
        let mut state = self.lock();
        if state.changes != changes {
            return;
        }
        if let Some(key) = key {
            state.absent.pop(&id);
            let stored = (key.last_used_at.unwrap_or_default(), false);
            let used = state.keys.pop(&id).map_or(stored, |known| known.used.max(stored));
            state.keys.put(id, Known { key, at, used });
        } else {
            state.keys.pop(&id);
            state.absent.put(id, at);
        }
    }

    /// Forgets a key that this process has changed.
    pub(crate) fn changed(&self, id: KeyId) {
        let mut state = self.lock();
        state.changes += 1;
        state.keys.pop(&id);
        state.absent.pop(&id);
    }

    /// Notes that a key was used at this time, in Unix seconds.
    pub(crate) fn used(&self, id: KeyId, now: i64) {
        let minute = now - now.rem_euclid(60);
        if let Some(known) = self.lock().keys.peek_mut(&id)
            && known.used.0 < minute
        {
            known.used = (minute, true);
        }
    }

    /// Takes the uses that are not stored yet.
    pub(crate) fn take_used(&self) -> Vec<(KeyId, i64)> {
        let mut state = self.lock();
        let take = |known: &mut Known| std::mem::take(&mut known.used.1).then_some(known.used.0);
        state.keys.iter_mut().filter_map(|(id, known)| take(known).map(|used| (*id, used))).collect()
    }
}

#[cfg(test)]
mod tests {
    use huemill_store::access_key::{KeyLimits, Scopes};

    use super::*;

    fn id(number: u32) -> KeyId {
        KeyId::parse(&format!("{number:012}")).unwrap()
    }

    fn key(number: u32) -> Arc<AccessKey> {
        Arc::new(AccessKey {
            id: id(number),
            owner: id(number),
            name: String::new(),
            digest: String::new(),
            scopes: Scopes::default(),
            limits: KeyLimits::default(),
            created_at: 0,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        })
    }

    fn known(is_sole_writer: bool) -> (KnownKeys, Clock) {
        let clock = Clock::manual();
        (KnownKeys::new(is_sole_writer, clock.clone()), clock)
    }

    #[test]
    fn a_key_is_looked_up_again_after_a_second_unless_nobody_else_writes() {
        for alone in [true, false] {
            let (known, clock) = known(alone);
            known.found(id(1), Some(key(1)), 0);
            assert_eq!(known.get(id(1)), Knowledge::Key(key(1)));
            assert_eq!(known.get(id(2)), Knowledge::Outdated);
            clock.advance(Duration::from_secs(1));
            assert_eq!(known.get(id(1)) != Knowledge::Outdated, alone);
            assert_eq!(known.get_while_away(id(1)), Some(key(1)));
            clock.advance(MAX_AGE_AWAY);
            assert_eq!(known.get_while_away(id(1)), None);
        }
    }

    #[test]
    fn an_id_without_a_key_is_remembered_for_a_second() {
        let (known, clock) = known(true);
        known.found(id(1), None, 0);
        assert_eq!(known.get(id(1)), Knowledge::NoKey);
        clock.advance(Duration::from_secs(1));
        assert_eq!(known.get(id(1)), Knowledge::Outdated);
    }

    #[test]
    fn a_look_that_began_before_a_change_is_not_remembered() {
        let (known, _) = known(true);
        let before = known.changes();
        known.changed(id(1));
        known.found(id(1), Some(key(1)), before);
        assert_eq!(known.get(id(1)), Knowledge::Outdated);
        known.found(id(1), Some(key(1)), known.changes());
        assert_eq!(known.get(id(1)), Knowledge::Key(key(1)));
        known.changed(id(1));
        assert_eq!(known.get(id(1)), Knowledge::Outdated);
    }

    #[test]
    fn uses_are_noted_to_the_minute_and_taken_once() {
        let (known, _) = known(true);
        known.found(id(1), Some(key(1)), 0);
        known.used(id(1), 119);
        known.used(id(2), 119);
        known.found(id(1), Some(key(1)), 0);
        assert_eq!(known.take_used(), [(id(1), 60)]);
        assert_eq!(known.take_used(), []);
    }

    #[test]
    fn the_keys_are_bounded() {
        let (known, _) = known(true);
        for number in 0..10_000 {
            known.found(id(number), Some(key(number)), 0);
            known.found(id(number + 20_000), None, 0);
        }
        let state = known.lock();
        assert_eq!((state.keys.len(), state.absent.len()), (MAX_KEYS.get(), MAX_KEYS.get()));
    }
}
