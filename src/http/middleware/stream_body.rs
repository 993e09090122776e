//! An answer's body on an HTTP/2 connection: it keeps the request's place until it has been read, and breaks off if its
//! client reads too slowly. On HTTP/1 the connection itself sees to both.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

use super::request_log::{AnswerTooSlow, LoggedBody};
use crate::http::connection::StreamGuard;

/// The body of an answer.
pub(crate) struct StreamBody {
    body: LoggedBody,
    stream: Option<StreamGuard>,
}

impl StreamBody {
    /// Wraps `body`.
    pub(crate) fn new(body: LoggedBody, stream: Option<StreamGuard>) -> Self {
        Self { body, stream }
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
        let Self { body, stream } = &mut *self;
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
