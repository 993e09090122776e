//! The command line: what can be said, and who does it.

mod backup;
mod check;
mod client;
mod deliveries;
mod healthcheck;
mod jobs;
mod operator;
pub mod process;
mod processes;
mod queue;
mod secret;
mod serve;
mod submit;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Exit code for settings or arguments that cannot be used (`EX_CONFIG` of sysexits.h).
const EXIT_CONFIG: u8 = 78;

/// Exit code for arguments that cannot be used together, as clap's own.
const EXIT_USAGE: u8 = 2;

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
    Serve(serve::ServeArgs),
    /// Process pictures here, without a server.
    Process(process::ProcessArgs),
    /// Send pictures to a service as a job, and save what comes of them.
    Submit(Box<submit::SubmitArgs>),
    /// List, show, cancel and retry a service's jobs.
    Jobs(jobs::JobsArgs),
    /// List a service's webhooks, and send one anew. For the operator.
    Deliveries(deliveries::DeliveriesArgs),
    /// List the processes that share a service's store. For the operator.
    Processes(processes::ProcessesArgs),
    /// Pause and resume a service's queue. For the operator.
    Queue(queue::QueueArgs),
    /// Print a secret that is in force. For the operator.
    Secret(secret::SecretArgs),
    /// Copy the embedded store and its pictures while the service runs.
    Backup(backup::BackupArgs),
    /// Bring a backup into an empty data directory.
    Restore(backup::RestoreArgs),
    /// Validate the settings and print what would be in force, secrets masked.
    Check,
    /// Ask a running service whether it is ready; exit code 0 if so. For containers.
    Healthcheck(healthcheck::HealthcheckArgs),
}

/// Does what the command line says.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    let Some(command) = &cli.command else {
        return serve::run(&serve::ServeArgs::default(), cli.config.as_deref());
    };
    match command {
        Command::Serve(args) => serve::run(args, cli.config.as_deref()),
        Command::Process(args) => process::run(args),
        Command::Submit(args) => submit::run(args),
        Command::Jobs(args) => jobs::run(args, cli.config.as_deref()),
        Command::Deliveries(args) => deliveries::run(args, cli.config.as_deref()),
        Command::Processes(args) => processes::run(args, cli.config.as_deref()),
        Command::Queue(args) => queue::run(args, cli.config.as_deref()),
        Command::Secret(args) => secret::run(args, cli.config.as_deref()),
        Command::Backup(args) => backup::run(args, cli.config.as_deref()),
        Command::Restore(args) => backup::restore(args, cli.config.as_deref()),
        Command::Check => check::run(cli.config.as_deref()),
        Command::Healthcheck(args) => healthcheck::run(args, cli.config.as_deref()),
    }
}

/// A line on standard output. Whoever closed it has read enough.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
