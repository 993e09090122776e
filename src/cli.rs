//! The command line: what can be said, and who does it.

mod check;
mod healthcheck;
pub mod process;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Exit code for settings or arguments that cannot be used (`EX_CONFIG` of sysexits.h).
const EXIT_CONFIG: u8 = 78;

/// Pictures into colour palettes, smart crops and social cards.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// A settings file: the keys of config/default.toml that differ.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service (the default).
    Serve,
    /// Process pictures here, without a server.
    Process(process::ProcessArgs),
    /// Validate the settings and print what would be in force, secrets masked.
    Check,
    /// Ask a running service whether it is ready; exit code 0 if so. For containers.
    Healthcheck(healthcheck::HealthcheckArgs),
}

/// Does what the command line says.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    match cli.command.as_ref().unwrap_or(&Command::Serve) {
        Command::Serve => serve::run(cli.config.as_deref()),
        Command::Process(args) => process::run(args),
        Command::Check => check::run(cli.config.as_deref()),
        Command::Healthcheck(args) => healthcheck::run(args, cli.config.as_deref()),
    }
}
