//! What is known of one request while it is handled: shared by the middleware, the body's reader and the
//! handler, all on one thread.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{HttpMessage, HttpRequest};

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::pulse::Beat;
use super::request_id::RequestId;

/// What a handler asks of its request's context.
pub(crate) fn of(request: &HttpRequest) -> Rc<Context> {
    let found = request.extensions().get::<Rc<Context>>().cloned();
    // The access layer puts one into every request.
    found.unwrap_or_else(|| Context::new(RequestId::fresh(&mut rand::rng()), None))
}

/// One request's own figures.
pub(crate) struct Context {
    /// Its display id.
    pub id: RequestId,
    /// Where its path is the users': it counts in the service's objectives, and is in work until this goes.
    pub users: Option<Beat>,
    started: Instant,
    bytes_in: Cell<u64>,
    body_ended: Cell<Option<Instant>>,
    /// How long the body was waited for, and since when it is waited for now.
    waited: Cell<Duration>,
    waits: Cell<Option<Instant>>,
    too_slow: Cell<bool>,
    body: OnceCell<SharedBody>,
    hasher: RefCell<Option<Sha256>>,
    judged: Cell<Option<Duration>>,
}

/// The connection's end of a body.
pub(crate) type SharedBody = Rc<RefCell<Payload>>;

impl Context {
    /// A request that begins now.
    #[must_use]
    pub(crate) fn new(id: RequestId, users: Option<Beat>) -> Rc<Self> {
        Rc::new(Self {
            id,
            users,
            started: Instant::now(),
            bytes_in: Cell::new(0),
            body_ended: Cell::new(None),
            waited: Cell::new(Duration::ZERO),
            waits: Cell::new(None),
            too_slow: Cell::new(false),
            body: OnceCell::new(),
            hasher: RefCell::new(None),
            judged: Cell::new(None),
        })
    }

    /// Keeps hold of the body until the answer is written. A chunked body that is let go earlier is read on for as
    /// long as its sender likes; one that is held makes the server close the connection, after a time of lingering.
    pub(crate) fn hold(&self, body: &SharedBody) {
        let _ = self.body.set(body.clone());
    }

    /// Has the body hashed as it comes, for a signature that is over it.
    pub(crate) fn hash_body(&self) {
        self.hasher.replace(Some(Sha256::new()));
    }

    /// SHA-256 of the body so far, if it is hashed.
    #[must_use]
    pub(crate) fn body_digest(&self) -> Option<[u8; 32]> {
        self.hasher.borrow().as_ref().map(|hasher| hasher.clone().finalize().into())
    }

    /// Counts a received chunk of the body.
    pub(crate) fn received(&self, chunk: &[u8]) {
        self.bytes_in.set(self.bytes_in.get() + chunk.len() as u64);
        if let Some(hasher) = self.hasher.borrow_mut().as_mut() {
            hasher.update(chunk);
        }
    }

    /// Notes that more of the body is waited for.
    pub(crate) fn body_awaited(&self) {
        self.waits.set(self.waits.get().or_else(|| Some(Instant::now())));
    }

    /// Notes that what was waited for has come.
    pub(crate) fn body_came(&self) {
        self.waited.set(self.waited());
        self.waits.set(None);
    }

    /// How long the client was waited for.
    #[must_use]
    pub(crate) fn waited(&self) -> Duration {
        self.waited.get() + self.waits.get().map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Notes that the body has come in whole.
    pub(crate) fn body_ended(&self) {
        self.body_ended.set(Some(Instant::now()));
    }

    /// Whether all of the body was read.
    #[must_use]
    pub(crate) fn has_whole_body(&self) -> bool {
        self.body_ended.get().is_some()
    }

    /// Notes that the body came too slowly.
    pub(crate) fn too_slow(&self) {
        self.too_slow.set(true);
    }

    /// Whether the body came too slowly.
    #[must_use]
    pub(crate) fn was_too_slow(&self) -> bool {
        self.too_slow.get()
    }

    /// Body bytes received so far.
    #[must_use]
    pub(crate) fn bytes_in(&self) -> u64 {
        self.bytes_in.get()
    }

    /// The request is judged by the time until now: an answer without an end, such as a stream of events, is as
    /// quick as its beginning.
    pub(crate) fn judge_now(&self) {
        self.judged.set(Some(self.elapsed()));
    }

    /// Time since the last byte of the body, or since the request's head where there is none. Where the body never
    /// came in whole, the time for which it was waited is its client's and no part of this.
    #[must_use]
    pub(crate) fn elapsed(&self) -> Duration {
        self.judged.get().unwrap_or_else(|| match self.body_ended.get() {
            Some(ended) => ended.elapsed(),
            None => self.started.elapsed().saturating_sub(self.waited()),
        })
    }
}
