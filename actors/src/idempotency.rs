//! Idempotency: reserves an idempotency key while its first request is being received.
//!
//! HTTP sends [`Reserve`] before it reads a body and holds the [`KeyReservation`] until the request is answered;
//! dropping it releases the key, on any thread. Meanwhile other requests with the same key are told to retry. This
//! only saves work: the unique index in the store decides. The reservations outlive the actor, so a restart loses
//! none.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::{Actor, Context, Handler, Message, Supervised};

use crate::fault::{Code, Fault};
use crate::supervise::answer_pings;

/// Reserves a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reserve {
    /// The scope in which the key is unique.
    pub scope: String,
    /// The key that the client sent.
    pub key: String,
}

impl Message for Reserve {
    type Result = Result<KeyReservation, Fault>;
}

type Reserved = Arc<Mutex<HashSet<Reserve>>>;

fn lock(reserved: &Reserved) -> MutexGuard<'_, HashSet<Reserve>> {
    reserved.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The reservation of a key, for as long as this lives.
#[derive(Debug)]
#[must_use = "the reservation ends as soon as this is dropped"]
pub struct KeyReservation {
    key: Reserve,
    reserved: Reserved,
}

impl Drop for KeyReservation {
    fn drop(&mut self) {
        lock(&self.reserved).remove(&self.key);
    }
}

/// The actor that reserves idempotency keys.
#[derive(Debug, Default)]
pub struct Idempotency {
    reserved: Reserved,
}

impl Actor for Idempotency {
    type Context = Context<Self>;
}

impl Supervised for Idempotency {}

impl Handler<Reserve> for Idempotency {
    type Result = Result<KeyReservation, Fault>;

    fn handle(&mut self, key: Reserve, _: &mut Self::Context) -> Self::Result {
        if lock(&self.reserved).insert(key.clone()) {
            Ok(KeyReservation { key, reserved: Arc::clone(&self.reserved) })
        } else {
            Err(Code::IdempotencyInProgress.into())
        }
    }
}

answer_pings!(Idempotency);
