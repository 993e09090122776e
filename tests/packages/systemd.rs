//! The systemd unit: systemd finds nothing wrong with it, what it opens to an attacker is little, and it fits the
//! service: its secrets, the time that it needs to stop, and the listeners that it leaves with systemd.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use huemill::settings::{Environment, Settings};

use crate::servers::require;
use crate::source;

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
    let mut given: BTreeSet<_> =
        environment.iter().map(|line| line.split_once('=').unwrap().0.to_owned()).collect();
    assert!(given.remove("FDSTORE"));
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
        // The last connections have half a second more, traces three seconds, and the runtime of the store five.
        assert!(takes + 9 < timeout, "stopping takes up to {takes} + 9 s, of {timeout} s");
    }
}

#[test]
fn systemd_has_room_for_the_listeners_and_the_service_knows() {
    let room = &values("FileDescriptorStoreMax")[0];
    assert!(values("Environment").contains(&format!("FDSTORE={room}")));
    // One for each address of a host name, and the operators' own.
    assert!(room.parse::<u32>().unwrap() >= 4);
}
