//! Binds the listeners, or takes over those that were open before this process: an earlier process of the service left them
//! with the service manager, or the manager opened them itself. Connections wait in them while no process runs.
//!
//! The settings alone say where the service listens: what was open elsewhere is closed. An address that cannot be bound is an
//! error at start.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use listenfd::ListenFd;
use tokio::net::TcpSocket;

use crate::http::Listeners;
use crate::settings::{ServerSection, Settings};

/// Connections that the kernel queues before the server accepts them.
const BACKLOG: u32 = 2048;

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
#[derive(Default)]
pub struct Inherited(Vec<TcpListener>);

impl Inherited {
    /// Those that the service manager hands to this process, as `sd_listen_fds(3)` describes. Removes the variables that
    /// name them, so no other thread may be running yet.
    #[must_use]
    pub fn of_process() -> Self {
        let mut descriptors = ListenFd::from_env();
        let listeners = (0..descriptors.len()).filter_map(|index| descriptors.take_tcp_listener(index).ok());
        Self(listeners.flatten().collect())
    }

    /// Takes the one that listens on this address.
    fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let found = self.0.iter().position(|listener| listener.local_addr().is_ok_and(|at| at == address));
        found.map(|index| self.0.swap_remove(index))
    }

    /// The addresses of those that were not taken. They are closed.
    pub(crate) fn into_unused(self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }
}

/// Binds the listener of users, and that of operators if they have their own, unless they are inherited.
pub(crate) fn bind(settings: &Settings, inherited: &mut Inherited) -> Result<Listeners, ListenError> {
    let server = &settings.server;
    let public = bind_host(server, inherited).map_err(|source| error(&server.host, server.port, source))?;
    let operations = settings.operations_address().map(|address| {
        bind_address(address, inherited)
            .map_err(|source| error(&address.ip().to_string(), address.port(), source))
    });
    Ok(Listeners { public, operations: operations.transpose()? })
}

/// The error of an address.
pub(crate) fn error(host: &str, port: u16, source: io::Error) -> ListenError {
    ListenError { host: host.to_owned(), port, source }
}

/// Binds every address that the host name resolves to. Fails if none of them can be bound.
fn bind_host(server: &ServerSection, inherited: &mut Inherited) -> io::Result<Vec<TcpListener>> {
    let (mut listeners, mut last_error) = (Vec::new(), None);
    for address in (server.host.as_str(), server.port).to_socket_addrs()? {
        match bind_address(address, inherited) {
            Ok(listener) => listeners.push(listener),
            Err(error) => last_error = Some(error),
        }
    }
    if listeners.is_empty() {
        return Err(last_error.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
    }
    Ok(listeners)
}

fn bind_address(address: SocketAddr, inherited: &mut Inherited) -> io::Result<TcpListener> {
    if let Some(listener) = inherited.take(address) {
        listener.set_nonblocking(true)?;
        return Ok(listener);
    }
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_at_the_address_is_taken_over_and_others_are_closed() {
        let [wanted, other] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [address, closed] = [&wanted, &other].map(|listener| listener.local_addr().unwrap());
        let mut inherited = Inherited(vec![other, wanted]);
        // It could not be bound once more.
        let listener = bind_address(address, &mut inherited).unwrap();
        assert_eq!(listener.local_addr().unwrap(), address);
        assert_eq!(inherited.into_unused(), [closed]);
        assert!(std::net::TcpStream::connect(closed).is_err());
        let newly_bound = bind_address(closed, &mut Inherited::default()).unwrap();
        assert_eq!(newly_bound.local_addr().unwrap(), closed);
    }
}
