//! `huemill completions`: prints the script that completes the command line in a shell.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use super::terminal::fail;

/// The arguments of `huemill completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Shell that will read the script
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, mut command: Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "huemill", &mut script);
    match io::stdout().write_all(&script) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(format!("standard output: {error}")),
        _ => ExitCode::SUCCESS,
    }
}
