//! The command line: parses the arguments and runs the command. Each command has a module, apart from `huemill check` and
//! `huemill openapi`.

mod atomic_file;
mod backup;
mod client;
mod completions;
mod deliveries;
mod exit_codes;
mod export_names;
mod file_error;
mod file_processor;
mod healthcheck;
mod jobs;
mod keys;
mod manual;
mod operator;
mod picture_args;
mod picture_folder;
mod process;
mod processes;
mod queue;
mod regular_file;
mod secret;
mod serve;
mod submit;
mod terminal;
mod watch;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::http::Tls;
use crate::settings::{Environment, Settings};

/// Turn pictures into colour palettes, smart crops and social cards.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Settings file; needs only the keys that differ from config/default.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service (the default command)
    Serve(serve::ServeArgs),
    /// Process pictures locally, without a server
    Process(Box<process::ProcessArgs>),
    /// Write palettes and cards for the pictures that appear in a folder
    Watch(Box<watch::WatchArgs>),
    /// Upload pictures to a service as a job, and optionally wait for the results
    Submit(Box<submit::SubmitArgs>),
    /// List, show, cancel and retry jobs
    Jobs(jobs::JobsArgs),
    /// List and redeliver webhooks (requires the operator token)
    Deliveries(deliveries::DeliveriesArgs),
    /// List the processes that share the service's store (requires the operator token)
    Processes(operator::OperatorArgs),
    /// Pause and resume the job queue (requires the operator token)
    Queue(queue::QueueArgs),
    /// Create, list, rotate and revoke API keys (requires the operator token)
    Keys(keys::KeysArgs),
    /// Print the operator token or the webhook secret
    Secret(secret::SecretArgs),
    /// Back up the embedded store and its pictures while the service runs
    Backup(backup::BackupArgs),
    /// Restore a backup into an empty data directory
    Restore(backup::restore::RestoreArgs),
    /// Validate the settings and print them, with secrets masked
    Check,
    /// Print the OpenAPI document of the service
    Openapi,
    /// Check whether a running service is ready (exit code 0 if it is); made for containers
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print the script that completes this command line in a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write the pages of all commands
    Man(manual::ManArgs),
}

/// Parses the arguments of this process. If they are wrong or ask for help, the process ends here.
#[must_use]
pub fn parse() -> Cli {
    Cli::from_arg_matches(&definition().get_matches()).unwrap_or_else(|error| error.exit())
}

/// The definition of the command line.
fn definition() -> clap::Command {
    exit_codes::explain(Cli::command()).color(terminal::color_choice())
}

/// Runs the command that the arguments name.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    let file = cli.config.as_deref();
    let Some(command) = &cli.command else { return serve::run(&serve::ServeArgs::default(), file) };
    match command {
        Command::Serve(args) => serve::run(args, file),
        Command::Process(args) => process::run(args),
        Command::Watch(args) => watch::run(args),
        Command::Submit(args) => submit::run(args, file),
        Command::Jobs(args) => jobs::run(args, file),
        Command::Deliveries(args) => deliveries::run(args, file),
        Command::Processes(args) => processes::run(args, file),
        Command::Queue(args) => queue::run(args, file),
        Command::Keys(args) => keys::run(args, file),
        Command::Secret(args) => secret::run(args, file),
        Command::Backup(args) => backup::run(args, file),
        Command::Restore(args) => backup::restore::run(args, file),
        Command::Check => check(file),
        Command::Openapi => print_openapi(),
        Command::Healthcheck(args) => healthcheck::run(args, file),
        Command::Completions(args) => completions::run(args, definition()),
        Command::Man(args) => manual::run(args, definition()),
    }
}

/// Prints the settings in the order of `config/default.toml`, with secrets masked, or every problem. Notes about valid
/// settings go to standard error. The files of `[tls]` are read too.
fn check(file: Option<&Path>) -> ExitCode {
    let settings = match Settings::load(file, &Environment::of_process()) {
        Ok(settings) => settings,
        Err(problems) => return terminal::refuse_settings(&problems),
    };
    match settings.to_toml() {
        Ok(text) => {
            // A closed pipe is not an error.
            let _ = write!(std::io::stdout(), "{text}");
            notes(&settings).for_each(terminal::eprint_line);
            match Tls::load(&settings.tls) {
                Ok(_) => ExitCode::SUCCESS,
                Err(error) => {
                    terminal::eprint_line(&error.to_string());
                    ExitCode::from(terminal::EXIT_CONFIG)
                }
            }
        }
        Err(error) => terminal::fail(format_args!("the settings are valid but cannot be printed: {error}")),
    }
}

/// Prints what the service answers at `/openapi.json`, with indents.
fn print_openapi() -> ExitCode {
    // A closed pipe is not an error.
    let _ = write!(std::io::stdout(), "{}", crate::http::openapi::file());
    ExitCode::SUCCESS
}

/// What an operator may not expect of valid settings.
fn notes(settings: &Settings) -> impl Iterator<Item = &'static str> {
    let public_url = settings.omits_download_urls().then_some(
        "public.url is not set, so a webhook carries a download_url only if its job was created under a name of \
         this machine",
    );
    let secret = settings.has_short_webhook_secret().then_some(
        "security.webhook_secret has fewer than 16 characters, so it could be guessed: choose a longer one",
    );
    public_url.into_iter().chain(secret)
}
