//! What the exit codes of each command mean, for its help and its manual page.

use std::fmt::Write;

use clap::Command;

use super::terminal::{EXIT_CONFIG, EXIT_USAGE};

/// An exit code and when a command ends with it.
pub(super) type ExitCodeRow = (u8, &'static str);

const USAGE: ExitCodeRow = (EXIT_USAGE, "the arguments cannot be used");
const SETTINGS: ExitCodeRow = (EXIT_CONFIG, "the settings are not valid");

/// The codes of all commands together.
pub(super) const ALL: &[ExitCodeRow] = &[
    (0, "success"),
    (1, "failure: the reason is on standard error"),
    USAGE,
    (70, "the service ended itself, so that it is started again"),
    (EXIT_CONFIG, "the settings, or a file that they name, cannot be used"),
    (130, "Ctrl-C ended the command"),
];

/// The codes of a command, and of the commands below it.
pub(super) fn of(command: &str) -> &'static [ExitCodeRow] {
    match command {
        "huemill" => ALL,
        "serve" => &[
            (0, "a signal stopped the service"),
            (1, "the service could not start, for example because the port is in use"),
            USAGE,
            (70, "the service ended itself: an actor failed too often, or too many attempts were abandoned"),
            (EXIT_CONFIG, "the settings, or a file that they name, cannot be used"),
            (130, "a signal ended the service before it had started, or a second one while it was stopping"),
        ],
        "process" => {
            &[(0, "all pictures were processed"), (1, "a picture failed, or a result was not written"), USAGE]
        }
        "watch" => &[
            (0, "Ctrl-C or SIGTERM stopped it; with --once, all pictures were processed"),
            (1, "with --once, a picture failed, or a result was not written"),
            USAGE,
        ],
        "submit" => &[
            (0, "the job was created; with --watch, all pictures succeeded and their results were saved"),
            (1, "the job was not created, a picture failed, or a result was not saved"),
            USAGE,
            SETTINGS,
            (130, "Ctrl-C ended the wait; the job continues"),
        ],
        "jobs" | "deliveries" | "processes" | "queue" | "keys" => &[
            (0, "the service did what was asked"),
            (1, "the service refused, or could not be reached"),
            USAGE,
            SETTINGS,
        ],
        "secret" => {
            &[(0, "the secret was printed"), (1, "there is no store to read it from"), USAGE, SETTINGS]
        }
        "check" => {
            &[(0, "the settings are valid"), USAGE, (EXIT_CONFIG, "they, or a file of [tls], cannot be used")]
        }
        "healthcheck" => &[
            (0, "the service is ready"),
            (1, "the service is not ready, or could not be reached"),
            USAGE,
            SETTINGS,
        ],
        "backup" | "restore" => &[(0, "success"), (1, "failure: nothing is left behind"), USAGE, SETTINGS],
        _ => &[(0, "success"), (1, "failure"), USAGE],
    }
}

/// Adds the exit codes to the help of every command.
pub(super) fn explain(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    let root = list(of(command.get_name()));
    names.into_iter().fold(command.after_help(root), |command, name| {
        let text = list(of(&name));
        command.mut_subcommand(name, |below| explain_all(below, &text))
    })
}

fn explain_all(command: Command, text: &str) -> Command {
    command.mut_subcommands(|below| explain_all(below, text)).after_help(text.to_owned())
}

fn list(rows: &[ExitCodeRow]) -> String {
    let mut text = "Exit codes:".to_owned();
    for (code, meaning) in rows {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {code:<3}  {meaning}");
    }
    text
}
