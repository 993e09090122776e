//! `huemill check`: validates the settings and prints them, with secrets masked.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use super::terminal::{EXIT_CONFIG, eprint_line};
use crate::settings::{Environment, Settings};

/// Prints the settings in the order of `config/default.toml`, or every problem.
pub(super) fn run(file: Option<&Path>) -> ExitCode {
    let settings = match Settings::load(file, &Environment::of_process()) {
        Ok(settings) => settings,
        Err(problems) => {
            let _ = write!(std::io::stderr(), "{problems}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    match settings.to_toml() {
        Ok(text) => {
            // A closed pipe is not an error.
            let _ = write!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint_line(&format!("the settings are valid but cannot be printed: {error}"));
            ExitCode::FAILURE
        }
    }
}
