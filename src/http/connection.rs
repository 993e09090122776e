//! A client's connection, plain or with TLS: what it is known by, its place among all connections, and what its client may
//! do: it must read fast enough, send heads in time, and what it sends must be framed. An HTTP/2 connection also ends when
//! it is idle or the service stops, because actix ends only those of HTTP/1.

mod framing;
mod header_blocks;
mod pace;
mod pipeline;
mod requests;
mod streams;
mod transport;

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpRequest;
use futures_util::FutureExt;
use huemill_actors::share::{Place, Places};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use header_blocks::HeaderBlocks;
pub(crate) use pace::{PacedStream, ReadRate};
pub(crate) use pipeline::{Pipeline, Turn};
use requests::Requests;
pub(crate) use streams::{StreamGuard, StreamRules, Streams};
pub(crate) use transport::Transport;

/// Which routes a listener has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// All of them: operators have no listener of their own.
    Everything,
    /// Those of users, and what a load balancer needs.
    Public,
    /// Those of operators and monitoring.
    Operations,
}

impl Surface {
    /// That of the listener that a request came to.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        request.conn_data::<ConnectionInfo>().map_or(Self::Everything, |connection| connection.surface)
    }
}

/// What is known of a connection. Requests find it in their connection's data.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionInfo {
    /// The address that the client connected to.
    pub local: Option<SocketAddr>,
    /// Whether it is encrypted.
    pub is_secure: bool,
    /// What its listener answers.
    pub surface: Surface,
    /// Its requests, if it carries many at a time (HTTP/2).
    pub streams: Option<Rc<Streams>>,
    /// Whether its client has sent a malformed chunk, which ended its input.
    pub is_malformed: Rc<Cell<bool>>,
    /// Which of its requests have their answer, and whether it closes.
    pub pipeline: Rc<Pipeline>,
}

/// A connection.
pub(crate) struct Connection {
    transport: Transport,
    /// What is known of it.
    pub info: ConnectionInfo,
    input: Input,
    linger: Linger,
    _place: Place,
}

/// What is checked of the bytes that a client sends.
enum Input {
    Http1(Requests),
    Http2 { streams: Rc<Streams>, blocks: HeaderBlocks },
}

/// What holds for all connections of a listener.
#[derive(Debug, Clone)]
pub(crate) struct HeadRules {
    /// How long the head of a request may take.
    pub limit: Duration,
    /// The places of HTTP/2 heads that are longer than a frame.
    pub places: Places,
}

/// The end of a connection whose client may still be sending: it is read for a while, so that no reset destroys the answer.
struct Linger {
    time: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// Wraps what was accepted. The place is free again when the connection ends.
    pub(crate) fn new(
        transport: Transport,
        info: ConnectionInfo,
        heads: &HeadRules,
        linger: Duration,
        place: Place,
    ) -> Self {
        let input = match &info.streams {
            None => {
                let (pipeline, is_malformed) = (info.pipeline.clone(), info.is_malformed.clone());
                Input::Http1(Requests::new(pipeline, is_malformed, heads.limit))
            }
            Some(streams) => {
                let blocks = HeaderBlocks::new(heads.places.clone(), streams.caller(), heads.limit);
                Input::Http2 { streams: streams.clone(), blocks }
            }
        };
        Self { transport, info, input, linger: Linger { time: linger, timer: None }, _place: place }
    }

    /// Reads on after the answer, until the client closes the connection or the time is over.
    fn poll_linger(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.timer.is_none() {
            std::task::ready!(Pin::new(&mut self.transport).poll_shutdown(task))?;
        }
        let time = self.linger.time;
        let timer = self.linger.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        if timer.poll_unpin(task).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut unread = [0; 4_096];
        loop {
            let mut into = ReadBuf::new(&mut unread);
            match Pin::new(&mut self.transport).poll_read(task, &mut into) {
                Poll::Ready(Ok(())) if !into.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl Input {
    /// Ready once an HTTP/2 connection should end.
    fn poll_end(&mut self, is_writing: bool, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Http1(_) => Poll::Pending,
            Self::Http2 { streams, .. } => streams.poll_end(is_writing, task),
        }
    }

    /// Whether the connection should be read for a while after its last answer.
    fn should_linger(&self) -> bool {
        matches!(self, Self::Http1(requests) if requests.should_linger())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Poll::Ready(end) = this.input.poll_end(this.transport.is_waiting(), task) {
            return Poll::Ready(end);
        }
        match &mut this.input {
            Input::Http1(requests) => requests.poll_read(&mut this.transport, task, into),
            Input::Http2 { blocks, .. } => {
                let before = into.filled().len();
                let polled = Pin::new(&mut this.transport).poll_read(task, into);
                if polled.is_ready() {
                    blocks.read(&into.filled()[before..]).map_err(io::Error::other)?;
                } else if let Poll::Ready(late) = blocks.poll_late(task) {
                    return Poll::Ready(Err(io::Error::other(late)));
                }
                polled
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.input.should_linger() {
            return self.poll_linger(task);
        }
        Pin::new(&mut self.transport).poll_shutdown(task)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write_vectored(task, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }
}
