//! One request and its answer's head, over a connection of its own.
//!
//! Nothing is reused between requests: a connection that waits in a pool would be one more thing to reason about,
//! and hosts are asked too rarely to gain from it. Nothing is followed, decompressed or remembered; proxies in the
//! environment are not looked at.

use std::rc::Rc;
use std::sync::Arc;

use awc::error::{ConnectError, SendRequestError};
use awc::http::header::{self, HeaderName, HeaderValue};
use awc::http::{Method, StatusCode};
use awc::{Client, ClientResponse, Connector};
use bytes::Bytes;
use futures_util::StreamExt;
use rustls::ClientConfig;
use tokio::time::timeout;

use super::connector::Gate;
use super::wire::Notes;
use super::{Failure, OutboundError, Phase, Policy, Target};

/// What is asked.
pub(super) struct Question<'a> {
    pub(super) method: Method,
    pub(super) target: &'a Target,
    pub(super) headers: &'a [(HeaderName, HeaderValue)],
    pub(super) body: Bytes,
}

/// An answer whose body is still to be read.
pub(super) struct Exchange {
    response: ClientResponse,
    notes: Rc<Notes>,
    read: u64,
}

impl Exchange {
    /// Sends a question and waits for the head of its answer. The notes are those of this hop.
    pub(super) async fn begin(
        question: Question<'_>,
        policy: &Arc<Policy>,
        tls: &Arc<ClientConfig>,
        notes: Rc<Notes>,
    ) -> Result<Self, OutboundError> {
        let gate = Gate { policy: Arc::clone(policy), notes: Rc::clone(&notes) };
        let connector = Connector::new()
            .connector(gate)
            .timeout(policy.connect)
            .handshake_timeout(policy.connect)
            .rustls_0_23(Arc::clone(tls));
        let client = Client::builder().connector(connector).disable_timeout().disable_redirects().finish();
        let mut request = client
            .request(question.method, question.target.uri().clone())
            .no_decompress()
            .force_close()
            .insert_header((header::HOST, question.target.host_header()))
            .insert_header((header::ACCEPT_ENCODING, "identity"));
        for (name, value) in question.headers {
            request = request.insert_header((name.clone(), value.clone()));
        }
        let sent = timeout(policy.head, request.send_body(question.body)).await;
        let response = sent
            .map_err(|_| OutboundError::Timeout(notes.phase.get()))?
            .map_err(|error| of_send(&error, &notes))?;
        notes.phase.set(Phase::Body);
        Ok(Self { response, notes, read: 0 })
    }

    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// How long the body says it is; nobody vouches for it.
    pub(super) fn declared(&self) -> Option<u64> {
        let chunked = self.response.headers().contains_key(header::TRANSFER_ENCODING);
        if chunked { None } else { self.header(header::CONTENT_LENGTH)?.trim().parse().ok() }
    }

    /// The next bytes; none when the body is whole.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        match self.response.next().await {
            Some(Ok(chunk)) => {
                self.read += chunk.len() as u64;
                Ok(Some(chunk))
            }
            None if self.is_whole() => Ok(None),
            Some(Err(_)) | None => Err(self.cut()),
        }
    }

    /// Whether the body ended as it said it would. Chunks end with a last one, which is read before the connection's
    /// end is.
    fn is_whole(&self) -> bool {
        if self.response.headers().contains_key(header::TRANSFER_ENCODING) {
            return !self.notes.ended.get();
        }
        self.declared().is_none_or(|length| length == self.read)
    }

    fn cut(&self) -> OutboundError {
        OutboundError::Upstream { status: Some(self.status().as_u16()), what: Failure::Cut }
    }
}

/// Why there is no answer. What the connector noted comes first.
fn of_send(error: &SendRequestError, notes: &Notes) -> OutboundError {
    if let Some(reason) = notes.refused.get() {
        return OutboundError::Refused(reason);
    }
    match error {
        SendRequestError::Timeout => OutboundError::Timeout(notes.phase.get()),
        SendRequestError::Connect(ConnectError::Timeout) => OutboundError::Timeout(Phase::Connect),
        SendRequestError::Connect(ConnectError::Io(error)) => match error.kind() {
            std::io::ErrorKind::TimedOut => OutboundError::Timeout(Phase::Connect),
            // The connection stands already: what fails then is the handshake.
            _ if notes.phase.get() == Phase::Head => OutboundError::upstream(Failure::Tls),
            _ => OutboundError::upstream(Failure::Connect),
        },
        SendRequestError::Send(_) | SendRequestError::Connect(_) => OutboundError::upstream(Failure::Cut),
        _ => OutboundError::upstream(Failure::Malformed),
    }
}
