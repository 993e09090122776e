//! What the service and its service manager do together: the manager learns when the service is ready and when it stops, and
//! keeps its listeners, so that connections wait while one process replaces another.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::load::Load;
use crate::source::program;
use crate::support::http::{client, client_builder};
use crate::support::service::Service;
use crate::support::{TIMEOUT, wait_for, wait_until};

/// A service manager: its socket, and the states and open files that arrive there.
struct ServiceManager {
    socket: PathBuf,
    arrivals: Receiver<(String, Option<OwnedFd>)>,
}

impl ServiceManager {
    fn start(folder: &Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let (sender, arrivals) = channel();
        std::thread::spawn(move || while sender.send(receive(&socket)).is_ok() {});
        Self { socket: path, arrivals }
    }

    /// The variables that the service gets of it.
    fn environment(&self) -> [(String, String); 2] {
        [("NOTIFY_SOCKET", self.socket.display().to_string()), ("FDSTORE", "8".to_owned())]
            .map(|(name, value)| (name.to_owned(), value))
    }

    fn next(&self) -> (String, Option<OwnedFd>) {
        self.arrivals.recv_timeout(TIMEOUT).unwrap()
    }

    /// The next state that begins like this, and what came with it.
    fn next_of(&self, beginning: &str) -> (String, Option<OwnedFd>) {
        let until = Instant::now() + TIMEOUT;
        loop {
            let arrival = self.next();
            if arrival.0.starts_with(beginning) {
                return arrival;
            }
            assert!(arrival.0.starts_with("STATUS=") || Instant::now() < until, "{arrival:?}");
        }
    }
}

/// The next datagram, and the open file in it.
fn receive(socket: &UnixDatagram) -> (String, Option<OwnedFd>) {
    let mut buffer = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut buffer)], &mut control, RecvFlags::empty());
    let length = received.unwrap().bytes;
    let files = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    (String::from_utf8_lossy(&buffer[..length]).into_owned(), files.flatten().next())
}

/// Starts a process that this listener is handed to, as systemd does it.
fn start_with(listener: &OwnedFd, data: &Path, environment: &[(String, String)]) -> Service {
    // Otherwise it would be closed for the process. (Other shells know no numbers above 9.)
    fcntl_setfd(listener, FdFlags::empty()).unwrap();
    let number = listener.as_raw_fd().to_string();
    let script = "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$1\" 3<&\"$0\"";
    Service::start_within(&["bash", "-c", script, &*number], data, environment)
}

#[test]
fn the_service_manager_learns_when_the_service_is_ready_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let manager = ServiceManager::start(folder.path());
    let mut service = Service::start(&folder.path().join("data"), &manager.environment());
    manager.next_of("READY=1\n");
    assert_eq!(client().get(service.url("/ready")).send().unwrap().status(), 200);
    service.signal("-TERM");
    manager.next_of("STOPPING=1\n");
    assert_eq!(service.wait_for_exit().code(), Some(0));
}

#[test]
fn the_service_manager_learns_what_a_service_that_is_not_ready_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let manager = ServiceManager::start(folder.path());
    let full = ("HUEMILL__HEALTH__DISK_FREE_BYTES".to_owned(), i64::MAX.to_string());
    let environment = [&manager.environment()[..], &[full]].concat();
    let service = Service::start(&folder.path().join("data"), &environment);
    let mut status = String::new();
    while !status.contains("disk: ") {
        status = manager.next_of("STATUS=").0;
        assert!(status.starts_with("STATUS=not ready: "), "{status}");
    }
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_service_that_cannot_reach_its_service_manager_says_so_and_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none").display().to_string();
    let status = Service::try_start(folder.path(), &[("NOTIFY_SOCKET".to_owned(), missing)]);
    assert_eq!(status.err().unwrap().code(), Some(1));
}

#[test]
fn a_process_replaces_another_without_a_failed_request() {
    let folder = tempfile::tempdir().unwrap();
    let (manager, data) = (ServiceManager::start(folder.path()), folder.path().join("data"));
    // The manager opens the first one, as for a unit of the type socket: so the port is known.
    let first = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = first.local_addr().unwrap();
    let own =
        [("PORT", address.port().to_string()), ("HUEMILL__SERVER__SHUTDOWN_DELAY_MS", "1000".to_owned())]
            .map(|(name, value)| (name.to_owned(), value));
    let environment = [&manager.environment()[..], &own].concat();
    let mut service = start_with(&first.into(), &data, &environment);
    // Its connections are used again, as long as the service lets them.
    let client = client_builder().build().unwrap();
    Load::run(&client, &|path| format!("http://{address}{path}"), |load| {
        for _ in 0..2 {
            load.wait_for(10);
            let (state, kept) = manager.next_of("FDSTORE=1\n");
            assert_eq!(state, format!("FDSTORE=1\nFDNAME=127.0.0.1_{}", address.port()));
            service.signal("-TERM");
            assert_eq!(service.wait_for_exit().code(), Some(0));
            service = start_with(&kept.unwrap(), &data, &environment);
        }
        load.wait_for(10);
    });
}

#[test]
fn what_the_service_manager_keeps_for_another_address_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let manager = ServiceManager::start(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let service = start_with(&listener.into(), &folder.path().join("data"), &manager.environment());
    assert_ne!(service.address, address);
    let name = format!("127.0.0.1_{}", address.port());
    assert_eq!(manager.next_of("FDSTORE").0, format!("FDSTOREREMOVE=1\nFDNAME={name}"));
    let name = format!("127.0.0.1_{}", service.address.port());
    assert_eq!(manager.next_of("FDSTORE").0, format!("FDSTORE=1\nFDNAME={name}"));
}

#[test]
fn connections_end_with_their_next_answer_once_the_service_drains() {
    let folder = tempfile::tempdir().unwrap();
    let patience = ("HUEMILL__SERVER__SHUTDOWN_DELAY_MS".to_owned(), "60000".to_owned());
    let service = Service::start(folder.path(), &[patience]);
    let closes = || {
        let answer = client().get(service.url("/health")).send().unwrap();
        answer.headers().get("connection").is_some_and(|value| value == "close")
    };
    assert!(!closes());
    service.signal("-TERM");
    wait_until("answers close their connections", closes);
}

#[test]
fn a_service_manager_that_reads_nothing_delays_neither_start_nor_stop_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let _unread = UnixDatagram::bind(&path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    while sender.send_to(b"full", &path).is_ok() {}
    let environment = [("NOTIFY_SOCKET", path.display().to_string()), ("FDSTORE", "8".to_owned())]
        .map(|(name, value)| (name.to_owned(), value));
    let service = Service::start(&folder.path().join("data"), &environment);
    let output = service.output();
    assert_eq!(service.stop(), Some(0));
    let lost = |line: &String| line.contains("the service manager (NOTIFY_SOCKET) cannot be reached");
    assert!(output.stderr().iter().any(lost), "{:?}", output.stderr());
}

#[test]
fn a_signal_ends_a_service_that_waits_for_its_database() {
    let (folder, silent) = (tempfile::tempdir().unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let mut child = Command::new(program())
        .env("DATA_DIR", folder.path())
        .env("DATABASE_URL", format!("postgres://huemill@{}/huemill", silent.local_addr().unwrap()))
        .env("BLOB_URL", format!("file://{}", folder.path().join("blobs").display()))
        .env("PORT", "0")
        .spawn()
        .unwrap();
    // It connects after its signal handlers are there.
    let _connection = silent.accept().unwrap();
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(wait_for("the service ends", || child.try_wait().unwrap()).code(), Some(130));
}
