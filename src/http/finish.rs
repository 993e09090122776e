//! A request's end: when the answer has been written, or its client has gone, the log line is written, the
//! figures are counted and its span ends. All hang on the answer's body, whose drop is the end in either case.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceRequest;
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data};
use huemill_actors::fault::{Code, Fault};
use huemill_observability::trace::Span;
use huemill_observability::{Event, RequestFacts, log};

use super::context::Context;
use super::doors::Doors;
use super::{route, traced};

/// The status of a request whose client went away before it was answered, as nginx has it.
const CLIENT_GONE: u16 = 499;

/// What is told at the end of a request.
pub(crate) struct Finish {
    endpoint: &'static str,
    method: &'static str,
    head: bool,
    status: u16,
    success: Option<bool>,
    fault: Option<Fault>,
    /// Why the answer broke off.
    broken: Option<Fault>,
    context: Rc<Context>,
    doors: Arc<Doors>,
    bytes_out: u64,
    span: Span,
    /// Who called, where it was a users' route.
    caller: Option<u64>,
}

impl Finish {
    /// The end of a request that begins now. Dropped before it is answered, it tells of a client that went away.
    pub(crate) fn begin(
        request: &ServiceRequest,
        context: Rc<Context>,
        doors: &Data<Doors>,
        span: Span,
    ) -> Self {
        let peer = request.peer_addr().filter(|_| context.users.is_some());
        Self {
            endpoint: route::of(request.path()).map_or(route::UNMATCHED, |route| route.path),
            method: route::method_label(request.method()),
            head: request.method() == Method::HEAD,
            status: CLIENT_GONE,
            success: None,
            fault: None,
            broken: None,
            context,
            doors: doors.clone().into_inner(),
            bytes_out: 0,
            span,
            caller: peer.map(|peer| doors.callers.mark(peer.ip())),
        }
    }

    /// The request has been answered so.
    pub(crate) fn answered(&mut self, endpoint: &'static str, status: StatusCode, fault: Option<Fault>) {
        // The answer's member of that name: errors and pictures have one, jobs and the operators' routes have none.
        let bears = [route::PROCESS.path, route::PROCESS_ZIP.path].contains(&endpoint);
        let picture = bears && status == StatusCode::OK;
        self.success = fault.as_ref().map(|_| false).or(picture.then_some(true));
        (self.endpoint, self.status, self.fault) = (endpoint, status.as_u16(), fault);
    }

    /// The answer's body gave an error, and with it the connection ends.
    fn broke(&mut self, error: &(dyn std::error::Error + 'static)) {
        let fault = error.downcast_ref::<Fault>().cloned();
        self.broken = Some(fault.unwrap_or_else(|| Fault::new(Code::InternalError).with_cause(error)));
    }

    fn error_code(&self) -> Option<&'static str> {
        self.fault.as_ref().map(|fault| fault.code.as_str())
    }

    fn write_line(&self) {
        let request_id = self.context.id.as_str();
        let (endpoint, status_code) = (self.endpoint, self.status);
        log!(
            HTTP_REQUEST,
            request_id,
            endpoint,
            method = self.method,
            status_code,
            duration_ms = self.context.elapsed().as_millis() as u64,
            success = self.success,
            error_code = self.error_code(),
            bytes_in = self.context.bytes_in(),
            bytes_out = self.bytes_out,
        );
        if let Some(Fault { code, cause, .. }) = &self.broken {
            let (error_code, cause) = (code.as_str(), cause.as_deref());
            log!(ANSWER_BROKEN, request_id, endpoint, status_code, error_code, cause);
        }
        let Some(Fault { code, cause, .. }) = &self.fault else { return };
        let (error_code, cause) = (code.as_str(), cause.as_deref());
        match code {
            Code::InternalError => {
                log!(HTTP_ERROR_FAULT, request_id, endpoint, status_code, error_code, cause);
            }
            Code::Overloaded | Code::NotReady => {
                log!(HTTP_ERROR_BUSY, request_id, endpoint, status_code, error_code, cause);
            }
            code if *code == Code::ZipTraversal || auth_reason(*code).is_some() => {
                log!(SECURITY_VIOLATION, request_id, endpoint, status_code, error_code, cause);
            }
            _ => log!(HTTP_ERROR, request_id, endpoint, status_code, error_code, cause),
        }
    }

    fn end_span(&self) {
        let bytes = (self.context.bytes_in() as i64, self.bytes_out as i64);
        let answered = (self.status != CLIENT_GONE).then_some(self.status);
        traced::end(&self.span, self.method, self.endpoint, answered, self.error_code(), bytes);
    }

    fn count(&self) {
        let failed = self.fault.as_ref().or(self.broken.as_ref()).map(|fault| fault.code);
        let ours = failed.is_some_and(Code::is_ours);
        if self.context.users.is_some() {
            self.doors.pulse.answered(ours, self.doors.uptime());
        }
        if let Some(caller) = self.caller {
            self.doors.recorder.record(Event::CallerSeen(caller));
        }
        if let Some(reason) = self.fault.as_ref().and_then(|fault| auth_reason(fault.code)) {
            self.doors.recorder.record(Event::AuthFailed { reason });
        }
        if self.broken.is_some() {
            self.doors.recorder.record(Event::AnswerBroken { endpoint: self.endpoint });
        }
        self.doors.recorder.record(Event::RequestFinished(RequestFacts {
            endpoint: self.endpoint,
            method: self.method,
            code: self.status,
            error_code: failed.map(Code::as_str),
            duration: self.context.elapsed(),
            bytes_in: self.context.bytes_in(),
            bytes_out: self.bytes_out,
        }));
    }
}

/// Why a caller was not believed, as metrics say it. Links say it themselves: one code stands for two reasons there.
fn auth_reason(code: Code) -> Option<&'static str> {
    match code {
        Code::MissingSignature => Some("missing_signature"),
        Code::InvalidTimestamp => Some("invalid_timestamp"),
        Code::TimestampOutOfRange => Some("timestamp_out_of_range"),
        Code::NonceReused => Some("nonce_reused"),
        Code::InvalidSignature => Some("invalid_signature"),
        Code::Unauthorized => Some("unauthorized"),
        _ => None,
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        let _scope = self.span.enter();
        self.write_line();
        self.count();
        self.end_span();
    }
}

/// An answer's body that counts its bytes and ends with a [`Finish`].
pub(crate) struct Observed {
    body: BoxBody,
    finish: Finish,
}

impl Observed {
    /// Watches `body`.
    #[must_use]
    pub(crate) fn new(body: BoxBody, finish: Finish) -> Self {
        Self { body, finish }
    }
}

impl MessageBody for Observed {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        // Much of an answer is worked out while it is written.
        let _scope = self.finish.span.enter();
        let polled = Pin::new(&mut self.body).poll_next(task);
        match &polled {
            Poll::Ready(Some(Ok(chunk))) if !self.finish.head => self.finish.bytes_out += chunk.len() as u64,
            Poll::Ready(Some(Err(error))) => self.finish.broke(&**error),
            _ => {}
        }
        polled
    }
}
