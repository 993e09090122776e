//! Binds the listeners, or takes over those that were open before this process: an earlier process of the service left them
//! with the service manager, or the manager opened them itself. Connections wait in them while no process runs.
//!
//! The settings alone say where the service listens: TCP listeners elsewhere are closed, and the manager closes its copies. An
//! address that cannot be bound is an error at start.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep};

use crate::http::Listeners;
use crate::service_manager::ServiceManager;
use crate::settings::Settings;

/// Connections that the kernel queues before the server accepts them.
const BACKLOG: u32 = 2048;

/// How long the service manager may take to close a listener that is in the way of another one.
const CLOSING: Duration = Duration::from_secs(5);

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {host}:{port}: {source}")]
pub struct ListenError {
    /// The configured host.
    pub host: String,
    /// The configured port.
    pub port: u16,
    /// The operating system's error.
    pub source: io::Error,
}

/// Listeners that were open before this process.
#[derive(Debug, Default)]
pub struct Inherited(HashMap<SocketAddr, TcpListener>);

impl Inherited {
    /// Those that the service manager hands to this process, as `sd_listen_fds(3)` describes. Removes the variables that
    /// name them, so no other thread may be running yet.
    #[must_use]
    pub fn of_process() -> Self {
        let mut descriptors = ListenFd::from_env();
        let listeners = (0..descriptors.len()).filter_map(|index| descriptors.take_tcp_listener(index).ok());
        Self::of(listeners.flatten())
    }

    fn of(listeners: impl Iterator<Item = TcpListener>) -> Self {
        // A socket that does not listen would be ready and answer nobody.
        let listening = listeners.filter(|listener| socket_acceptconn(listener) == Ok(true));
        Self(listening.filter_map(|listener| Some((listener.local_addr().ok()?, listener))).collect())
    }

    /// Closes those that listen anywhere else, and returns where that was.
    fn close_all_but(&mut self, addresses: &[SocketAddr]) -> Vec<SocketAddr> {
        self.0.extract_if(|address, _| !addresses.contains(address)).map(|(address, _)| address).collect()
    }
}

/// Binds the listener of users, and that of operators if they have their own, unless they are inherited. Leaves all of them
/// with the service manager.
pub(crate) async fn bind(
    settings: &Settings,
    mut inherited: Inherited,
    manager: &ServiceManager,
) -> Result<Listeners, ListenError> {
    let server = &settings.server;
    let public = (server.host.as_str(), server.port).to_socket_addrs();
    let public: Vec<_> = public.map_err(|source| error(&server.host, server.port, source))?.collect();
    let operations = settings.operations_address();
    let addresses: Vec<_> = public.iter().copied().chain(operations).collect();
    // Before anything is bound: a listener at one address of a port is in the way of one at all addresses.
    let closed = inherited.close_all_but(&addresses);
    manager.forget(&closed).await;
    let until = Instant::now() + if closed.is_empty() { Duration::ZERO } else { CLOSING };
    let public = bind_any(&public, &mut inherited, until).await;
    let public = public.map_err(|source| error(&server.host, server.port, source))?;
    let operations = match operations {
        None => None,
        Some(address) => {
            let listener = bind_address(address, &mut inherited, until).await;
            Some(listener.map_err(|source| error(&address.ip().to_string(), address.port(), source))?)
        }
    };
    let listeners = Listeners { public, operations };
    manager.keep(listeners.all()).await;
    Ok(listeners)
}

/// The error of an address.
pub(crate) fn error(host: &str, port: u16, source: io::Error) -> ListenError {
    ListenError { host: host.to_owned(), port, source }
}

/// Binds every address of a host. Fails if none of them can be bound.
async fn bind_any(
    addresses: &[SocketAddr],
    inherited: &mut Inherited,
    until: Instant,
) -> io::Result<Vec<TcpListener>> {
    let (mut listeners, mut last_error) = (Vec::new(), None);
    for address in addresses {
        match bind_address(*address, inherited, until).await {
            Ok(listener) => listeners.push(listener),
            Err(error) => last_error = Some(error),
        }
    }
    if listeners.is_empty() {
        return Err(last_error.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
    }
    Ok(listeners)
}

/// Binds an address, or takes over the listener that is there. Until a time, waits where the address is in use.
async fn bind_address(
    address: SocketAddr,
    inherited: &mut Inherited,
    until: Instant,
) -> io::Result<TcpListener> {
    if let Some(listener) = inherited.0.remove(&address) {
        listener.set_nonblocking(true)?;
        return Ok(listener);
    }
    loop {
        match bind_new(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < until => {
                sleep(Duration::from_millis(20)).await;
            }
            bound => return bound,
        }
    }
}

fn bind_new(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    /// At an address that no other test uses.
    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.22.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn a_listener_at_the_address_is_taken_over_and_others_are_closed() {
        let ((wanted, address), (other, elsewhere)) = (listener(), listener());
        let mut inherited = Inherited::of([other, wanted].into_iter());
        assert_eq!(inherited.close_all_but(&[address]), [elsewhere]);
        assert!(TcpStream::connect(elsewhere).is_err());
        // It could not be bound once more.
        let taken = bind_address(address, &mut inherited, Instant::now()).await.unwrap();
        assert_eq!(taken.local_addr().unwrap(), address);
        let bound = bind_address(elsewhere, &mut inherited, Instant::now()).await.unwrap();
        assert_eq!(bound.local_addr().unwrap(), elsewhere);
    }

    #[tokio::test]
    async fn a_connection_is_no_listener() {
        let (listener, address) = listener();
        let connection = std::os::fd::OwnedFd::from(TcpStream::connect(address).unwrap());
        let inherited = Inherited::of([listener, connection.into()].into_iter());
        assert_eq!(inherited.0.into_keys().collect::<Vec<_>>(), [address]);
    }

    #[tokio::test]
    async fn an_address_that_is_in_use_for_a_moment_is_waited_for() {
        let (other, address) = listener();
        let mut none = Inherited::default();
        let refused = bind_address(address, &mut none, Instant::now()).await;
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let closed = async {
            sleep(Duration::from_millis(50)).await;
            drop(other);
        };
        let bound = bind_address(address, &mut none, Instant::now() + CLOSING);
        assert_eq!(tokio::join!(bound, closed).0.unwrap().local_addr().unwrap(), address);
    }
}
