//! The command line at a terminal: the log of the service, colours, completions and manual pages.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod colours;
mod completions;
mod log;
mod manual;
mod pseudo_terminal;
mod retries;
#[path = "../support/mod.rs"]
mod support;

use std::process::{Command, Stdio};

/// A command of the program, with nothing of the environment but the path.
fn huemill(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huemill"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(args);
    command.stdin(Stdio::null());
    command
}

/// What a command prints that must succeed.
#[track_caller]
fn printed(args: &[&str]) -> String {
    let output = huemill(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
