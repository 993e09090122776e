//! The guarded connector: makes every connection of outbound requests, to an address that it checked just before.
//!
//! awc calls it for each connection, for names and literals alike. It looks up the name once, checks all addresses
//! and connects only to these, so no second look-up can return other addresses. One refused address refuses the
//! name. A connection is used for only one request, so a check never outlives its request. TLS trusts the certificate
//! authorities of the system and those of the operator's own file.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::net::TcpStream;
use actix_service::{Service, always_ready};
use actix_tls::connect::{ConnectError, ConnectInfo, Connection};
use awc::http::Uri;
use futures_util::future::LocalBoxFuture;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::time::{Instant, timeout};

use super::address::check_socket;
use super::address_policy::AddressPolicy;
use super::error::{Reason, RequestPhase};
use super::resolver;

/// What happened on one connection; awc's errors tell only part of it.
#[derive(Debug, Default)]
pub(super) struct ConnectNotes {
    /// Why the connector refused, if it did.
    pub(super) refused: Cell<Option<Reason>>,
    /// Whether an address was connected; a later failure is one of the TLS handshake.
    pub(super) connected: Cell<bool>,
    /// What the request waits for.
    pub(super) phase: Cell<RequestPhase>,
}

/// The connector of one request.
#[derive(Debug, Clone)]
pub(super) struct GuardedConnector {
    pub(super) policy: Arc<AddressPolicy>,
    pub(super) notes: Rc<ConnectNotes>,
}

impl Service<ConnectInfo<Uri>> for GuardedConnector {
    type Response = Connection<Uri, TcpStream>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    always_ready!();

    fn call(&self, info: ConnectInfo<Uri>) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.open(info).await })
    }
}

impl GuardedConnector {
    async fn open(self, info: ConnectInfo<Uri>) -> Result<Connection<Uri, TcpStream>, ConnectError> {
        let started = Instant::now();
        let addresses = match self.allowed_addresses(info.hostname(), info.port()).await {
            Ok(addresses) => addresses,
            Err(reason) => {
                self.notes.refused.set(Some(reason));
                return Err(ConnectError::Unresolved);
            }
        };
        let left = self.policy.connect.saturating_sub(started.elapsed());
        let stream = connect(&addresses, left).await.map_err(ConnectError::Io)?;
        self.notes.connected.set(true);
        Ok(Connection::new(info.request().clone(), stream))
    }

    /// The host's addresses, if all of them may be connected.
    async fn allowed_addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Reason> {
        if !self.policy.allow_ports.contains(&port) {
            return Err(Reason::Port);
        }
        let addresses = match literal(host) {
            Some(ip) => vec![SocketAddr::new(ip, port)],
            None => resolver::lookup(host, port, &self.policy.nameservers).await?,
        };
        for address in &addresses {
            check_socket(*address, &self.policy)?;
            if self.policy.own_ports.contains(&port) && is_this_machine(address.ip()) {
                return Err(Reason::Own);
            }
        }
        Ok(addresses)
    }
}

/// An address literal; IPv6 has brackets.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether packets to an address come back to this machine: the system would then send from that same address. No
/// packet is sent.
fn is_this_machine(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    if ip.is_loopback() || ip.is_unspecified() {
        return true;
    }
    let any: IpAddr = if ip.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    let from = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((ip, 9))?;
        socket.local_addr()
    });
    from.is_ok_and(|from| from.ip() == ip)
}

/// Connects to the first address that answers. Each gets its share of the time, so that a silent one leaves some
/// for the others.
async fn connect(addresses: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let deadline = Instant::now() + limit;
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for (done, address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len() - done).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / others;
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_recognised_in_every_notation() {
        for local in ["127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"] {
            assert!(is_this_machine(local.parse().unwrap()), "{local}");
        }
        // Documentation addresses belong to no machine.
        for remote in ["198.51.100.77", "2001:db8::77"] {
            assert!(!is_this_machine(remote.parse().unwrap()), "{remote}");
        }
    }

    #[test]
    fn the_address_from_which_this_machine_sends_is_its_own() {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        // Loopback always has a route; if there is a route to the outside, its address counts too.
        socket.connect("127.0.0.1:9").and_then(|()| socket.connect("192.0.2.1:9")).ok();
        assert!(is_this_machine(socket.local_addr().unwrap().ip()));
    }

    #[test]
    fn literals_are_parsed_with_and_without_brackets() {
        assert_eq!(literal("[::1]"), "::1".parse().ok());
        assert_eq!(literal("10.0.0.1"), "10.0.0.1".parse().ok());
        assert_eq!(literal("a.test"), None);
    }
}

/// Why the client of outbound requests cannot be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The operator's certificates cannot be read.
    #[error("{}: no certificates can be read from it: {why}", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// TLS cannot be configured.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// The TLS configuration of outbound requests. It names its cryptography provider rather than use a global one.
pub(super) fn tls_config(extra: Option<&Path>) -> Result<Arc<ClientConfig>, SetupError> {
    let mut roots = RootCertStore::empty();
    // The system's store may contain certificates that cannot be parsed; those are skipped.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = extra {
        let broken = |why: String| SetupError::Roots { path: path.to_owned(), why };
        let found: Vec<_> = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| broken(error.to_string()))?;
        if found.is_empty() {
            return Err(broken("it contains none".to_owned()));
        }
        for certificate in found {
            roots.add(certificate).map_err(|error| broken(error.to_string()))?;
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
