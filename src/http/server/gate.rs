//! Decides about connections: each has a place among all of them, shared out among clients. A connection without a place
//! is answered at once, without reading its request.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_http::Protocol;
use actix_web::rt::net::TcpStream;
use huemill_actors::share::{Place, Places};
use huemill_store::Caller;
use tokio::io::AsyncWriteExt;

use crate::http::client::TrustedProxies;
use crate::http::connection::{Connection, ReadRate, Surface};
use crate::settings::Settings;

/// What a client is told for whom there is no connection. The request is not read.
const NO_CONNECTION: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Connections of operators and monitoring. They need few, and must not use up the descriptors.
const MAX_OPERATIONS_CONNECTIONS: usize = 256;

/// Decides about the connections of listeners that answer the same.
#[derive(Clone)]
pub(super) struct Gate {
    /// What the listeners answer.
    pub(super) surface: Surface,
    /// The maximum number of connections.
    pub(super) max_connections: usize,
    places: Places,
    proxies: TrustedProxies,
    rate: ReadRate,
}

impl Gate {
    pub(super) fn new(settings: &Settings, surface: Surface) -> Self {
        let answers = &settings.answers;
        let max_connections = match surface {
            Surface::Everything | Surface::Public => max_connections(settings.server.max_connections),
            Surface::Operations => MAX_OPERATIONS_CONNECTIONS,
        };
        Self {
            surface,
            max_connections,
            places: Places::new(max_connections as u64),
            proxies: TrustedProxies::of(&settings.server),
            rate: ReadRate {
                min_bytes_per_second: answers.min_bytes_per_second,
                grace: Duration::from_secs(answers.grace_seconds),
                idle: Duration::from_secs(answers.idle_seconds),
            },
        }
    }

    /// Accepts a connection, or answers it at once if its caller has too many.
    pub(super) async fn accept(
        self,
        mut stream: TcpStream,
    ) -> io::Result<(Connection, Protocol, Option<SocketAddr>)> {
        let peer = stream.peer_addr()?;
        stream.set_nodelay(true)?;
        let Some(place) = self.admit(peer) else {
            // The answer fits into the socket's buffer: nobody waits for the client.
            let _ = stream.write_all(NO_CONNECTION).await;
            let _ = stream.shutdown().await;
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "too many connections"));
        };
        let connection = Connection::new(stream, self.surface, self.rate, Some(place));
        Ok((connection, Protocol::Http1, Some(peer)))
    }

    /// A place for the connection. A trusted proxy's connections are not one caller's.
    fn admit(&self, peer: SocketAddr) -> Option<Place> {
        let is_proxy = self.proxies.trusts(peer.ip());
        let caller = if is_proxy { Caller::Service } else { Caller::of_address(peer.ip()) };
        self.places.try_take(caller, 1).ok()
    }
}

/// The configured maximum, or as many as the process may have descriptors for: some are needed for files, the store and
/// outbound requests.
fn max_connections(configured: usize) -> usize {
    let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let available =
        descriptors.map_or(usize::MAX, |most| usize::try_from(most / 4 * 3).unwrap_or(usize::MAX));
    configured.min(available).max(1)
}
