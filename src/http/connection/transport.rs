//! The bytes of a connection, plain or with TLS. Errors are those of the socket and of TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::pace::PacedStream;

/// The bytes of a connection.
pub(crate) enum Transport {
    /// Without TLS.
    Plain(PacedStream),
    /// With TLS.
    Tls(Box<TlsStream<PacedStream>>),
}

impl Transport {
    /// Whether written bytes wait for the client.
    pub(super) fn is_waiting(&self) -> bool {
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
