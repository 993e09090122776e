//! The `huemill` binary: parses the command line, runs the command, and returns its exit code.

use std::process::ExitCode;

use huemill::cli;
use tikv_jemallocator::Jemalloc;

/// It gives memory back after a peak, which the system's allocator keeps.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    cli::run(&cli::parse())
}
