//! The requests that arrive on an HTTP/1 connection, as actix may read them: one at a time, in time, and only as far as
//! they are framed. A head that takes too long is an error; a malformed chunk ends the input.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::web::BytesMut;
use futures_util::FutureExt;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Sleep;

use super::framing::Framing;
use super::pipeline::Pipeline;
use super::transport::Transport;

/// The input of a connection.
pub(super) struct Requests {
    framing: Framing,
    pipeline: Rc<Pipeline>,
    /// Whether its client has sent a malformed chunk.
    is_malformed: Rc<Cell<bool>>,
    /// What has arrived of later requests.
    held: BytesMut,
    /// How long a head may take.
    limit: Duration,
    /// Runs while the head of this number is incomplete. actix limits the first head of a connection only, and answers
    /// it; so this has a second more.
    timer: Option<(u64, Pin<Box<Sleep>>)>,
}

impl Requests {
    pub(super) fn new(pipeline: Rc<Pipeline>, is_malformed: Rc<Cell<bool>>, head_limit: Duration) -> Self {
        Self {
            framing: Framing::new(),
            pipeline,
            is_malformed,
            held: BytesMut::new(),
            limit: head_limit + Duration::from_secs(1),
            timer: None,
        }
    }

    /// Whether the connection should be read for a while after its last answer, so that no reset destroys it.
    pub(super) fn should_linger(&self) -> bool {
        self.is_malformed.get() || self.pipeline.is_closing()
    }

    /// Reads the next bytes of the request whose turn it is.
    pub(super) fn poll_read(
        &mut self,
        transport: &mut Transport,
        task: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.has_ended() {
            // Nothing is read: this is the end.
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        if self.held.is_empty() {
            let polled = Pin::new(&mut *transport).poll_read(task, into);
            if !matches!(polled, Poll::Ready(Ok(()))) {
                return if polled.is_pending() {
                    self.poll_late(transport.is_waiting(), task)
                } else {
                    polled
                };
            }
            let read = &into.filled()[before..];
            let taken = self.take(read);
            self.held.extend_from_slice(&read[taken..]);
            into.set_filled(before + taken);
        } else {
            let held = self.held.split();
            let taken = self.take(&held[..held.len().min(into.remaining())]);
            into.put_slice(&held[..taken]);
            self.held.extend_from_slice(&held[taken..]);
        }
        if self.is_malformed.get() {
            self.held.clear();
        }
        if into.filled().len() == before && !self.held.is_empty() {
            self.pipeline.wake_later(task);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// How many of these bytes belong to the request whose turn it is.
    fn take(&mut self, bytes: &[u8]) -> usize {
        if self.is_answering() {
            return 0;
        }
        self.framing.next(bytes).unwrap_or_else(|malformed| {
            self.is_malformed.set(true);
            malformed
        })
    }

    /// Whether a request that has arrived waits for its answer, or for the end of it.
    fn is_answering(&self) -> bool {
        self.framing.ended() > self.pipeline.answered()
    }

    /// Whether nothing more is read.
    fn has_ended(&self) -> bool {
        self.is_malformed.get() || (self.pipeline.is_closing() && self.framing.is_between_requests())
    }

    /// Ready with an error once the head of a request has taken too long. Its time begins when the answer before it was
    /// sent: the error ends the connection, and would cut that answer off.
    fn poll_late(&mut self, is_writing: bool, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_busy = is_writing || self.is_answering();
        if is_busy {
            self.pipeline.wake_later(task);
        }
        let under_way = self.framing.head_under_way().filter(|_| !is_busy);
        if self.timer.as_ref().map(|(number, _)| *number) != under_way {
            self.timer = under_way.map(|number| (number, Box::pin(tokio::time::sleep(self.limit))));
        }
        let Some((_, timer)) = &mut self.timer else { return Poll::Pending };
        timer.poll_unpin(task).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}
