//! `huemill check`: are the settings right, and what would be in force? Secrets are masked.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::EXIT_CONFIG;
use crate::settings::{Environment, Settings};

/// Prints the settings in the order of `config/default.toml`, or every problem.
pub(super) fn run(file: Option<&Path>) -> ExitCode {
    match Settings::load(file, &Environment::of_process()) {
        Ok(settings) => {
            // Whoever closes the pipe has read enough.
            let _ = write!(std::io::stdout(), "{settings}");
            ExitCode::SUCCESS
        }
        Err(problems) => {
            let _ = write!(std::io::stderr(), "{problems}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}
