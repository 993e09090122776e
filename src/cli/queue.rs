//! `huemill queue`: what of a service's queue is paused, pausing and resuming. For the operator.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use huemill_store::job::JobKind;
use serde::Deserialize;

use super::client::Ask;
use super::jobs::{kind, query};
use super::operator::{self, OperatorArgs, OperatorError};
use super::print;
use super::process::printable;

/// What to do with the queue.
#[derive(Debug, Args)]
pub(super) struct QueueArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show what is paused.
    Status(StatusArgs),
    /// Stop handing out pictures; those in work are finished, new jobs are accepted.
    Pause(ChangeArgs),
    /// Hand out pictures again; without --type, of every type.
    Resume(ChangeArgs),
}

#[derive(Debug, Args)]
struct StatusArgs {
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Debug, Args)]
struct ChangeArgs {
    /// Jobs of this type only
    #[arg(long = "type", value_name = "TYPE", value_parser = kind,
          help = "Jobs of this type only: zip_batch, url_batch, image_batch")]
    kind: Option<JobKind>,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Deserialize)]
struct Queue {
    paused: Vec<String>,
}

/// Does it, and says in the exit code whether it was done.
pub(super) fn run(args: &QueueArgs, file: Option<&Path>) -> ExitCode {
    operator::run(async {
        match &args.what {
            What::Status(args) => ask(&args.operator, file, Ask::get("/queue")).await,
            What::Pause(args) => change(args, file, "/queue/pause").await,
            What::Resume(args) => change(args, file, "/queue/resume").await,
        }
    })
}

async fn change(args: &ChangeArgs, file: Option<&Path>, path: &str) -> Result<(), OperatorError> {
    let path = match args.kind {
        Some(kind) => query(path, &[("type", Some(kind.as_str()))]),
        None => path.to_owned(),
    };
    ask(&args.operator, file, Ask::post(&path, None)).await
}

async fn ask(operator: &OperatorArgs, file: Option<&Path>, ask: Ask<'_>) -> Result<(), OperatorError> {
    let (client, token) = operator.connect(file).await?;
    let answer = client.get_ok(&ask.operator(&token)).await?;
    let queue: Queue = answer.json()?;
    if operator.json {
        print(String::from_utf8_lossy(&answer.body).trim_end());
    } else {
        print(&state(&queue.paused));
    }
    Ok(())
}

/// What is paused, in a line.
fn state(paused: &[String]) -> String {
    match paused {
        [] => "running".to_owned(),
        paused => format!("paused: {}", printable(&paused.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_one_line() {
        assert_eq!(state(&[]), "running");
        assert_eq!(state(&["all".into(), "zip_batch".into()]), "paused: all, zip_batch");
    }
}
