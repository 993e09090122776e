//! The guarded connector: makes every connection of outbound requests, to an address that it checked just before.
//!
//! A name is looked up once, and all its addresses are checked; one refused address refuses the name. awc then calls
//! the connector for each connection, for names and literals alike: it checks the addresses again and connects only to
//! these, so no second look-up can return other addresses. In between, the request waits for its place at one of the
//! addresses. A connection is used for only one request, so a check never outlives its request, and what it receives is
//! counted.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::net::TcpStream;
use actix_service::{Service, always_ready};
use actix_tls::connect::{ConnectError, ConnectInfo, Connection};
use awc::http::Uri;
use futures_util::future::LocalBoxFuture;
use huemill_store::Caller;
use tokio::time::{Instant, timeout};

use super::address::check_socket;
use super::address_policy::AddressPolicy;
use super::endpoints::Admitted;
use super::error::{Reason, RequestPhase};
use super::resolver::{LookupFailure, Resolver};
use super::wire::{MeteredStream, WireMeter};

/// What happened on one connection; awc's errors tell only part of it.
#[derive(Debug, Default)]
pub(super) struct ConnectNotes {
    /// Why the connector refused, if it did.
    pub(super) refused: Cell<Option<Reason>>,
    /// Whether an address was connected; a later failure is one of the TLS handshake.
    pub(super) connected: Cell<bool>,
    /// What the request waits for.
    pub(super) phase: Cell<RequestPhase>,
    /// What it receives.
    pub(super) meter: Rc<WireMeter>,
}

/// Where one request may connect, and the places that it holds meanwhile.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) admitted: RefCell<Admitted>,
}

/// The connector of one request.
#[derive(Debug, Clone)]
pub(super) struct GuardedConnector {
    pub(super) policy: Arc<AddressPolicy>,
    pub(super) route: Rc<Route>,
    pub(super) notes: Rc<ConnectNotes>,
    /// Time limit for connecting.
    pub(super) limit: Duration,
}

impl Service<ConnectInfo<Uri>> for GuardedConnector {
    type Response = Connection<Uri, MeteredStream>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    always_ready!();

    fn call(&self, info: ConnectInfo<Uri>) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.open(info).await })
    }
}

impl GuardedConnector {
    async fn open(self, info: ConnectInfo<Uri>) -> Result<Connection<Uri, MeteredStream>, ConnectError> {
        if let Err(reason) = check_all(&self.route.addresses, &self.policy) {
            self.notes.refused.set(Some(reason));
            return Err(ConnectError::Unresolved);
        }
        let stream = connect(&self.route, self.limit).await.map_err(ConnectError::Io)?;
        self.notes.connected.set(true);
        let stream = MeteredStream::new(stream, Rc::clone(&self.notes.meter));
        Ok(Connection::new(info.request().clone(), stream))
    }
}

/// The host's addresses, if all of them may be connected.
pub(super) async fn allowed_addresses(
    resolver: &Resolver,
    caller: Caller,
    (host, port): (&str, u16),
    policy: &AddressPolicy,
) -> Result<Vec<SocketAddr>, Reason> {
    if !policy.allow_ports.contains(&port) {
        return Err(Reason::Port);
    }
    let addresses = match literal(host) {
        Some(ip) => vec![SocketAddr::new(ip, port)],
        None => resolver.lookup(caller, (host, port), &policy.nameservers).await?,
    };
    check_all(&addresses, policy)?;
    Ok(addresses)
}

/// Checks where a host's name leads at the moment. What the resolver does not tell is no reason to refuse.
pub(super) async fn check_host(
    resolver: &Resolver,
    caller: Caller,
    (host, port): (&str, u16),
    policy: &AddressPolicy,
) -> Result<(), Reason> {
    let addresses = match literal(host) {
        Some(ip) => vec![SocketAddr::new(ip, port)],
        None => match resolver.lookup(caller, (host, port), &policy.nameservers).await {
            Ok(addresses) => addresses,
            Err(LookupFailure::NoAddress) => return Err(Reason::Unresolvable),
            Err(LookupFailure::Unknown) => return Ok(()),
        },
    };
    check_all(&addresses, policy)
}

fn check_all(addresses: &[SocketAddr], policy: &AddressPolicy) -> Result<(), Reason> {
    for address in addresses {
        check_socket(*address, policy)?;
        if policy.own_ports.contains(&address.port()) && is_this_machine(address.ip()) {
            return Err(Reason::Own);
        }
    }
    Ok(())
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

/// Connects to the first address that answers, beginning with that of the place. Each gets its share of the time, so
/// that a silent one leaves some for the others.
async fn connect(route: &Route, limit: Duration) -> io::Result<TcpStream> {
    let deadline = Instant::now() + limit;
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let first = route.admitted.borrow().endpoint.address();
    let others = route.addresses.iter().copied().filter(|address| *address != first);
    let mut left = u32::try_from(route.addresses.len()).unwrap_or(u32::MAX);
    for address in std::iter::once(first).chain(others) {
        let share = deadline.saturating_duration_since(Instant::now()) / left.max(1);
        left = left.saturating_sub(1);
        if !route.admitted.borrow_mut().endpoint.move_to(address) {
            continue;
        }
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
