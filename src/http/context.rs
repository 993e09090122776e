//! What is known of one request while it is handled: shared by the middleware, the body's reader and the
//! handler, all on one thread.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::dev::Payload;

use super::pulse::Beat;
use super::request_id::RequestId;

/// One request's own figures.
pub(crate) struct Context {
    /// Its display id.
    pub id: RequestId,
    /// Where its path is the users': it counts in the service's objectives, and is in work until this goes.
    pub users: Option<Beat>,
    started: Instant,
    bytes_in: Cell<u64>,
    body_ended: Cell<Option<Instant>>,
    too_slow: Cell<bool>,
    body: OnceCell<SharedBody>,
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
            too_slow: Cell::new(false),
            body: OnceCell::new(),
        })
    }

    /// Keeps hold of the body until the answer is written. A chunked body that is let go earlier is read on for as
    /// long as its sender likes; one that is held makes the server close the connection, after a time of lingering.
    pub(crate) fn hold(&self, body: &SharedBody) {
        let _ = self.body.set(body.clone());
    }

    /// Counts a received chunk of the body.
    pub(crate) fn received(&self, bytes: usize) {
        self.bytes_in.set(self.bytes_in.get() + bytes as u64);
    }

    /// Notes that the body has come in whole.
    pub(crate) fn body_ended(&self) {
        self.body_ended.set(Some(Instant::now()));
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

    /// Time since the last byte of the body, or since the request's head where there is none.
    #[must_use]
    pub(crate) fn elapsed(&self) -> Duration {
        self.body_ended.get().unwrap_or(self.started).elapsed()
    }
}
