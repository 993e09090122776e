//! Reports the state of the service to the service manager that started it, such as systemd: ready, and stopping. Leaves the
//! listeners with it, so that connections wait while one process of the service replaces another.
//!
//! The protocol is that of `sd_notify(3)`: one datagram for each state, sent to the socket that `NOTIFY_SOCKET` names.
//! Without this variable nothing is sent. Listeners are left where `FDSTORE` says that there is room for them: the unit sets
//! it, as systemd itself does from version 254 on. A socket that cannot be used is an error at start; a message that is lost
//! later is reported on standard error, and the service goes on.

use std::ffi::OsStr;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr as SocketName, UnixDatagram as BlockingDatagram};
use std::time::Duration;

use huemill_actors::health::{HealthCell, HealthReport};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

/// The variable that names the service manager's socket.
const VARIABLE: &str = "NOTIFY_SOCKET";

/// The variable with the number of open files that the service manager keeps.
const ROOM: &str = "FDSTORE";

/// How long a message may wait for a service manager that reads none.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How often readiness is checked until the service is ready for the first time.
const INTERVAL: Duration = Duration::from_millis(100);

/// The service manager that started this process, if there is one.
pub(crate) struct ServiceManager {
    socket: Option<UnixDatagram>,
    /// How many open files it keeps.
    room: usize,
}

impl ServiceManager {
    /// Connects to the service manager that the environment names. Must be called within a runtime.
    pub(crate) fn of_process() -> io::Result<Self> {
        let name = std::env::var_os(VARIABLE).filter(|name| !name.is_empty());
        let room = std::env::var(ROOM).ok().and_then(|number| number.parse().ok()).unwrap_or(0);
        Ok(Self { socket: name.map(|name| connect(&name)).transpose()?, room })
    }

    /// Whether it keeps the listeners for the next process.
    pub(crate) fn keeps_listeners(&self) -> bool {
        self.socket.is_some() && self.room > 0
    }

    /// Has the service manager close its copies of the listeners at these addresses.
    pub(crate) async fn forget(&self, addresses: &[SocketAddr]) {
        for address in addresses.iter().filter(|_| self.keeps_listeners()) {
            self.send(&format!("FDSTOREREMOVE=1\nFDNAME={}", name_of(*address))).await;
        }
    }

    /// Leaves copies of the listeners with the service manager. Those that it has already, it keeps once.
    pub(crate) async fn keep(&self, listeners: impl Iterator<Item = &TcpListener>) {
        for listener in listeners.filter(|_| self.keeps_listeners()) {
            let Ok(address) = listener.local_addr() else { continue };
            let state = format!("FDSTORE=1\nFDNAME={}", name_of(address));
            self.send_with(&state, &[listener.as_fd()]).await;
        }
    }

    /// Waits until the service is ready for the first time and reports it. Reports what it waits for until then.
    pub(crate) async fn report_readiness(&self, health: &HealthCell) {
        let mut reported = String::new();
        while self.socket.is_some() {
            let report = health.read();
            if report.ready {
                // An empty status removes the last one.
                return self.send("READY=1\nSTATUS=").await;
            }
            let status = not_ready(&report);
            if status != reported {
                self.send(&format!("STATUS={status}")).await;
                reported = status;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Reports that the service finishes its work and then ends.
    pub(crate) async fn report_stop(&self) {
        self.send("STOPPING=1\nSTATUS=finishing requests and pictures in progress").await;
    }

    async fn send(&self, state: &str) {
        self.send_with(state, &[]).await;
    }

    #[allow(
        clippy::print_stderr,
        reason = "the service manager, which cannot be reached, keeps standard error"
    )]
    async fn send_with(&self, state: &str, descriptors: &[BorrowedFd<'_>]) {
        let Some(socket) = &self.socket else { return };
        let sent = socket.async_io(Interest::WRITABLE, || send(socket, state, descriptors));
        let sent = timeout(TIMEOUT, sent).await;
        if let Err(error) = sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            eprintln!("huemill: the service manager ({VARIABLE}) cannot be reached: {error}");
        }
    }
}

/// Sends a datagram with open files, one at most.
fn send(socket: &UnixDatagram, state: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    sendmsg(socket, &[IoSlice::new(state.as_bytes())], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// What the listener at an address is called there. Names have no colons.
fn name_of(address: SocketAddr) -> String {
    address.to_string().replace(':', "_")
}

/// Connects to a socket by its path, or by its name in the abstract namespace, which begins with `@`.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketName::from_abstract_name(name)?,
        None => SocketName::from_pathname(name)?,
    };
    let socket = BlockingDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    UnixDatagram::from_std(socket)
}

/// Why the service is not ready, in one line.
fn not_ready(report: &HealthReport) -> String {
    let failed = report.checks.iter().filter(|(_, check)| !check.ok);
    let checks: Vec<_> = failed
        .map(|(name, check)| {
            let reason = check.reason.as_deref().unwrap_or("failed");
            format!("{name}: {}", reason.replace('\n', " "))
        })
        .collect();
    format!("not ready: {}", report.reason.map_or_else(|| checks.join("; "), str::to_owned))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use huemill_actors::health::Check;

    use super::*;

    fn received(socket: &BlockingDatagram) -> String {
        let mut buffer = [0; 200];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[tokio::test]
    async fn messages_arrive_at_sockets_with_a_path_and_at_abstract_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("huemill-test-{}", std::process::id());
        let abstract_address = SocketName::from_abstract_name(&name).unwrap();
        for (socket, name) in [
            (BlockingDatagram::bind(&path).unwrap(), path.clone().into_os_string()),
            (BlockingDatagram::bind_addr(&abstract_address).unwrap(), format!("@{name}").into()),
        ] {
            let manager = ServiceManager { socket: Some(connect(&name).unwrap()), room: 0 };
            manager.report_stop().await;
            assert!(received(&socket).starts_with("STOPPING=1\n"), "{}", name.display());
        }
    }

    #[test]
    fn a_socket_that_is_missing_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            connect(folder.path().join("none").as_os_str()).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn the_status_names_what_the_service_waits_for() {
        let check = |ok, reason: Option<&str>| Check {
            ok,
            figures: Vec::new(),
            reason: reason.map(str::to_owned),
            shared: false,
        };
        let checks = BTreeMap::from([
            ("disk", check(false, Some("too\nfull"))),
            ("mem", check(true, None)),
            ("store", check(false, None)),
        ]);
        let report = HealthReport { ready: false, reason: None, checks, age: None };
        assert_eq!(not_ready(&report), "not ready: disk: too full; store: failed");
        assert_eq!(not_ready(&HealthReport { reason: Some("starting"), ..report }), "not ready: starting");
    }
}
