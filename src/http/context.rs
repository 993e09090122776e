//! The state of one request while it is handled: its id, its clock, and what is known of its body. The middleware, the
//! body's reader and the handler share it; all run on one thread.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{HttpMessage, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::poll_fn;
use huemill_actors::fault::Fault;
use huemill_actors::intake::Admission;
use huemill_store::Caller;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::access::Identity;
use super::client::Client;
use super::request_id::RequestId;
use super::request_stats::InFlightGuard;

/// The most bytes of a body that are dropped after its request was answered, so that the connection can go on.
const MAX_DISCARDED: usize = 64 * 1024;

/// The context of a request.
pub(crate) fn of(request: &HttpRequest) -> Rc<Context> {
    let found = request.extensions().get::<Rc<Context>>().cloned();
    // The middleware adds a context to every request, so the fallback is never needed in the service.
    found.unwrap_or_else(|| Context::new(RequestId::generate(&mut rand::rng()), Client::unknown(), None))
}

/// What is known of one request.
pub(crate) struct Context {
    /// Its display id.
    pub id: RequestId,
    /// Who sends it.
    pub client: Client,
    identity: OnceCell<Identity>,
    /// Present on users' routes: the request counts in the service level objectives, and is in flight until this drops.
    pub in_flight: Option<InFlightGuard>,
    started: Instant,
    bytes_in: Cell<u64>,
    body_ended: Cell<Option<Instant>>,
    /// How long the service has waited for the client's body, and since when it has been waiting now.
    waited: Cell<Duration>,
    waiting_since: Cell<Option<Instant>>,
    body: OnceCell<SharedBody>,
    hasher: RefCell<Option<Sha256>>,
    admission: RefCell<Option<Admission>>,
    /// Why the body was cut off.
    body_fault: RefCell<Option<Fault>>,
    fixed_duration: Cell<Option<Duration>>,
}

/// The connection's end of a body.
pub(crate) type SharedBody = Rc<RefCell<Payload>>;

impl Context {
    /// The context of a request that begins now.
    pub(crate) fn new(id: RequestId, client: Client, in_flight: Option<InFlightGuard>) -> Rc<Self> {
        Rc::new(Self {
            id,
            client,
            identity: OnceCell::new(),
            in_flight,
            started: Instant::now(),
            bytes_in: Cell::new(0),
            body_ended: Cell::new(None),
            waited: Cell::new(Duration::ZERO),
            waiting_since: Cell::new(None),
            body: OnceCell::new(),
            hasher: RefCell::new(None),
            admission: RefCell::new(None),
            body_fault: RefCell::new(None),
            fixed_duration: Cell::new(None),
        })
    }

    /// Who it comes from, as limits and ownership know it.
    pub(crate) fn caller(&self) -> Caller {
        self.identity().caller().unwrap_or_else(|| self.client.caller())
    }

    /// Records who was identified.
    pub(crate) fn identified(&self, identity: Identity) {
        let _ = self.identity.set(identity);
    }

    /// Who sends it, as far as credentials say.
    pub(crate) fn identity(&self) -> &Identity {
        self.identity.get_or_init(Identity::default)
    }

    /// Keeps the body alive until the response is sent. If a chunked body is dropped earlier, the server reads on for as
    /// long as its client sends; if it is kept, the server closes the connection after its linger time.
    pub(crate) fn hold_body(&self, body: &SharedBody) {
        let _ = self.body.set(body.clone());
    }

    /// Drops what has arrived of a body that its handler had no use for. It is waited for no longer than it takes to parse
    /// what was received with the head.
    pub(crate) async fn discard_received(&self) {
        let Some(body) = self.body.get().filter(|_| !self.has_whole_body()) else { return };
        tokio::task::yield_now().await;
        let mut left = MAX_DISCARDED;
        let ended = poll_fn(|task| {
            loop {
                match body.borrow_mut().poll_next_unpin(task) {
                    Poll::Ready(Some(Ok(chunk))) if chunk.len() <= left => left -= chunk.len(),
                    Poll::Ready(None) => return Poll::Ready(true),
                    _ => return Poll::Ready(false),
                }
            }
        });
        if ended.await {
            self.body_ended();
        }
    }

    /// Hashes the body as it arrives, for a signature that covers it.
    pub(crate) fn hash_body(&self) {
        self.hasher.replace(Some(Sha256::new()));
    }

    /// SHA-256 of the body so far, if it is hashed.
    pub(crate) fn body_digest(&self) -> Option<[u8; 32]> {
        self.hasher.borrow().as_ref().map(|hasher| hasher.clone().finalize().into())
    }

    /// Keeps the admission of the body while it arrives, so that its bytes are reserved as they come.
    pub(crate) fn hold_admission(&self, admission: Admission) {
        self.admission.replace(Some(admission));
    }

    /// Returns the admission of a body that has arrived.
    pub(crate) fn take_admission(&self) -> Option<Admission> {
        self.admission.take()
    }

    /// Counts a received chunk of the body. Returns false if there is no room for it.
    pub(crate) fn received(&self, chunk: &[u8]) -> bool {
        self.bytes_in.set(self.bytes_in.get() + chunk.len() as u64);
        if let Some(hasher) = self.hasher.borrow_mut().as_mut() {
            hasher.update(chunk);
        }
        let mut admission = self.admission.borrow_mut();
        let reserved = admission.as_mut().map_or(Ok(()), |admission| admission.received(self.bytes_in.get()));
        reserved.map_err(|fault| self.cut_off(fault)).is_ok()
    }

    /// Records that the service waits for more of the body.
    pub(crate) fn start_waiting(&self) {
        self.waiting_since.set(self.waiting_since.get().or_else(|| Some(Instant::now())));
    }

    /// Records that the wait is over.
    pub(crate) fn stop_waiting(&self) {
        self.waited.set(self.waited());
        self.waiting_since.set(None);
    }

    /// How long the service has waited for the client.
    pub(crate) fn waited(&self) -> Duration {
        self.waited.get() + self.waiting_since.get().map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Records that the whole body has arrived.
    pub(crate) fn body_ended(&self) {
        self.body_ended.set(Some(Instant::now()));
    }

    /// Whether the whole body was read.
    pub(crate) fn has_whole_body(&self) -> bool {
        self.body_ended.get().is_some()
    }

    /// Records why the rest of the body is not received.
    pub(crate) fn cut_off(&self, fault: Fault) {
        self.body_fault.replace(Some(fault));
    }

    /// Why the body was cut off.
    pub(crate) fn body_fault(&self) -> Option<Fault> {
        self.body_fault.borrow().clone()
    }

    /// Bytes of the body received so far.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.bytes_in.get()
    }

    /// Fixes the request's duration at the time until now. A response that has no end, such as an event stream, is
    /// measured by its start.
    pub(crate) fn fix_duration(&self) {
        self.fixed_duration.set(Some(self.elapsed()));
    }

    /// Whether the response has no end.
    pub(crate) fn is_endless(&self) -> bool {
        self.fixed_duration.get().is_some()
    }

    /// Time since the last byte of the body, or since the request's head if there is no body. If the body never arrived
    /// completely, the time that the service waited for its client does not count.
    pub(crate) fn elapsed(&self) -> Duration {
        self.fixed_duration.get().unwrap_or_else(|| match self.body_ended.get() {
            Some(ended) => ended.elapsed(),
            None => self.started.elapsed().saturating_sub(self.waited()),
        })
    }
}
