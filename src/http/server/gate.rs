//! Decides about connections: each has a place among all of them, shared out among clients. A connection without a place
//! is answered at once, without reading its request. A TLS handshake has a time limit.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_http::Protocol;
use actix_web::rt::net::TcpStream;
use huemill_actors::share::Places;
use huemill_observability::log;
use huemill_store::Caller;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::http::client::TrustedProxies;
use crate::http::connection::{
    Connection, ConnectionInfo, HeadRules, PacedStream, ReadRate, StreamRules, Streams, Surface, Transport,
};
use crate::http::tls::{HTTP2, Tls};
use crate::settings::{ClientAddress, Settings};

/// What a client is told for whom there is no connection. The request is not read.
const NO_CONNECTION: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Connections of operators and monitoring. They need few, and must not use up the descriptors.
const MAX_OPERATIONS_CONNECTIONS: usize = 256;

/// The maximum number of HTTP/2 heads at a time that are longer than a frame and not complete. The parser may hold 32 MB of
/// each.
const MAX_LONG_HEADS: u64 = 4;

/// Decides about the connections of listeners that answer the same.
#[derive(Clone)]
pub(super) struct Gate {
    surface: Surface,
    tls: Option<Tls>,
    rules: StreamRules,
    proxies: TrustedProxies,
    /// Time limit of a TLS handshake.
    handshake: Duration,
    heads: HeadRules,
    linger: Duration,
    logged_address: ClientAddress,
}

/// What is accepted: a connection, its protocol and its client's address.
type Accepted = (Connection, Protocol, Option<SocketAddr>);

impl Gate {
    pub(super) fn new(
        settings: &Settings,
        surface: Surface,
        tls: Option<Tls>,
        stopping: CancellationToken,
    ) -> Self {
        let (server, answers) = (&settings.server, &settings.answers);
        let rate = ReadRate {
            min_bytes_per_second: answers.min_bytes_per_second,
            grace: Duration::from_secs(answers.grace_seconds),
            idle: Duration::from_secs(answers.idle_seconds),
        };
        Self {
            surface,
            tls,
            rules: StreamRules {
                places: Places::new(max_connections(settings, surface) as u64),
                rate,
                keep_alive: Duration::from_secs(server.keep_alive_seconds),
                stopping,
            },
            proxies: TrustedProxies::of(server),
            handshake: Duration::from_secs(server.header_seconds),
            heads: HeadRules {
                limit: Duration::from_secs(server.header_seconds),
                places: Places::new(MAX_LONG_HEADS),
            },
            linger: Duration::from_secs(server.linger_seconds),
            logged_address: settings.log.client_address,
        }
    }

    /// The maximum number of connections.
    pub(super) fn max_connections(&self) -> usize {
        self.rules.places.total() as usize
    }

    /// Accepts a connection, or refuses it if its caller has too many.
    pub(super) async fn accept(self, stream: TcpStream) -> io::Result<Accepted> {
        let peer = stream.peer_addr()?;
        stream.set_nodelay(true)?;
        // A trusted proxy's connections are not one caller's.
        let is_proxy = self.proxies.trusts(peer.ip());
        let caller = if is_proxy { Caller::Service } else { Caller::of_address(peer.ip()) };
        let Ok(place) = self.rules.places.try_take(caller, 1) else { return Err(self.refuse(stream).await) };
        let local = stream.local_addr().ok();
        let stream = PacedStream::new(stream, self.rules.rate);
        let (transport, protocol) = match &self.tls {
            None => (Transport::Plain(stream), Protocol::Http1),
            Some(tls) => self.shake_hands(tls, stream, peer).await?,
        };
        let streams = (protocol == Protocol::Http2).then(|| Streams::new(self.rules.clone(), caller));
        let (surface, is_secure) = (self.surface, self.tls.is_some());
        let (is_malformed, pipeline) = (Rc::default(), Rc::default());
        let info = ConnectionInfo { local, is_secure, surface, streams, is_malformed, pipeline };
        Ok((Connection::new(transport, info, &self.heads, self.linger, place), protocol, Some(peer)))
    }

    /// Without TLS, the client is told. The answer fits into the socket's buffer: nobody waits for the client.
    async fn refuse(&self, mut stream: TcpStream) -> io::Error {
        if self.tls.is_none() {
            let _ = stream.write_all(NO_CONNECTION).await;
        }
        let _ = stream.shutdown().await;
        io::Error::new(io::ErrorKind::QuotaExceeded, "too many connections")
    }

    async fn shake_hands(
        &self,
        tls: &Tls,
        stream: PacedStream,
        peer: SocketAddr,
    ) -> io::Result<(Transport, Protocol)> {
        let accepted = timeout(self.handshake, TlsAcceptor::from(tls.config()).accept(stream)).await;
        let accepted = accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = accepted.inspect_err(|error| {
            // There is no request yet, and no key for hashes.
            let client = Some(peer.ip()).filter(|_| self.logged_address == ClientAddress::Full);
            log!(TLS_HANDSHAKE_FAILED, client = client.map(tracing::field::display), cause = %error);
        })?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        let protocol = if is_http2 { Protocol::Http2 } else { Protocol::Http1 };
        Ok((Transport::Tls(Box::new(stream)), protocol))
    }
}

/// The maximum number of connections: the configured one, or as many as the process may have descriptors for, because
/// some are needed for files, the store and outbound requests.
fn max_connections(settings: &Settings, surface: Surface) -> usize {
    if surface == Surface::Operations {
        return MAX_OPERATIONS_CONNECTIONS;
    }
    let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let available =
        descriptors.map_or(usize::MAX, |most| usize::try_from(most / 4 * 3).unwrap_or(usize::MAX));
    settings.server.max_connections.min(available).max(1)
}
