//! The web page in a real browser, against real processes of the service: one that anybody may use, and one that wants
//! keys. The tests themselves are in JavaScript, beside this file.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::servers::{Tool, require};
use support::service::Service;

#[path = "../support/mod.rs"]
mod support;
use support::servers;

/// How the tests authenticate as the operator.
const OPERATOR_TOKEN: &str = "the operator of these tests";

/// A service that the page's tests use. Its log is kept until the end.
fn service(data: &Path, mode: &str) -> Service {
    let settings = [
        ("OPERATOR_TOKEN", OPERATOR_TOKEN),
        ("HUEMILL__ACCESS__MODE", mode),
        // Pictures and webhooks of the tests come from and go to this machine.
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.0/8"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", "1-65535"),
        // All tests come from one address.
        ("HUEMILL__LIMITS__REQUESTS_PER_MINUTE", "100000"),
        ("HUEMILL__LIMITS__PICTURES_PER_MINUTE", "100000"),
    ];
    Service::start(data, &settings.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// The test files that are installed beside their libraries.
fn test_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.to_str().unwrap().ends_with(".test.mjs")).collect();
    files.sort();
    files
}

#[test]
fn people_use_the_page_in_a_browser() {
    require!(PageDriver, Chromium);
    let folder = Tool::PageDriver.path();
    let (data, data_with_keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (open, with_keys) = (service(data.path(), "open"), service(data_with_keys.path(), "keys"));
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    let done = Command::new("node")
        .current_dir(&folder)
        .args(["--test", "--test-reporter=spec", "--test-concurrency=2"])
        .args(test_files(&folder))
        .env("HUEMILL_URL", open.url(""))
        .env("HUEMILL_URL_WITH_KEYS", with_keys.url(""))
        .env("HUEMILL_OPERATOR_TOKEN", OPERATOR_TOKEN)
        .env("HUEMILL_CHROMIUM", Tool::Chromium.path())
        .env("HUEMILL_WEB", web)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&done.stdout));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
