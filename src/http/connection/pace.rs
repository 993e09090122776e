//! How fast a client reads: the rule, and a stream whose writes fail once its client is too slow. actix waits for a
//! client that does not read for as long as the client likes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The minimum rate at which clients read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadRate {
    /// Minimum average in bytes a second, over the time that the service waited for the client.
    pub min_bytes_per_second: u64,
    /// How long the service waits for the client before it checks the average.
    pub grace: Duration,
    /// Maximum time in which the client reads nothing at all.
    pub idle: Duration,
}

/// After this much waiting the average starts anew: a client cannot live on having been fast once.
const WINDOW: Duration = Duration::from_secs(60);

/// Measures how fast a client reads.
#[derive(Debug)]
pub(super) struct Meter {
    rate: ReadRate,
    waiting_since: Option<Instant>,
    /// How long the service has waited in this window, and what it could write.
    waited: Duration,
    written: u64,
}

impl Meter {
    pub(super) fn new(rate: ReadRate) -> Self {
        Self { rate, waiting_since: None, waited: Duration::ZERO, written: 0 }
    }

    /// Records that the service waits for the client.
    pub(super) fn wait(&mut self) {
        self.waiting_since.get_or_insert_with(Instant::now);
    }

    /// Whether the service waits for the client.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting_since.is_some()
    }

    /// Whether the client has read nothing for too long.
    pub(super) fn is_stalled(&self) -> bool {
        self.waiting_since.is_some_and(|since| since.elapsed() >= self.rate.idle)
    }

    /// Records that the client has read so much. Returns whether it is fast enough.
    pub(super) fn progressed(&mut self, bytes: usize) -> bool {
        self.written += bytes as u64;
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
        let least = self.rate.min_bytes_per_second as f64 * self.waited.as_secs_f64();
        let is_fast_enough = self.waited <= self.rate.grace || self.written as f64 >= least;
        if self.waited > WINDOW {
            (self.waited, self.written) = (Duration::ZERO, 0);
        }
        is_fast_enough
    }
}

/// What a connection ends with if its client reads too slowly.
pub(super) fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client reads too slowly")
}

/// A TCP connection whose writes fail if the client reads too slowly. TLS lies above it: what TLS keeps back is measured
/// too.
pub(crate) struct PacedStream {
    stream: TcpStream,
    pace: Pace,
}

impl PacedStream {
    pub(crate) fn new(stream: TcpStream, rate: ReadRate) -> Self {
        Self { stream, pace: Pace::new(rate) }
    }

    /// Whether written bytes wait for the client.
    pub(super) fn is_waiting(&self) -> bool {
        self.pace.meter.is_waiting()
    }
}

impl AsyncRead for PacedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(task, into)
    }
}

impl AsyncWrite for PacedStream {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(task, bytes);
        self.pace.check(polled, task)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(task)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(task, slices);
        self.pace.check(polled, task)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Ends writes to a client that reads too slowly.
struct Pace {
    meter: Meter,
    idle_timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    fn new(rate: ReadRate) -> Self {
        Self { meter: Meter::new(rate), idle_timer: None }
    }

    /// Takes note of a write. Fails if the client is too slow.
    fn check(&mut self, polled: Poll<io::Result<usize>>, task: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Pending => self.wait(task),
            Poll::Ready(Ok(bytes)) => {
                self.idle_timer = None;
                if self.meter.progressed(bytes) { polled } else { Poll::Ready(Err(too_slow())) }
            }
            Poll::Ready(Err(_)) => polled,
        }
    }

    fn wait(&mut self, task: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.meter.wait();
        let idle = self.meter.rate.idle;
        let timer = self.idle_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        timer.poll_unpin(task).map(|()| Err(too_slow()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: ReadRate = ReadRate {
        min_bytes_per_second: 1_000,
        grace: Duration::from_secs(10),
        idle: Duration::from_secs(30),
    };

    /// Waits for the client this long, and then writes this much.
    async fn write_after(pace: &mut Pace, wait: Duration, bytes: usize) -> io::Result<usize> {
        let mut until = Box::pin(tokio::time::sleep(wait));
        std::future::poll_fn(|task| {
            let polled = until.poll_unpin(task).map(|()| Ok(bytes));
            pace.check(polled, task)
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_cut_off() {
        let mut pace = Pace::new(RATE);
        let started = Instant::now();
        assert!(write_after(&mut pace, Duration::from_secs(1_000), 1).await.is_err());
        assert_eq!(started.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_too_slowly_is_cut_off() {
        let mut pace = Pace::new(RATE);
        for _ in 0..5 {
            assert!(
                write_after(&mut pace, Duration::from_secs(2), 1_000).await.is_ok(),
                "within the grace time"
            );
        }
        assert!(write_after(&mut pace, Duration::from_secs(2), 1_000).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_fast_enough_may_read_for_long() {
        let mut pace = Pace::new(RATE);
        for _ in 0..500 {
            assert!(write_after(&mut pace, Duration::from_secs(20), 20_000).await.is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn having_been_fast_once_does_not_help_for_ever() {
        let mut pace = Pace::new(RATE);
        assert!(write_after(&mut pace, Duration::from_secs(1), 100_000_000).await.is_ok());
        let mut slow = 0;
        while write_after(&mut pace, Duration::from_secs(20), 10).await.is_ok() {
            slow += 1;
            assert!(slow < 10, "it is never cut off");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_the_service_takes_does_not_count() {
        let mut pace = Pace::new(RATE);
        for _ in 0..10 {
            tokio::time::advance(Duration::from_secs(60)).await;
            assert!(write_after(&mut pace, Duration::ZERO, 1).await.is_ok());
        }
    }
}
