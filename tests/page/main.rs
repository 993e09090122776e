//! The web page in a real browser, against real processes of the service: one that anybody may use, and one that wants
//! keys. The tests themselves are in JavaScript, beside this file; here is one for each view.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test, and its report")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use support::servers::{Tool, free_ports, require};
use support::service::Service;

#[path = "../support/mod.rs"]
mod support;
use support::servers;

/// How the tests authenticate as the operator.
const OPERATOR_TOKEN: &str = "the operator of these tests";

/// Services that the tests of one view use. Each view has its own: operators pause queues.
struct Services {
    open: Service,
    with_keys: Service,
    _data: [TempDir; 2],
    /// Where tests serve pictures and receive webhooks.
    pictures: u16,
    receiver: u16,
}

impl Services {
    fn start() -> Self {
        let [pictures, receiver] = free_ports();
        let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let start = |data: &TempDir, mode: &str| {
            let settings = [
                ("OPERATOR_TOKEN", OPERATOR_TOKEN.to_owned()),
                ("HUEMILL__ACCESS__MODE", mode.to_owned()),
                ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.0/8".to_owned()),
                ("HUEMILL__OUTBOUND__ALLOW_PORTS", format!("80,443,{pictures},{receiver}")),
            ];
            Service::start(data.path(), &settings.map(|(name, value)| (name.to_owned(), value)))
        };
        let (open, with_keys) = (start(&data[0], "open"), start(&data[1], "keys"));
        Self { open, with_keys, _data: data, pictures, receiver }
    }
}

/// The test files of a view, which are installed beside their libraries.
fn test_files(folder: &Path, view: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_of_view = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(view) && name.ends_with(".test.mjs")
    };
    let mut files: Vec<_> = entries.filter(is_of_view).collect();
    files.sort();
    assert!(!files.is_empty(), "there are no tests of {view}");
    files
}

/// Runs the tests of a view, one file after the other, in one process.
fn test_view(view: &str) {
    let folder = Tool::PageDriver.path();
    let services = Services::start();
    let done = Command::new("node")
        .current_dir(&folder)
        .args(["--test-reporter=spec", "view.mjs"])
        .args(test_files(&folder, view))
        .env("HUEMILL_URL", services.open.url(""))
        .env("HUEMILL_URL_WITH_KEYS", services.with_keys.url(""))
        .env("HUEMILL_OPERATOR_TOKEN", OPERATOR_TOKEN)
        .env("HUEMILL_PICTURE_PORT", services.pictures.to_string())
        .env("HUEMILL_RECEIVER_PORT", services.receiver.to_string())
        .env("HUEMILL_CHROMIUM", Tool::Chromium.path())
        .env("HUEMILL_WEB", Path::new(env!("CARGO_MANIFEST_DIR")).join("web"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&done.stdout));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_page_has_an_address_languages_themes_and_keys() {
    require!(PageDriver, Chromium);
    test_view("shell");
}

#[test]
fn a_newcomer_gets_by_with_a_mouse_and_by_keyboard_alone() {
    require!(PageDriver, Chromium);
    test_view("newcomer");
}

#[test]
fn studio_works_in_a_browser() {
    require!(PageDriver, Chromium);
    test_view("studio");
}

#[test]
fn batches_work_in_a_browser() {
    require!(PageDriver, Chromium);
    test_view("batches");
}

#[test]
fn operations_work_in_a_browser() {
    require!(PageDriver, Chromium);
    test_view("operations");
}

#[test]
fn the_api_reference_works_in_a_browser() {
    require!(PageDriver, Chromium);
    test_view("docs");
}
