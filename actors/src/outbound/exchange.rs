//! One request and its answer, over a connection of its own.
//!
//! The connection is awc's, through the [`GuardedConnector`]; HTTP is spoken by actix-http's codec, as awc's client does. That
//! client itself is not used: it takes an HTTP/1.1 answer without a length for an empty one, an answer in chunks that
//! was cut for a whole one, and a 100 for the answer.
//!
//! Nothing is reused between requests: a connection that waits in a pool would be one more thing to reason about,
//! and hosts are asked too rarely to gain from it. Nothing is followed, decompressed or remembered; proxies in the
//! environment are not looked at.

use std::rc::Rc;
use std::sync::Arc;

use actix_codec::Framed;
use actix_http::body::BodySize;
use actix_http::error::ParseError;
use actix_http::h1::{ClientCodec, ClientPayloadCodec, Message, MessageType};
use actix_http::{ConnectionType, RequestHead, RequestHeadType, ResponseHead};
use actix_service::Service;
use awc::error::ConnectError;
use awc::http::header::{self, HeaderName, HeaderValue};
use awc::http::{Method, StatusCode};
use awc::{BoxedSocket, Connect, Connector};
use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use huemill_observability::trace::Scope;
use rustls::ClientConfig;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::connector::{ConnectNotes, GuardedConnector};
use super::{AddressPolicy, OutboundError, Reason, RequestFailure, RequestPhase, Target};

/// What is asked.
pub(super) struct OutboundRequest<'a> {
    pub(super) method: Method,
    pub(super) target: &'a Target,
    pub(super) headers: &'a [(HeaderName, HeaderValue)],
    pub(super) body: Bytes,
}

/// An answer whose body is still to be read.
pub(super) struct Exchange {
    head: ResponseHead,
    body: Body,
}

/// Where the rest of an answer comes from (RFC 9112, 6.3).
enum Body {
    /// There is none.
    Empty,
    /// Its length, or that of each chunk, is told.
    Told(Framed<BoxedSocket, ClientPayloadCodec>),
    /// It ends when the connection does; what was read with the head comes first.
    Open(BoxedSocket, BytesMut),
}

impl Exchange {
    /// Sends a question and waits for the head of its answer. The notes are those of this hop.
    pub(super) async fn begin(
        question: OutboundRequest<'_>,
        policy: &Arc<AddressPolicy>,
        tls: &Arc<ClientConfig>,
        notes: Rc<ConnectNotes>,
    ) -> Result<Self, OutboundError> {
        let exchange = async {
            let socket = connect(question.target, policy, tls, Rc::clone(&notes)).await?;
            notes.phase.set(RequestPhase::Head);
            ask(socket, question, policy.propagate_trace).await
        };
        let exchange =
            timeout(policy.head, exchange).await.map_err(|_| OutboundError::Timeout(notes.phase.get()))?;
        notes.phase.set(RequestPhase::Body);
        exchange
    }

    fn new(head: ResponseHead, framed: Framed<BoxedSocket, ClientCodec>) -> Self {
        let bodiless = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        // The codec reads a length of nought as no body.
        let nought = head.headers.contains_key(header::CONTENT_LENGTH);
        let body = match framed.codec_ref().message_type() {
            MessageType::None if bodiless || nought => Body::Empty,
            MessageType::None => {
                let parts = framed.into_parts();
                Body::Open(parts.io, parts.read_buf)
            }
            _ => Body::Told(framed.into_map_codec(ClientCodec::into_payload_codec)),
        };
        Self { head, body }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// How long the body says it is; nobody vouches for it.
    pub(super) fn declared(&self) -> Option<u64> {
        let chunked = self.head.headers.contains_key(header::TRANSFER_ENCODING);
        if chunked { None } else { self.header(header::CONTENT_LENGTH)?.trim().parse().ok() }
    }

    /// The next bytes; none when the body is whole.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        let whole = || {
            // An end that HTTP/1.0 does not announce.
            let told = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
            !told.iter().any(|name| self.head.headers.contains_key(name))
        };
        let cut =
            OutboundError::Upstream { status: Some(self.head.status.as_u16()), what: RequestFailure::Cut };
        match &mut self.body {
            Body::Empty => Ok(None),
            Body::Told(framed) => match framed.next().await {
                Some(Ok(Some(chunk))) => Ok(Some(chunk)),
                Some(Ok(None)) => Ok(None),
                None if whole() => Ok(None),
                Some(Err(_)) | None => Err(cut),
            },
            Body::Open(socket, buffer) => {
                if buffer.is_empty() {
                    buffer.reserve(16 * 1_024);
                    socket.read_buf(buffer).await.map_err(|_| cut)?;
                }
                let chunk = buffer.split().freeze();
                Ok((!chunk.is_empty()).then_some(chunk))
            }
        }
    }
}

/// A connection to the target, through the gate and, for https, TLS.
async fn connect(
    target: &Target,
    policy: &Arc<AddressPolicy>,
    tls: &Arc<ClientConfig>,
    notes: Rc<ConnectNotes>,
) -> Result<BoxedSocket, OutboundError> {
    let gate = GuardedConnector { policy: Arc::clone(policy), notes: Rc::clone(&notes) };
    let connector = Connector::new()
        .connector(gate)
        .timeout(policy.connect)
        .handshake_timeout(policy.connect)
        .rustls_0_23(Arc::clone(tls))
        .finish();
    match connector.call(Connect { uri: target.uri().clone(), addr: None }).await {
        Ok(connection) => Ok(Box::new(connection)),
        Err(error) => Err(of_connect(&error, &notes)),
    }
}

/// Sends a question and reads the head of its answer.
async fn ask(
    socket: BoxedSocket,
    question: OutboundRequest<'_>,
    propagate: bool,
) -> Result<Exchange, OutboundError> {
    let cut = |_| OutboundError::upstream(RequestFailure::Cut);
    let mut framed = Framed::new(socket, ClientCodec::default());
    let size = if question.method == Method::GET {
        BodySize::None
    } else {
        BodySize::Sized(question.body.len() as u64)
    };
    let head = {
        let mut head = head(&question)?;
        if propagate {
            tell_trace(&mut head);
        }
        RequestHeadType::Owned(head)
    };
    framed.send(Message::Item((head, size))).await.map_err(cut)?;
    if !question.body.is_empty() {
        framed.send(Message::Chunk(Some(question.body))).await.map_err(cut)?;
    }
    loop {
        match framed.next().await {
            // What comes before the answer: 100, 103.
            Some(Ok(head))
                if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS => {}
            Some(Ok(head)) => return Ok(Exchange::new(head, framed)),
            Some(Err(ParseError::Io(_))) | None => return Err(OutboundError::upstream(RequestFailure::Cut)),
            Some(Err(_)) => return Err(OutboundError::upstream(RequestFailure::Malformed)),
        }
    }
}

fn head(question: &OutboundRequest<'_>) -> Result<RequestHead, OutboundError> {
    let mut head = RequestHead::default();
    head.method = question.method.clone();
    head.uri = question.target.uri().clone();
    head.set_connection_type(ConnectionType::Close);
    let host = HeaderValue::try_from(question.target.host_header())
        .map_err(|_| OutboundError::Refused(Reason::Form))?;
    head.headers.insert(header::HOST, host);
    head.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for (name, value) in question.headers {
        head.headers.insert(name.clone(), value.clone());
    }
    Ok(head)
}

/// Tells of the trace that the request belongs to (W3C Trace Context).
fn tell_trace(head: &mut RequestHead) {
    let Some((parent, state)) = Scope::here().headers() else { return };
    for (name, value) in [("traceparent", Some(parent)), ("tracestate", state)] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            head.headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// Why there is no connection. What the gate noted comes first.
fn of_connect(error: &ConnectError, notes: &ConnectNotes) -> OutboundError {
    if let Some(reason) = notes.refused.get() {
        return OutboundError::Refused(reason);
    }
    match error {
        ConnectError::Timeout => OutboundError::Timeout(RequestPhase::Connect),
        ConnectError::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            OutboundError::Timeout(RequestPhase::Connect)
        }
        _ if notes.connected.get() => OutboundError::upstream(RequestFailure::Tls),
        _ => OutboundError::upstream(RequestFailure::Connect),
    }
}
