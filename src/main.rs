//! The program: reads the command line, does what it says, ends with its exit code.

use std::process::ExitCode;

use clap::Parser;
use huemill::cli::{self, Cli};

fn main() -> ExitCode {
    cli::run(&Cli::parse())
}
