//! Writes one log line per request, counts it in the metrics and ends its span. This happens when the response has been
//! sent or its client has disconnected: all of it hangs on the drop of the response's body. Of a caller that sends too
//! many requests, only some are logged, but all are counted. Paths and queries are never logged: they may be secrets.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderValue, USER_AGENT};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use huemill_actors::fault::{Code, Fault};
use huemill_observability::trace::Span;
use huemill_observability::{Event, RequestFacts, log};
use huemill_store::KeyId;

use super::request_span;
use crate::http::context::Context;
use crate::http::route;
use crate::http::state::Edge;

/// The status of a request whose client disconnected before the response, as in nginx.
const CLIENT_DISCONNECTED: u16 = 499;

/// What is logged and counted when a request ends.
pub(crate) struct RequestLog {
    endpoint: &'static str,
    method: &'static str,
    is_head: bool,
    status: u16,
    success: Option<bool>,
    fault: Option<Fault>,
    /// Why the response's body broke off.
    body_fault: Option<Fault>,
    context: Rc<Context>,
    edge: Arc<Edge>,
    bytes_out: u64,
    span: Span,
    /// The client's hash, for users' routes only.
    client: Option<u64>,
    user_agent: Option<HeaderValue>,
}

impl RequestLog {
    /// Starts the log of a request. If it is dropped before the response, it reports a disconnected client.
    pub(crate) fn begin(
        request: &ServiceRequest,
        context: Rc<Context>,
        edge: &Data<Edge>,
        span: Span,
    ) -> Self {
        let client = context.in_flight.is_some().then(|| edge.clients.hash(context.client.address));
        Self {
            endpoint: route::of(request.match_info()).map_or(route::UNMATCHED, |route| route.path),
            method: route::method_label(request.method()),
            is_head: request.method() == Method::HEAD,
            status: CLIENT_DISCONNECTED,
            success: None,
            fault: None,
            body_fault: None,
            context,
            edge: edge.clone().into_inner(),
            bytes_out: 0,
            span,
            client,
            user_agent: request.headers().get(USER_AGENT).cloned(),
        }
    }

    /// Records the response's head.
    pub(crate) fn answered(&mut self, endpoint: &'static str, status: StatusCode, fault: Option<Fault>) {
        // This mirrors the body's `success` member, which only errors and processed pictures have.
        let has_success = [route::PROCESS.path, route::PROCESS_ZIP.path].contains(&endpoint);
        let is_picture = has_success && status == StatusCode::OK;
        self.success = fault.as_ref().map(|_| false).or(is_picture.then_some(true));
        (self.endpoint, self.status, self.fault) = (endpoint, status.as_u16(), fault);
    }

    /// Records a part of the response's body.
    pub(super) fn sent(&mut self, bytes: usize) {
        if !self.is_head {
            self.bytes_out += bytes as u64;
        }
    }

    /// Whether a client that has been reading for so long may go on. A stream of events has no end.
    pub(super) fn may_last(&self, so_long: Duration) -> bool {
        self.context.is_endless() || so_long <= self.edge.answer_time
    }

    /// The request's span.
    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    /// Records that the response's body failed, which closes the connection. A job that was deleted while it was read is no
    /// fault of the service.
    pub(super) fn body_failed(&mut self, error: &(dyn std::error::Error + 'static)) {
        let fault = error.downcast_ref::<Fault>().cloned();
        let fault = fault.unwrap_or_else(|| Fault::new(Code::InternalError).with_cause(error));
        self.body_fault =
            Some(fault).filter(|fault| !matches!(fault.code, Code::JobNotFound | Code::ExpiredJob));
    }

    fn error_code(&self) -> Option<&'static str> {
        self.fault.as_ref().map(|fault| fault.code.as_str())
    }

    /// The client's address as the log may show it.
    fn client_address(&self) -> Option<String> {
        let edge = &self.edge;
        edge.logged_address.shown(self.context.client.address, |address| edge.clients.hash(address))
    }

    /// Writes the request's lines, unless its caller has sent too many requests. Somebody must act on an internal fault,
    /// so those are always logged.
    fn write_lines(&self) {
        let is_internal =
            |fault: &Option<Fault>| fault.as_ref().is_some_and(|f| f.code == Code::InternalError);
        if is_internal(&self.fault) || self.body_fault.is_some() {
            self.write_request(0);
            return self.write_errors();
        }
        let lines = 1 + u64::from(self.fault.is_some());
        if let Some(lines_left_out) = self.edge.line_sampler.take(self.context.caller(), lines) {
            self.write_request(lines_left_out);
            self.write_errors();
        }
    }

    fn write_request(&self, lines_left_out: u64) {
        let key = self.context.identity().key().map(|key| key.id);
        log!(
            HTTP_REQUEST,
            request_id = self.context.id.as_str(),
            endpoint = self.endpoint,
            method = self.method,
            status_code = self.status,
            duration_ms = self.context.elapsed().as_millis() as u64,
            success = self.success,
            error_code = self.error_code(),
            bytes_in = self.context.bytes_in(),
            bytes_out = self.bytes_out,
            client = self.client_address().as_deref(),
            key_id = key.as_ref().map(KeyId::as_str),
            user_agent = self.user_agent.as_ref().map(shortened).as_deref(),
            lines_left_out,
        );
    }

    fn write_errors(&self) {
        let request_id = self.context.id.as_str();
        let (endpoint, status_code) = (self.endpoint, self.status);
        if let Some(fault) = &self.body_fault {
            let (error_code, cause) = (fault.code.as_str(), cause(fault));
            log!(ANSWER_BROKEN, request_id, endpoint, status_code, error_code, cause);
        }
        let Some(fault) = &self.fault else { return };
        let (error_code, cause) = (fault.code.as_str(), cause(fault));
        match fault.code {
            Code::InternalError => {
                log!(HTTP_ERROR_FAULT, request_id, endpoint, status_code, error_code, cause);
            }
            Code::Overloaded | Code::NotReady => {
                log!(HTTP_ERROR_BUSY, request_id, endpoint, status_code, error_code, cause);
            }
            code if is_violation(code) => self.write_violation(fault),
            _ => log!(HTTP_ERROR, request_id, endpoint, status_code, error_code, cause),
        }
    }

    /// What anonymous callers try is no reason for anyone to act. A key that is misused is one.
    fn write_violation(&self, fault: &Fault) {
        let request_id = self.context.id.as_str();
        let (endpoint, status_code) = (self.endpoint, self.status);
        let (error_code, cause) = (fault.code.as_str(), cause(fault));
        let client = self.client_address();
        let client = client.as_deref();
        let user_agent = self.user_agent.as_ref().map(shortened);
        let user_agent = user_agent.as_deref();
        if let Some(key) = self.context.identity().key().map(|key| key.id) {
            let key_id = key.as_str();
            log!(
                SECURITY_VIOLATION_OF_KEY,
                request_id,
                endpoint,
                status_code,
                error_code,
                cause,
                client,
                key_id,
                user_agent,
            );
        } else {
            log!(
                SECURITY_VIOLATION,
                request_id,
                endpoint,
                status_code,
                error_code,
                cause,
                client,
                user_agent
            );
        }
    }

    fn end_span(&self) {
        let bytes = (self.context.bytes_in() as i64, self.bytes_out as i64);
        let answered = (self.status != CLIENT_DISCONNECTED).then_some(self.status);
        request_span::end(&self.span, self.method, self.endpoint, answered, self.error_code(), bytes);
    }

    fn count(&self) {
        let error = self.fault.as_ref().or(self.body_fault.as_ref()).map(|fault| fault.code);
        if self.context.in_flight.is_some() {
            self.edge.stats.record(error.is_some_and(Code::is_ours));
        }
        if let Some(client) = self.client {
            self.edge.recorder.record(Event::CallerSeen(client));
        }
        if let Some(reason) = self.fault.as_ref().and_then(|fault| auth_reason(fault.code)) {
            self.edge.recorder.record(Event::AuthFailed { reason });
        }
        if let Some(limit) = self.fault.as_ref().and_then(|fault| fault.limit.as_ref()) {
            let policy = limit.policy;
            self.edge.recorder.record(Event::RateLimited { policy });
        }
        if self.body_fault.is_some() {
            self.edge.recorder.record(Event::AnswerBroken { endpoint: self.endpoint });
        }
        self.edge.recorder.record(Event::RequestFinished(RequestFacts {
            endpoint: self.endpoint,
            method: self.method,
            code: self.status,
            error_code: error.map(Code::as_str),
            duration: self.context.elapsed(),
            bytes_in: self.context.bytes_in(),
            bytes_out: self.bytes_out,
        }));
    }
}

/// Whether a refusal matches an attack pattern. A key that lacks a scope is its holder's mistake, which no operator must act
/// on.
fn is_violation(code: Code) -> bool {
    code == Code::ZipTraversal || (auth_reason(code).is_some() && code != Code::Forbidden)
}

/// The cause for the log. Most refusals know nothing beyond the message that the client received; that message is
/// their cause, so that every error's line has one.
fn cause(fault: &Fault) -> &str {
    fault.cause.as_deref().unwrap_or_else(|| fault.detail())
}

/// The longest user agent that is logged, in characters.
const MAX_USER_AGENT: usize = 200;

/// A user agent for the log. The log escapes what could do harm there.
fn shortened(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).chars().take(MAX_USER_AGENT).collect()
}

/// Why authentication failed, as a metric label. Download links record their own reasons: their one code has two.
fn auth_reason(code: Code) -> Option<&'static str> {
    match code {
        Code::MissingSignature => Some("missing_signature"),
        Code::InvalidTimestamp => Some("invalid_timestamp"),
        Code::TimestampOutOfRange => Some("timestamp_out_of_range"),
        Code::NonceReused => Some("nonce_reused"),
        Code::InvalidSignature => Some("invalid_signature"),
        Code::Unauthorized => Some("unauthorized"),
        Code::Forbidden => Some("forbidden"),
        _ => None,
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        let _scope = self.span.enter();
        self.write_lines();
        self.count();
        self.end_span();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_cause_in_the_log() {
        for code in Code::ALL {
            assert!(!cause(&Fault::new(code)).is_empty(), "{code:?}");
        }
        let fault = Fault::new(Code::PayloadTooLarge).with_message("too large").with_cause("12 bytes");
        assert_eq!(cause(&fault), "12 bytes");
    }

    #[test]
    fn a_user_agent_is_cut_at_a_character() {
        let value = HeaderValue::from_bytes("ä".repeat(500).as_bytes()).unwrap();
        assert_eq!(shortened(&value), "ä".repeat(200));
        assert_eq!(shortened(&HeaderValue::from_bytes(b"a\xff").unwrap()), "a\u{fffd}");
    }
}
