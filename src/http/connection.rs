//! A client's connection, plain or with TLS: what it is known by, its place among all connections, and what its client may
//! do: it must read fast enough, and what it sends must be framed. An HTTP/2 connection also ends when it is idle or the
//! service stops, because actix ends only those of HTTP/1.

mod framing;
mod pace;
mod streams;

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use huemill_actors::share::Place;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

use framing::Framing;
pub(crate) use pace::{PacedStream, ReadRate};
pub(crate) use streams::{StreamGuard, StreamRules, Streams};

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
}

/// The bytes of a connection.
pub(crate) enum Transport {
    /// Without TLS.
    Plain(PacedStream),
    /// With TLS.
    Tls(Box<TlsStream<PacedStream>>),
}

/// A connection.
pub(crate) struct Connection {
    transport: Transport,
    /// What is known of it.
    pub info: ConnectionInfo,
    /// Checks the bodies of HTTP/1.
    framing: Option<Framing>,
    linger: Linger,
    _place: Place,
}

/// The end of a connection whose client sent a malformed chunk: it is read for a while, so that no reset destroys the
/// answer.
struct Linger {
    time: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// Wraps what was accepted. The place is free again when the connection ends.
    pub(crate) fn new(transport: Transport, info: ConnectionInfo, linger: Duration, place: Place) -> Self {
        let framing = info.streams.is_none().then(Framing::new);
        Self { transport, info, framing, linger: Linger { time: linger, timer: None }, _place: place }
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

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.info.is_malformed.get() {
            // Nothing has been read: this is the end.
            return Poll::Ready(Ok(()));
        }
        if let Some(streams) = &this.info.streams {
            let is_writing = this.transport.is_waiting();
            if let Poll::Ready(end) = streams.poll_end(is_writing, task) {
                return Poll::Ready(end);
            }
        }
        let before = into.filled().len();
        std::task::ready!(Pin::new(&mut this.transport).poll_read(task, into))?;
        let checked = this.framing.as_mut().map_or(Ok(()), |framing| framing.check(&into.filled()[before..]));
        if let Err(at) = checked {
            into.set_filled(before + at);
            this.info.is_malformed.set(true);
        }
        Poll::Ready(Ok(()))
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
        if self.info.is_malformed.get() {
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

impl Transport {
    /// Whether written bytes wait for the client.
    fn is_waiting(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_waiting(),
            Self::Tls(stream) => stream.get_ref().0.is_waiting() || stream.get_ref().1.wants_write(),
        }
    }
}

/// Calls the method of whichever stream it is.
macro_rules! of_stream {
    ($transport:expr, $stream:ident => $call:expr) => {
        match $transport {
            Transport::Plain($stream) => $call,
            Transport::Tls($stream) => $call,
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        of_stream!(&mut *self, stream => Pin::new(stream).poll_read(task, into))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        of_stream!(&mut *self, stream => Pin::new(stream).poll_write(task, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_stream!(&mut *self, stream => Pin::new(stream).poll_flush(task))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_stream!(&mut *self, stream => Pin::new(stream).poll_shutdown(task))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        of_stream!(&mut *self, stream => Pin::new(stream).poll_write_vectored(task, slices))
    }

    fn is_write_vectored(&self) -> bool {
        of_stream!(self, stream => stream.is_write_vectored())
    }
}
