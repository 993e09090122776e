//! The `huemill` binary: parses the command line, runs the command, and returns its exit code.

use std::process::ExitCode;

use clap::Parser;
use huemill::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(&Cli::parse())
}
