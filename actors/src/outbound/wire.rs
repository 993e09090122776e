//! Counts what comes over the wire of one request, below TLS and HTTP, and fails the read once it is too much.
//!
//! Counting only the body would let a server send chunk extensions, trailers, interim responses, headers or TLS records
//! without end. The connector hands out the stream; the exchange says how much is allowed.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_rt::net::{ActixStream, Ready, TcpStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Number of bytes allowed for the TLS handshake, the heads of all responses to a request, and their framing.
const HEAD_ALLOWANCE: u64 = 64 * 1_024;

/// The part of a body's bytes that its framing may add: TLS records and chunk sizes.
const FRAMING_DIVISOR: u64 = 16;

/// The bytes of one connection: how many came, and how many may come.
#[derive(Debug)]
pub(super) struct WireMeter {
    received: Cell<u64>,
    limit: Cell<u64>,
}

impl Default for WireMeter {
    /// A meter that allows a head, but no body yet.
    fn default() -> Self {
        Self { received: Cell::new(0), limit: Cell::new(HEAD_ALLOWANCE) }
    }
}

impl WireMeter {
    /// Allows a body of this many bytes, and its framing.
    pub(super) fn allow_body(&self, bytes: u64) {
        self.limit.set(HEAD_ALLOWANCE.saturating_add(bytes).saturating_add(bytes / FRAMING_DIVISOR));
    }

    /// Whether more came than was allowed.
    pub(super) fn is_exceeded(&self) -> bool {
        self.received.get() > self.limit.get()
    }

    fn count(&self, bytes: usize) -> io::Result<()> {
        self.received.set(self.received.get().saturating_add(bytes as u64));
        if self.is_exceeded() { Err(io::Error::other("too many bytes")) } else { Ok(()) }
    }
}

/// A TCP stream whose reads are counted.
#[derive(Debug)]
pub(super) struct MeteredStream {
    stream: TcpStream,
    meter: Rc<WireMeter>,
}

impl MeteredStream {
    pub(super) fn new(stream: TcpStream, meter: Rc<WireMeter>) -> Self {
        Self { stream, meter }
    }
}

impl AsyncRead for MeteredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let counted = self.meter.count(buffer.filled().len() - before);
        if counted.is_err() {
            buffer.set_filled(before);
        }
        Poll::Ready(counted)
    }
}

impl AsyncWrite for MeteredStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl ActixStream for MeteredStream {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(&self.stream, cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(&self.stream, cx)
    }
}
