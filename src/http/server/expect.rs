//! `Expect: 100-continue` (RFC 9110, 10.1.1): a client asks before it sends a body. It gets a 100 once the handler
//! reads the body, and not before: a request that is refused for its route, type, length or sender gets that answer at once.
//!
//! actix asks one service what to do with such a request and then another one for the response. Here the first one
//! begins the response, and the second one only continues it.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use actix_http::{BoxedPayloadStream, ConnectionType, HttpMessage, Payload, Request};
use actix_service::Service;
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::error::{InternalError, PayloadError};
use actix_web::web::Bytes;
use futures_util::Stream;
use futures_util::future::{LocalBoxFuture, poll_fn};

use crate::http::connection::ConnectionInfo;

type Outcome<B> = Result<ServiceResponse<B>, Error>;

/// A response that has been begun and waits for the request's body.
struct Begun<B>(LocalBoxFuture<'static, Outcome<B>>);

/// Begins the response to a request that expects to be told to go on.
///
/// # Errors
/// The response, if it does not need the body.
pub(super) fn begin<S, B>(
    mut request: Request,
    application: &S,
) -> impl Future<Output = Result<Request, Error>> + use<S, B>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    let (body, late) = (request.take_payload(), LateBody::default());
    let stream: BoxedPayloadStream = Box::pin(late.clone());
    let (request, _) = request.replace_payload(Payload::Stream { payload: stream });
    let response: LocalBoxFuture<'static, Outcome<B>> = Box::pin(application.call(request));
    wait_for_body(response, body, late)
}

/// Waits until the handler has answered or wants the body.
async fn wait_for_body<B: MessageBody + 'static>(
    mut response: LocalBoxFuture<'static, Outcome<B>>,
    body: Payload,
    late: LateBody,
) -> Result<Request, Error> {
    let early = poll_fn(|task| match response.as_mut().poll(task) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        // The handler has just asked for the body, in this very call.
        Poll::Pending if late.is_wanted() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    if let Some(outcome) = early.await {
        // It is kept until the answer is sent. actix would read a chunked body that was dropped for ever.
        late.arrive(body);
        let (request, mut response) = outcome?.into_parts();
        // The client may send the body or not, so nothing that follows can be told from it.
        response.head_mut().set_connection_type(ConnectionType::Close);
        if let Some(connection) = request.conn_data::<ConnectionInfo>() {
            connection.pipeline.close();
        }
        let response = response.map_into_boxed_body();
        return Err(InternalError::from_response("answered before the body", response).into());
    }
    late.arrive(body);
    let request = Request::new();
    request.extensions_mut().insert(Begun(response));
    Ok(request)
}

/// The response to a request, which may have been begun.
pub(super) fn respond<S, B>(request: Request, application: &S) -> LocalBoxFuture<'static, Outcome<B>>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: 'static,
{
    let begun = request.extensions_mut().remove::<Begun<B>>();
    match begun {
        Some(Begun(response)) => response,
        None => Box::pin(application.call(request)),
    }
}

/// A body that arrives once it is wanted. Clones share it.
#[derive(Clone, Default)]
struct LateBody(Rc<RefCell<LateBodyState>>);

#[derive(Default)]
enum LateBodyState {
    /// The handler has not asked for it.
    #[default]
    Unwanted,
    /// The handler waits for it.
    Wanted(Waker),
    /// It is here.
    Here(Payload),
}

impl LateBody {
    fn is_wanted(&self) -> bool {
        matches!(*self.0.borrow(), LateBodyState::Wanted(_))
    }

    fn arrive(&self, body: Payload) {
        if let LateBodyState::Wanted(handler) = self.0.replace(LateBodyState::Here(body)) {
            handler.wake();
        }
    }
}

impl Stream for LateBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.borrow_mut();
        if let LateBodyState::Here(body) = &mut *state {
            return Pin::new(body).poll_next(task);
        }
        *state = LateBodyState::Wanted(task.waker().clone());
        Poll::Pending
    }
}
