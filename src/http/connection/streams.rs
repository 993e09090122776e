//! The requests of one HTTP/2 connection. It can carry any number of them, and actix limits none: so each beyond the first
//! takes a place like a connection of its own. A client that reads an answer too slowly loses its connection, because
//! the flow control of a stream is not seen in the connection's writes. And the connection ends when nothing happens on
//! it, or when the service stops.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use huemill_actors::fault::{Code, Fault};
use huemill_actors::share::{Place, Places};
use huemill_store::Caller;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::pace::{Meter, ReadRate, too_slow};

/// How often a connection looks after its requests.
const LOOK: Duration = Duration::from_secs(1);

/// What holds for the requests of HTTP/2 connections.
#[derive(Debug, Clone)]
pub(crate) struct StreamRules {
    /// The places of all connections.
    pub places: Places,
    /// How fast a client must read.
    pub rate: ReadRate,
    /// How long a connection may be idle.
    pub keep_alive: Duration,
    /// The service stops.
    pub stopping: CancellationToken,
}

/// The requests of a connection.
#[derive(Debug)]
pub(crate) struct Streams {
    rules: StreamRules,
    caller: Caller,
    open: Cell<usize>,
    next_id: Cell<u64>,
    /// When the last request ended.
    idle_since: Cell<Instant>,
    answers: RefCell<HashMap<u64, Meter>>,
    timer: RefCell<Interval>,
}

/// A request on a connection, until its answer has been read.
#[derive(Debug)]
pub(crate) struct StreamGuard {
    streams: Rc<Streams>,
    id: u64,
    /// What the client has not taken yet.
    sent: Cell<usize>,
    _place: Option<Place>,
}

impl Streams {
    pub(crate) fn new(rules: StreamRules, caller: Caller) -> Rc<Self> {
        let mut timer = interval(LOOK);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Rc::new(Self {
            rules,
            caller,
            open: Cell::new(0),
            next_id: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            answers: RefCell::default(),
            timer: RefCell::new(timer),
        })
    }

    /// Who the connection belongs to.
    pub(super) fn caller(&self) -> Caller {
        self.caller
    }

    /// Begins a request.
    ///
    /// # Errors
    /// `OVERLOADED` if its client has as many connections and requests as it may, `NOT_READY` if the service stops:
    /// other connections lead to other processes.
    pub(crate) fn begin(self: &Rc<Self>) -> Result<StreamGuard, Fault> {
        if self.rules.stopping.is_cancelled() {
            return Err(Fault::new(Code::NotReady).with_cause("the service is stopping"));
        }
        // The connection's own place is that of its first request.
        let place = if self.open.get() == 0 {
            None
        } else {
            let taken = self.rules.places.try_take(self.caller, 1);
            let cause = "too many requests on one connection";
            Some(taken.map_err(|_| Fault::new(Code::Overloaded).with_cause(cause))?)
        };
        self.open.set(self.open.get() + 1);
        let id = self.next_id.replace(self.next_id.get() + 1);
        self.answers.borrow_mut().insert(id, Meter::new(self.rules.rate));
        Ok(StreamGuard { streams: self.clone(), id, sent: Cell::new(0), _place: place })
    }

    /// Ready once the connection should end: with an error if its client does not read an answer, otherwise at a moment
    /// at which nothing is lost.
    pub(super) fn poll_end(&self, is_writing: bool, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut timer = self.timer.borrow_mut();
        while timer.poll_tick(task).is_ready() {
            if self.answers.borrow().values().any(Meter::is_stalled) {
                return Poll::Ready(Err(too_slow()));
            }
            let idle = self.idle_since.get().elapsed();
            let limit =
                if self.rules.stopping.is_cancelled() { LOOK } else { self.rules.keep_alive.max(LOOK) };
            if self.open.get() == 0 && !is_writing && idle >= limit {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    }
}

impl StreamGuard {
    /// Records that this much of the answer is on its way.
    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.set(bytes);
        self.with_meter(Meter::wait);
    }

    /// Records that the client has taken it. Returns whether it is fast enough.
    pub(crate) fn is_fast_enough(&self) -> bool {
        let bytes = self.sent.take();
        self.with_meter(|meter| meter.progressed(bytes)).unwrap_or(true)
    }

    fn with_meter<T>(&self, act: impl FnOnce(&mut Meter) -> T) -> Option<T> {
        self.streams.answers.borrow_mut().get_mut(&self.id).map(act)
    }
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.streams.answers.borrow_mut().remove(&self.id);
        self.streams.open.set(self.streams.open.get().saturating_sub(1));
        self.streams.idle_since.set(Instant::now());
    }
}
