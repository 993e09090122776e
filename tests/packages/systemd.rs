//! The systemd unit: systemd finds nothing wrong with it, what it opens to an attacker is little, and it fits the
//! service: its secrets, the time that it needs to stop, and what it reports to the service manager.

use std::collections::BTreeSet;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use huemill::settings::{Environment, Settings};

use crate::servers::require;
use crate::source;
use crate::support::TIMEOUT;
use crate::support::http::client;
use crate::support::service::Service;

fn unit() -> PathBuf {
    source::file("packaging/systemd/huemill.service")
}

/// The values of a key of the unit, in their order.
fn values(key: &str) -> Vec<String> {
    let text = std::fs::read_to_string(unit()).unwrap();
    text.lines().filter_map(|line| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned())).collect()
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    require!(Systemd);
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("huemill.service");
    // Where the package is not installed, systemd would find that the program is missing.
    let text = std::fs::read_to_string(unit()).unwrap();
    let installed = "ExecStart=/usr/bin/huemill ";
    assert!(text.contains(installed), "{text}");
    let built = format!("ExecStart={} ", env!("CARGO_BIN_EXE_huemill"));
    std::fs::write(&copy, text.replace(installed, &built)).unwrap();
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&copy).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !text.contains("huemill.service"), "{text}");
}

#[test]
fn the_unit_opens_little_to_an_attacker() {
    require!(Systemd);
    let output = Command::new("systemd-analyze")
        // Tenths of the exposure: at most 1.5 of 10.
        .args(["security", "--offline=yes", "--no-pager", "--threshold=15"])
        .arg(unit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_secret_of_the_service_is_a_credential_that_may_be_missing() {
    let page = Command::new(env!("CARGO_BIN_EXE_huemill")).arg("man").output().unwrap().stdout;
    let page = String::from_utf8(page).unwrap().replace("\\fR", " ").replace("\\fB", " ");
    let words = page.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let mut expected: BTreeSet<_> = words.filter(|word| word.ends_with("_FILE")).map(str::to_owned).collect();
    assert!(expected.contains("OPERATOR_TOKEN_FILE"), "{expected:?}");
    expected.extend(["AWS_ACCESS_KEY_ID_FILE", "AWS_SECRET_ACCESS_KEY_FILE"].map(str::to_owned));
    let environment = values("Environment");
    let given: BTreeSet<_> =
        environment.iter().map(|line| line.split_once('=').unwrap().0.to_owned()).collect();
    assert_eq!(given, expected);
    let (loaded, fallbacks) = (values("LoadCredential"), values("SetCredential"));
    for name in expected {
        let credential = name.trim_end_matches("_FILE").to_lowercase();
        assert!(environment.contains(&format!("{name}=%d/{credential}")), "{name}");
        let file = format!("{credential}:/etc/huemill/credentials/{credential}");
        assert!(loaded.contains(&file), "{name}");
        assert!(fallbacks.contains(&format!("{credential}:\\n")), "{name}");
    }
}

#[test]
fn systemd_waits_for_longer_than_the_service_takes_to_stop() {
    let timeout: u64 = values("TimeoutStopSec")[0].parse().unwrap();
    let production = source::file("config/production.toml");
    for file in [None, Some(production.as_path())] {
        let settings = Settings::load(file, &Environment::default()).unwrap();
        let takes = settings.server.shutdown_delay_ms.div_ceil(1000)
            + settings.server.drain_seconds
            + settings.jobs.drain_timeout_seconds;
        // Traces have three seconds more, and the runtime of the store five.
        assert!(takes + 8 < timeout, "stopping takes up to {takes} + 8 s, of {timeout} s");
    }
}

/// A service manager's socket, and the states that arrive there.
fn service_manager(folder: &Path) -> (PathBuf, Receiver<String>) {
    let path = folder.join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let (sender, states) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length) = socket.recv(&mut buffer) {
            if sender.send(String::from_utf8_lossy(&buffer[..length]).into_owned()).is_err() {
                return;
            }
        }
    });
    (path, states)
}

/// The next state that is more than a text for people.
fn next_state(states: &Receiver<String>) -> String {
    loop {
        let state = states.recv_timeout(TIMEOUT).unwrap();
        if !state.starts_with("STATUS=") {
            return state;
        }
    }
}

#[test]
fn the_service_manager_learns_when_the_service_is_ready_and_when_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, states) = service_manager(folder.path());
    let variables = [("NOTIFY_SOCKET".to_owned(), socket.display().to_string())];
    let mut service = Service::start(&folder.path().join("data"), &variables);
    assert!(next_state(&states).starts_with("READY=1\n"));
    assert_eq!(client().get(service.url("/ready")).send().unwrap().status(), 200);
    service.signal("-TERM");
    assert!(next_state(&states).starts_with("STOPPING=1\n"));
    assert_eq!(service.wait_for_exit().code(), Some(0));
}

#[test]
fn the_service_manager_learns_what_a_service_that_is_not_ready_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, states) = service_manager(folder.path());
    let variables = [
        ("NOTIFY_SOCKET".to_owned(), socket.display().to_string()),
        ("HUEMILL__HEALTH__DISK_FREE_BYTES".to_owned(), i64::MAX.to_string()),
    ];
    let service = Service::start(&folder.path().join("data"), &variables);
    let mut status = String::new();
    while !status.contains("disk: ") {
        status = states.recv_timeout(TIMEOUT).unwrap();
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
