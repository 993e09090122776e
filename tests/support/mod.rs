//! The harness that the service's tests share: the service's processes, the servers behind them, the faults between
//! them, and the clients in front of them. Test binaries and benchmarks include this file by its path.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    dead_code,
    unreachable_pub,
    reason = "a harness of tests, of which each binary uses a part"
)]

#[path = "../../store/tests/support/archives.rs"]
pub mod archives;
pub mod authority;
pub mod bucket_proxy;
pub mod clients;
pub mod collector;
pub mod consistency;
pub mod database;
pub mod deployment;
pub mod http;
pub mod outcomes;
pub mod permissions;
pub mod pictures;
pub mod proxy;
pub mod receiver;
#[path = "../../store/tests/support/servers.rs"]
pub mod servers;
pub mod service;
pub mod wall_clock;

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long a test waits for a condition before it fails. Only a test that fails waits that long, so the time is ample
/// for a machine that is busy with other work.
pub const TIMEOUT: Duration = Duration::from_secs(120);

/// Waits until the condition holds. Fails with this message after [`TIMEOUT`].
#[track_caller]
pub fn wait_until(condition: &str, mut holds: impl FnMut() -> bool) {
    wait_for(condition, || holds().then_some(()));
}

/// Waits until there is a value, and returns it. Fails with this message after [`TIMEOUT`].
#[track_caller]
pub fn wait_for<T>(what: &str, mut value: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(value) = value() {
            return value;
        }
        assert!(Instant::now() < deadline, "this did not happen in {} s: {what}", TIMEOUT.as_secs());
        std::thread::sleep(pause);
        // A long wait polls less often: it competes for the processor with what it waits for.
        pause = (pause * 3 / 2).min(Duration::from_millis(50));
    }
}

/// Connects from this address of the machine, such as 127.0.0.2: another caller than 127.0.0.1.
pub fn connect_from(local: IpAddr, to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(local, 0)).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream
}

/// Environment variables as a process takes them.
pub fn variables<K: AsRef<str>, V: AsRef<str>>(list: &[(K, V)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned())).collect()
}

/// The settings with which a service may call servers on these ports of 127.0.0.1.
pub fn loopback_settings(ports: &[u16]) -> Vec<(String, String)> {
    let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
    variables(&[
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", &ports.join(",")),
    ])
}

/// Runs the cases at the same time, each on a thread that has its name. For cases that mostly wait.
pub fn run_in_parallel<Case: std::fmt::Debug + Send>(
    cases: impl IntoIterator<Item = Case>,
    run: impl Fn(Case) + Sync,
) {
    let (run, test) = (&run, std::thread::current());
    let test = test.name().unwrap_or_default();
    std::thread::scope(|scope| {
        for case in cases {
            let thread = std::thread::Builder::new().name(format!("{test}, {case:?}"));
            thread.spawn_scoped(scope, move || run(case)).unwrap();
        }
    });
}

/// The paths of all files below a folder, relative to it. Files that disappear meanwhile are left out.
pub fn files_below(folder: &std::path::Path) -> Vec<String> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files
}

/// The program, with its arguments, that must start a service so that a small disk of its own lies at this path, which
/// the service alone sees.
pub fn on_small_disk(path: &std::path::Path, size: &str) -> Vec<String> {
    let mount = format!("mount -t tmpfs -o size={size} tmpfs '{}' && exec \"$0\" \"$@\"", path.display());
    // As root the mount needs only a namespace; otherwise it needs one in which this user is root.
    let root = std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    ["unshare", if root { "-m" } else { "-rm" }, "sh", "-c", &mount].map(str::to_owned).into()
}
