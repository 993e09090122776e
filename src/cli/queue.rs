//! `huemill queue`: shows, pauses and resumes a service's job queue. Requires the operator token.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use huemill_store::job::JobKind;
use serde::Deserialize;

use super::client::{ApiRequest, path_with_query};
use super::jobs::job_kind;
use super::operator::{self, OperatorArgs, OperatorError};
use super::terminal::{print_line, printable};

/// The arguments of `huemill queue`.
#[derive(Debug, Args)]
pub(super) struct QueueArgs {
    #[command(subcommand)]
    command: QueueCommand,
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// Show whether the queue is paused
    Status(StatusArgs),
    /// Stop handing out pictures; pictures in progress are finished and new jobs are accepted
    Pause(ChangeArgs),
    /// Hand out pictures again; without --type, for every type of job
    Resume(ChangeArgs),
}

#[derive(Debug, Args)]
struct StatusArgs {
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Debug, Args)]
struct ChangeArgs {
    /// Only jobs of this type: zip_batch, url_batch or image_batch
    #[arg(long = "type", value_name = "TYPE", value_parser = job_kind)]
    kind: Option<JobKind>,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Deserialize)]
struct QueueState {
    paused: Vec<String>,
}

pub(super) fn run(args: &QueueArgs, file: Option<&Path>) -> ExitCode {
    operator::run(async {
        match &args.command {
            QueueCommand::Status(args) => send(&args.operator, file, ApiRequest::get("/queue")).await,
            QueueCommand::Pause(args) => change(args, file, "/queue/pause").await,
            QueueCommand::Resume(args) => change(args, file, "/queue/resume").await,
        }
    })
}

async fn change(args: &ChangeArgs, file: Option<&Path>, path: &str) -> Result<(), OperatorError> {
    let path = match args.kind {
        Some(kind) => path_with_query(path, &[("type", Some(kind.as_str()))]),
        None => path.to_owned(),
    };
    send(&args.operator, file, ApiRequest::post(&path, None)).await
}

async fn send(
    operator: &OperatorArgs,
    file: Option<&Path>,
    request: ApiRequest<'_>,
) -> Result<(), OperatorError> {
    let (client, token) = operator.connect(file).await?;
    let response = client.send_checked(&request.operator(&token)).await?;
    let queue: QueueState = response.json()?;
    if operator.json {
        print_line(&response.text());
    } else {
        print_line(&summary(&queue.paused));
    }
    Ok(())
}

/// One line that says what is paused.
fn summary(paused: &[String]) -> String {
    match paused {
        [] => "running".to_owned(),
        paused => format!("paused: {}", printable(&paused.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_one_line() {
        assert_eq!(summary(&[]), "running");
        assert_eq!(summary(&["all".into(), "zip_batch".into()]), "paused: all, zip_batch");
    }
}
