//! The files of the project, the program that is packaged, and the commands that the tests run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file or folder of the project.
pub fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The text of a file of the project.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap()
}

/// Whether packages and images are made and run too, which takes minutes and root's rights (`make packages`).
pub fn is_long_form() -> bool {
    std::env::var_os("HUEMILL_PACKAGES").is_some_and(|form| form == "all")
}

/// The program that is packaged: the one that was built with this test, or another one, such as a release build.
pub fn program() -> OsString {
    std::env::var_os("HUEMILL_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_huemill").into())
}

/// Runs a command that must succeed, and returns its standard output.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {stdout}{stderr}");
    stdout.into_owned()
}
