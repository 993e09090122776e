//! One request and its response, over a connection of its own.
//!
//! awc makes the connection, through the [`GuardedConnector`]; actix-http's codec speaks HTTP, as in awc's own
//! client. That client is not used because it takes an HTTP/1.1 response without a length for an empty one, a
//! chunked response that was cut off for a complete one, and a 100 for the response.
//!
//! Nothing is reused between requests: a pooled connection would be one more thing to reason about, and hosts are
//! called too rarely to gain from it. Redirects are not followed, bodies not decompressed, cookies not kept, and
//! proxies in the environment are ignored.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

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

use super::address_policy::AddressPolicy;
use super::connector::{ConnectNotes, GuardedConnector, Route};
use super::error::{OutboundError, Reason, RequestFailure, RequestPhase};
use super::target::Target;

/// Maximum number of interim responses before the response. Servers send one or two.
const MAX_INTERIM: usize = 8;

/// A request to send.
pub(super) struct OutboundRequest<'a> {
    pub(super) method: Method,
    pub(super) target: &'a Target,
    pub(super) headers: &'a [(HeaderName, HeaderValue)],
    pub(super) body: Bytes,
}

/// A response whose body is still to be read. It keeps the places of its request.
pub(super) struct Exchange {
    head: ResponseHead,
    body: Body,
    notes: Rc<ConnectNotes>,
    _route: Rc<Route>,
}

/// The connection to make for a request.
pub(super) struct Hop {
    pub(super) route: Rc<Route>,
    pub(super) notes: Rc<ConnectNotes>,
    /// Time limit for connecting, and again for the TLS handshake.
    pub(super) connect: Duration,
}

/// The rest of a response (RFC 9112, 6.3).
enum Body {
    /// There is none.
    Empty,
    /// Its length, or that of each chunk, is declared.
    Delimited(Framed<BoxedSocket, ClientPayloadCodec>),
    /// It ends when the connection closes; the bytes that were read with the head come first.
    UntilClose(BoxedSocket, BytesMut),
}

impl Exchange {
    /// Sends a request and waits for the head of its response. A body of `longest` bytes may follow it.
    pub(super) async fn begin(
        request: OutboundRequest<'_>,
        longest: u64,
        policy: &Arc<AddressPolicy>,
        tls: &Arc<ClientConfig>,
        hop: Hop,
    ) -> Result<Self, OutboundError> {
        let notes = Rc::clone(&hop.notes);
        let exchange = async {
            let socket = connect(request.target, policy, tls, &hop).await?;
            notes.phase.set(RequestPhase::Head);
            let (head, framed) = send(socket, request, policy.propagate_trace).await?;
            Ok(Self::new(head, framed, hop))
        };
        let exchange = exchange.await;
        if exchange.is_err() && notes.meter.is_exceeded() {
            return Err(OutboundError::upstream(RequestFailure::Oversized));
        }
        notes.phase.set(RequestPhase::Body);
        notes.meter.allow_body(longest);
        exchange
    }

    fn new(head: ResponseHead, framed: Framed<BoxedSocket, ClientCodec>, hop: Hop) -> Self {
        let bodiless = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        // The codec reports a length of zero as no body.
        let has_length = head.headers.contains_key(header::CONTENT_LENGTH);
        let body = match framed.codec_ref().message_type() {
            MessageType::None if bodiless || has_length => Body::Empty,
            MessageType::None => {
                let parts = framed.into_parts();
                Body::UntilClose(parts.io, parts.read_buf)
            }
            _ => Body::Delimited(framed.into_map_codec(ClientCodec::into_payload_codec)),
        };
        Self { head, body, notes: hop.notes, _route: hop.route }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(super) fn header(&self, name: HeaderName) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// The declared length of the body; it may be wrong.
    pub(super) fn declared(&self) -> Option<u64> {
        let chunked = self.head.headers.contains_key(header::TRANSFER_ENCODING);
        if chunked { None } else { self.header(header::CONTENT_LENGTH)?.trim().parse().ok() }
    }

    /// The next bytes; `None` when the body is complete.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        let may_end = || {
            // HTTP/1.0 does not declare the end of a body.
            let declared = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
            !declared.iter().any(|name| self.head.headers.contains_key(name))
        };
        let broken = || {
            let is_oversized = self.notes.meter.is_exceeded();
            let what = if is_oversized { RequestFailure::Oversized } else { RequestFailure::Cut };
            OutboundError::Upstream { status: Some(self.head.status.as_u16()), what }
        };
        match &mut self.body {
            Body::Empty => Ok(None),
            Body::Delimited(framed) => match framed.next().await {
                Some(Ok(Some(chunk))) => Ok(Some(chunk)),
                Some(Ok(None)) => Ok(None),
                None if may_end() => Ok(None),
                Some(Err(_)) | None => Err(broken()),
            },
            Body::UntilClose(socket, buffer) => {
                if buffer.is_empty() {
                    buffer.reserve(16 * 1_024);
                    socket.read_buf(buffer).await.map_err(|_| broken())?;
                }
                let chunk = buffer.split().freeze();
                Ok((!chunk.is_empty()).then_some(chunk))
            }
        }
    }
}

/// Connects to the target, through the guarded connector and, for https, TLS.
async fn connect(
    target: &Target,
    policy: &Arc<AddressPolicy>,
    tls: &Arc<ClientConfig>,
    hop: &Hop,
) -> Result<BoxedSocket, OutboundError> {
    let guarded = GuardedConnector {
        policy: Arc::clone(policy),
        route: Rc::clone(&hop.route),
        notes: Rc::clone(&hop.notes),
        limit: hop.connect,
    };
    let connector = Connector::new()
        .connector(guarded)
        .timeout(hop.connect)
        .handshake_timeout(policy.connect)
        .rustls_0_23(Arc::clone(tls))
        .finish();
    match connector.call(Connect { uri: target.uri().clone(), addr: None }).await {
        Ok(connection) => Ok(Box::new(connection)),
        Err(error) => Err(connect_error(&error, &hop.notes)),
    }
}

/// Sends a request and reads the head of its response.
async fn send(
    socket: BoxedSocket,
    request: OutboundRequest<'_>,
    propagate: bool,
) -> Result<(ResponseHead, Framed<BoxedSocket, ClientCodec>), OutboundError> {
    let cut = |_| OutboundError::upstream(RequestFailure::Cut);
    let mut framed = Framed::new(socket, ClientCodec::default());
    let size = if request.method == Method::GET {
        BodySize::None
    } else {
        BodySize::Sized(request.body.len() as u64)
    };
    let head = {
        let mut head = head(&request)?;
        if propagate {
            add_trace_headers(&mut head);
        }
        RequestHeadType::Owned(head)
    };
    framed.send(Message::Item((head, size))).await.map_err(cut)?;
    if !request.body.is_empty() {
        framed.send(Message::Chunk(Some(request.body))).await.map_err(cut)?;
    }
    for _ in 0..=MAX_INTERIM {
        match framed.next().await {
            Some(Ok(head)) if is_interim(head.status) => {}
            Some(Ok(head)) => return Ok((head, framed)),
            Some(Err(ParseError::Io(_))) | None => return Err(OutboundError::upstream(RequestFailure::Cut)),
            Some(Err(_)) => return Err(OutboundError::upstream(RequestFailure::Malformed)),
        }
    }
    Err(OutboundError::upstream(RequestFailure::Oversized))
}

/// Whether another response to the same request follows (100, 103).
fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

fn head(request: &OutboundRequest<'_>) -> Result<RequestHead, OutboundError> {
    let mut head = RequestHead::default();
    head.method = request.method.clone();
    head.uri = request.target.uri().clone();
    head.set_connection_type(ConnectionType::Close);
    let host = HeaderValue::try_from(request.target.host_header())
        .map_err(|_| OutboundError::Refused(Reason::Form))?;
    head.headers.insert(header::HOST, host);
    head.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for (name, value) in request.headers {
        head.headers.insert(name.clone(), value.clone());
    }
    Ok(head)
}

/// Adds the headers of the trace to which the request belongs (W3C Trace Context).
fn add_trace_headers(head: &mut RequestHead) {
    let Some((parent, state)) = Scope::here().headers() else { return };
    for (name, value) in [("traceparent", Some(parent)), ("tracestate", state)] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            head.headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// Why there is no connection. The notes of the connector take precedence.
fn connect_error(error: &ConnectError, notes: &ConnectNotes) -> OutboundError {
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
