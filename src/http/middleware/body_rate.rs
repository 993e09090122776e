//! Enforces a minimum upload rate: counts a request's body and ends it with an error if it arrives too slowly, because
//! actix has no such limit. Only time spent waiting for the client counts, not the time the service takes.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::{FutureExt, Stream, StreamExt};
use huemill_actors::fault::{Code, Fault};
use tokio::time::Sleep;

use crate::http::context::{Context, SharedBody};
use crate::http::problem;

/// The minimum upload rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyRate {
    /// Minimum average in bytes a second, once the grace time is over.
    pub min_bytes_per_second: u64,
    /// How long the service waits for the client before it checks the average.
    pub grace: Duration,
    /// Maximum time without any bytes.
    pub idle: Duration,
    /// Maximum time for the whole body.
    pub total: Duration,
}

impl BodyRate {
    /// The rate for a body that declares this length: it must be able to arrive in time.
    pub(crate) fn of(self, declared: Option<u64>) -> Self {
        let needed = declared.unwrap_or(0) / self.total.as_secs().max(1);
        Self { min_bytes_per_second: self.min_bytes_per_second.max(needed), ..self }
    }

    fn allows(&self, received: u64, waited: Duration) -> bool {
        let least = self.min_bytes_per_second as f64 * waited.as_secs_f64();
        waited <= self.grace || (waited <= self.total && received as f64 >= least)
    }
}

/// A body that ends with an error if the client is slower than the [`BodyRate`].
pub(crate) struct RateLimitedBody {
    inner: SharedBody,
    rate: BodyRate,
    context: Rc<Context>,
    received: u64,
    idle_timer: Option<Pin<Box<Sleep>>>,
    /// Whether the connection's input ended at a malformed chunk.
    is_malformed: Option<Rc<Cell<bool>>>,
}

impl RateLimitedBody {
    /// Wraps a request's body.
    pub(crate) fn new(inner: Payload, rate: BodyRate, context: Rc<Context>) -> Self {
        let inner = Rc::new(RefCell::new(inner));
        context.hold_body(&inner);
        Self { inner, rate, context, received: 0, idle_timer: None, is_malformed: None }
    }

    /// Makes the body report a malformed chunk, which its connection finds.
    pub(crate) fn of_connection(self, is_malformed: Option<Rc<Cell<bool>>>) -> Self {
        Self { is_malformed, ..self }
    }

    /// Records why the body ended with an error, if the connection knows.
    fn broken(&self) {
        if self.is_malformed.as_ref().is_some_and(|flag| flag.get()) {
            let message = "The request's body is not valid HTTP: one of its chunks is malformed.";
            self.context.cut_off(problem::invalid(message).with_cause("malformed chunk"));
        }
    }

    fn too_slow(&self) -> PayloadError {
        let slow = Fault::new(Code::RequestTimeout).with_cause("the body arrived below the minimum rate");
        self.context.cut_off(slow);
        PayloadError::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the body arrived too slowly"))
    }

    /// Waits for more of the body, or fails once the client has been idle for too long.
    fn wait(&mut self, task: &mut Task<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        self.context.start_waiting();
        let idle = self.rate.idle;
        let timer = self.idle_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        match timer.poll_unpin(task) {
            Poll::Ready(()) => Poll::Ready(Some(Err(self.too_slow()))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Stream for RateLimitedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.inner.borrow_mut().poll_next_unpin(task);
        if polled.is_pending() {
            return self.wait(task);
        }
        self.idle_timer = None;
        self.context.stop_waiting();
        match &polled {
            Poll::Ready(Some(Ok(chunk))) => {
                self.received += chunk.len() as u64;
                if !self.context.received(chunk) {
                    return Poll::Ready(Some(Err(PayloadError::Overflow)));
                }
                if !self.rate.allows(self.received, self.context.waited()) {
                    return Poll::Ready(Some(Err(self.too_slow())));
                }
            }
            Poll::Ready(Some(Err(_))) => self.broken(),
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
    use crate::http::client::Client;
    use crate::http::request_id::RequestId;

    type BoxedPayloadStream = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

    const RATE: BodyRate = BodyRate {
        min_bytes_per_second: 1000,
        grace: Duration::from_secs(10),
        idle: Duration::from_secs(5),
        total: Duration::from_secs(600),
    };

    fn limited() -> (mpsc::UnboundedSender<Result<Bytes, PayloadError>>, RateLimitedBody, Rc<Context>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let context = Context::new(RequestId::parse("test-request").unwrap(), Client::unknown(), None);
        let payload: BoxedPayloadStream = Box::pin(UnboundedReceiverStream::new(receiver));
        (sender, RateLimitedBody::new(Payload::Stream { payload }, RATE, context.clone()), context)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_in_time_passes_unchanged_and_is_counted() {
        let (sender, mut body, context) = limited();
        for _ in 0..3 {
            sender.send(Ok(Bytes::from_static(b"abcd"))).unwrap();
        }
        drop(sender);
        let mut received = 0;
        while let Some(chunk) = body.next().await {
            received += chunk.unwrap().len();
        }
        assert_eq!((received, context.bytes_in(), context.body_fault().is_some()), (12, 12, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_ends_with_an_error() {
        let (sender, mut body, context) = limited();
        sender.send(Ok(Bytes::from_static(b"abcd"))).unwrap();
        assert!(body.next().await.unwrap().is_ok());
        assert!(body.next().await.unwrap().is_err());
        assert!(context.body_fault().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn time_spent_waiting_for_the_client_is_not_the_services() {
        let (sender, mut body, context) = limited();
        sender.send(Ok(Bytes::from_static(b"abcd"))).unwrap();
        assert!(body.next().await.unwrap().is_ok());
        // The service takes this second before it reads on.
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
    async fn a_body_that_trickles_ends_with_an_error_after_the_grace_time() {
        let (sender, mut body, context) = limited();
        let started = Instant::now();
        tokio::spawn(async move {
            while sender.send(Ok(Bytes::from_static(b"x"))).is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        while body.next().await.unwrap().is_ok() {}
        assert!(context.body_fault().is_some());
        assert!((10..=12).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    }

    #[test]
    fn a_large_body_must_come_faster() {
        assert_eq!(RATE.of(None).min_bytes_per_second, 1000);
        assert_eq!(RATE.of(Some(600_000)).min_bytes_per_second, 1000);
        assert_eq!(RATE.of(Some(500_000_000)).min_bytes_per_second, 833_333);
        assert!(!RATE.allows(u64::MAX, Duration::from_secs(601)), "and every body must end");
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_the_service_takes_does_not_count() {
        let (sender, mut body, context) = limited();
        for _ in 0..10 {
            sender.send(Ok(Bytes::from_static(b"x"))).unwrap();
            assert!(body.next().await.unwrap().is_ok());
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        assert!(context.body_fault().is_none());
    }

    proptest! {
        #[test]
        fn a_faster_body_is_allowed_where_a_slower_one_is(received in 0u64..1 << 40, more in 0u64..1 << 30, waited in 0u64..1 << 20) {
            let waited = Duration::from_secs(waited);
            prop_assert!(!RATE.allows(received, waited) || RATE.allows(received + more, waited));
        }
    }
}
