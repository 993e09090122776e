//! The order of the requests on an HTTP/1 connection. The next one is read once the one before it has its answer, and none
//! is read after an answer that closes the connection: what follows may be the rest of a body that no one read. actix
//! itself parses ahead, and would answer what it has parsed. Nothing here fails.
//!
//! The middleware makes a [`Turn`] for each request, which ends with the answer's body; the connection asks whether it may
//! hand on more bytes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};

/// What is known of the answers on a connection.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    answered: Cell<u64>,
    is_closing: Cell<bool>,
    reader: RefCell<Option<Waker>>,
}

/// A request that is being answered. It has its answer once this is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Rc<Pipeline>);

impl Pipeline {
    /// Begins to answer the next request.
    pub(crate) fn begin(self: &Rc<Self>) -> Turn {
        Turn(self.clone())
    }

    /// No request is read after this answer.
    pub(crate) fn close(&self) {
        self.is_closing.set(true);
    }

    /// Whether the connection closes after the last answer.
    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.get()
    }

    /// How many requests have their answer.
    pub(super) fn answered(&self) -> u64 {
        self.answered.get()
    }

    /// Wakes this task when the next request has its answer.
    pub(super) fn wake_later(&self, task: &Context<'_>) {
        self.reader.replace(Some(task.waker().clone()));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let pipeline = &self.0;
        pipeline.answered.set(pipeline.answered.get() + 1);
        if let Some(reader) = pipeline.reader.take() {
            reader.wake();
        }
    }
}
