//! The bodies of answers: they count what is sent, keep what a request holds until they have been read, and break off if
//! their client reads too slowly. Whoever drops one ends the request's log.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

use super::request_log::RequestLog;
use crate::http::connection::{StreamGuard, Turn};

/// A response's body that counts its bytes and owns the request's [`RequestLog`].
pub(crate) struct LoggedBody {
    body: BoxBody,
    log: RequestLog,
    started: Instant,
}

impl LoggedBody {
    /// Wraps `body`.
    pub(crate) fn new(body: BoxBody, log: RequestLog) -> Self {
        Self { body, log, started: Instant::now() }
    }
}

/// The client did not read its answer in time.
#[derive(Debug, thiserror::Error)]
#[error("the client did not read its answer in time")]
struct AnswerTooSlow;

impl MessageBody for LoggedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        // Much of a response is computed while it is sent.
        let Self { body, log, started } = &mut *self;
        let _scope = log.span().enter();
        let polled = if log.may_last(started.elapsed()) {
            Pin::new(body).poll_next(task)
        } else {
            Poll::Ready(Some(Err(AnswerTooSlow.into())))
        };
        match &polled {
            Poll::Ready(Some(Ok(chunk))) => log.sent(chunk.len()),
            Poll::Ready(Some(Err(error))) if !error.is::<AnswerTooSlow>() => log.body_failed(&**error),
            _ => {}
        }
        polled
    }
}

/// The body on its connection. On HTTP/2 it keeps the request's place and sees to its pace; on HTTP/1 the connection does
/// that, and the next request has its turn once this is dropped.
pub(crate) struct StreamBody {
    body: LoggedBody,
    stream: Option<StreamGuard>,
    _turn: Option<Turn>,
}

impl StreamBody {
    /// Wraps `body`.
    pub(crate) fn new(body: LoggedBody, stream: Option<StreamGuard>, turn: Option<Turn>) -> Self {
        Self { body, stream, _turn: turn }
    }
}

impl MessageBody for StreamBody {
    type Error = <LoggedBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let Self { body, stream, .. } = &mut *self;
        let Some(stream) = stream else { return Pin::new(body).poll_next(task) };
        // The next part is asked for when the client has made room for the last one.
        if !stream.is_fast_enough() {
            return Poll::Ready(Some(Err(AnswerTooSlow.into())));
        }
        let polled = Pin::new(body).poll_next(task);
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            stream.sent(chunk.len());
        }
        polled
    }
}
