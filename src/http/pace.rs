//! A request's body, watched: counted, and ended where it comes too slowly (actix has no limit for that).
//!
//! Only time spent waiting for the client counts, never the time that we take ourselves.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::{FutureExt, Stream, StreamExt};
use tokio::time::Sleep;

use super::context::{Context, SharedBody};

/// The slowest body that is borne.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Bytes a second, on average, once the grace is over.
    pub min_bytes_per_second: u64,
    /// Waiting time before the average is judged.
    pub grace: Duration,
    /// How long nothing at all may come.
    pub idle: Duration,
}

impl Pace {
    fn bears(&self, received: u64, waited: Duration) -> bool {
        waited <= self.grace || received as f64 >= self.min_bytes_per_second as f64 * waited.as_secs_f64()
    }
}

/// A body that ends with an error where the client is slower than its [`Pace`].
pub(crate) struct PacedPayload {
    inner: SharedBody,
    pace: Pace,
    context: Rc<Context>,
    received: u64,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl PacedPayload {
    /// Watches `inner` on behalf of this request.
    #[must_use]
    pub(crate) fn new(inner: Payload, pace: Pace, context: Rc<Context>) -> Self {
        let inner = Rc::new(RefCell::new(inner));
        context.hold(&inner);
        Self { inner, pace, context, received: 0, waiting: None }
    }

    fn too_slow(&self) -> PayloadError {
        self.context.too_slow();
        PayloadError::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the body came too slowly"))
    }

    /// Waits on, or gives up.
    fn wait(&mut self, task: &mut Task<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        self.context.body_awaited();
        let idle = self.pace.idle;
        let sleep = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        match sleep.poll_unpin(task) {
            Poll::Ready(()) => Poll::Ready(Some(Err(self.too_slow()))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Stream for PacedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.inner.borrow_mut().poll_next_unpin(task);
        if polled.is_pending() {
            return self.wait(task);
        }
        self.waiting = None;
        self.context.body_came();
        match &polled {
            Poll::Ready(Some(Ok(chunk))) => {
                self.received += chunk.len() as u64;
                self.context.received(chunk);
                if !self.pace.bears(self.received, self.context.waited()) {
                    return Poll::Ready(Some(Err(self.too_slow())));
                }
            }
            Poll::Ready(None) => self.context.body_ended(),
            _ => {}
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::sync::mpsc;
    use tokio::time::Instant;
    use tokio_stream::wrappers::UnboundedReceiverStream;

    use super::*;
    use crate::http::request_id::RequestId;

    type BoxedPayloadStream = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

    const PACE: Pace =
        Pace { min_bytes_per_second: 1000, grace: Duration::from_secs(10), idle: Duration::from_secs(5) };

    fn paced() -> (mpsc::UnboundedSender<Result<Bytes, PayloadError>>, PacedPayload, Rc<Context>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let context = Context::new(RequestId::parse("test-request").unwrap(), None);
        let payload: BoxedPayloadStream = Box::pin(UnboundedReceiverStream::new(receiver));
        (sender, PacedPayload::new(Payload::Stream { payload }, PACE, context.clone()), context)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_in_time_passes_whole_and_is_counted() {
        let (sender, mut body, context) = paced();
        for _ in 0..3 {
            sender.send(Ok(Bytes::from_static(b"abcd"))).unwrap();
        }
        drop(sender);
        let mut received = 0;
        while let Some(chunk) = body.next().await {
            received += chunk.unwrap().len();
        }
        assert_eq!((received, context.bytes_in(), context.was_too_slow()), (12, 12, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_is_ended() {
        let (sender, mut body, context) = paced();
        sender.send(Ok(Bytes::from_static(b"abcd"))).unwrap();
        assert!(body.next().await.unwrap().is_ok());
        assert!(body.next().await.unwrap().is_err());
        assert!(context.was_too_slow());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_waited_for_in_vain_is_no_time_of_ours() {
        let (sender, mut body, context) = paced();
        sender.send(Ok(Bytes::from_static(b"abcd"))).unwrap();
        assert!(body.next().await.unwrap().is_ok());
        // What we do before we read on is ours.
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::select! {
            more = body.next() => panic!("{more:?}"),
            () = tokio::time::sleep(Duration::from_secs(4)) => {}
        }
        drop(body);
        assert_eq!(context.elapsed(), Duration::from_secs(1));
        assert_eq!(context.waited(), Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_dribbles_is_ended_after_the_grace() {
        let (sender, mut body, context) = paced();
        let started = Instant::now();
        tokio::spawn(async move {
            while sender.send(Ok(Bytes::from_static(b"x"))).is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        while body.next().await.unwrap().is_ok() {}
        assert!(context.was_too_slow());
        assert!((10..=12).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_that_we_take_ourselves_does_not_count() {
        let (sender, mut body, context) = paced();
        for _ in 0..10 {
            sender.send(Ok(Bytes::from_static(b"x"))).unwrap();
            assert!(body.next().await.unwrap().is_ok());
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        assert!(!context.was_too_slow());
    }

    proptest! {
        #[test]
        fn faster_is_never_refused_where_slower_is_borne(received in 0u64..1 << 40, more in 0u64..1 << 30, waited in 0u64..1 << 20) {
            let waited = Duration::from_secs(waited);
            prop_assert!(!PACE.bears(received, waited) || PACE.bears(received + more, waited));
        }
    }
}
