//! `huemill queue`: shows, pauses and resumes a service's job queue. Requires the operator token.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use huemill_store::job::JobKind;
use serde::Deserialize;

use super::client::{ApiRequest, path_with_query};
use super::jobs::job_kind;
use super::operator::{OperatorArgs, OperatorError};
use super::terminal::{block_on, printable};

/// The arguments of `huemill queue`.
#[derive(Debug, Args)]
pub(super) struct QueueArgs {
    #[command(subcommand)]
    command: QueueCommand,
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// Show whether the queue is paused
    Status(OperatorArgs),
    /// Stop handing out pictures; pictures in progress are finished and new jobs are accepted
    Pause(ChangeArgs),
    /// Hand out pictures again; without --type, for every type of job
    Resume(ChangeArgs),
}

#[derive(Debug, Args)]
struct ChangeArgs {
    /// Only jobs of this type: `zip_batch`, `url_batch` or `image_batch`
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
    block_on(async {
        match &args.command {
            QueueCommand::Status(operator) => operator.send(file, ApiRequest::get("/queue"), summary).await,
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
    args.operator.send(file, ApiRequest::post(&path, None), summary).await
}

/// One line that says what is paused.
fn summary(QueueState { paused }: QueueState) -> String {
    if paused.is_empty() {
        return "running".to_owned();
    }
    format!("paused: {}", printable(&paused.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_one_line() {
        assert_eq!(summary(QueueState { paused: vec![] }), "running");
        let paused = vec!["all".into(), "zip_batch".into()];
        assert_eq!(summary(QueueState { paused }), "paused: all, zip_batch");
    }
}
