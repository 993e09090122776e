//! `huemill jobs`: lists, shows, cancels and retries a service's jobs.
//!
//! Listing and retrying require the operator token. For the other commands the id of the job is enough.

mod view;

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand, value_parser};
use huemill_store::job::{JobId, JobKind, JobState};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::client::{ApiRequest, Client, JobView, ServerArgs, parse_row, path_with_query};
use super::operator::{self, OperatorArgs, OperatorError};
use super::table::unix_now;
use super::terminal::{print_line, printable};

/// The arguments of `huemill jobs`.
#[derive(Debug, Args)]
pub(super) struct JobsArgs {
    #[command(subcommand)]
    command: JobsCommand,
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    /// List jobs, newest first (requires the operator token)
    List(ListArgs),
    /// Show a job and the results of its pictures
    Show(JobArgs),
    /// Cancel a job; finished pictures are kept
    Cancel(JobArgs),
    /// Retry the pictures that failed because of a service error (requires the operator token)
    Retry(RetryArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Filter by status: queued, processing, completed, failed, canceled or expired
    #[arg(long, value_name = "STATUS", value_parser = job_state)]
    status: Option<JobState>,
    /// Filter by type: zip_batch, url_batch or image_batch
    #[arg(long = "type", value_name = "TYPE", value_parser = job_kind)]
    kind: Option<JobKind>,
    /// Maximum number of rows (1–1000000)
    #[arg(long, value_name = "N", default_value_t = 50, allow_negative_numbers = true,
          value_parser = value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Debug, Args)]
struct JobArgs {
    /// Id of the job
    #[arg(value_name = "ID", value_parser = job_id)]
    id: JobId,
    #[command(flatten)]
    server: ServerArgs,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct RetryArgs {
    /// Id of the job
    #[arg(value_name = "ID", value_parser = job_id)]
    id: JobId,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// The service's response to a retry.
#[derive(Deserialize)]
struct RetryResponse {
    job_id: String,
    status: String,
    retried: u32,
}

fn job_state(word: &str) -> Result<JobState, &'static str> {
    JobState::parse(word).ok_or("expected queued, processing, completed, failed, canceled or expired")
}

pub(super) fn job_kind(word: &str) -> Result<JobKind, &'static str> {
    JobKind::parse(word).ok_or("expected zip_batch, url_batch or image_batch")
}

fn job_id(text: &str) -> Result<JobId, &'static str> {
    JobId::parse(text).ok_or("not the id of a job")
}

pub(super) fn run(args: &JobsArgs, file: Option<&Path>) -> ExitCode {
    operator::run(async {
        match &args.command {
            JobsCommand::List(args) => list(args, file).await,
            JobsCommand::Show(args) => show(args).await,
            JobsCommand::Cancel(args) => cancel(args).await,
            JobsCommand::Retry(args) => retry(args, file).await,
        }
    })
}

async fn list(args: &ListArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let operator = &args.operator;
    let (client, token) = operator.connect(file).await?;
    let filters = [("status", args.status.map(JobState::as_str)), ("type", args.kind.map(JobKind::as_str))];
    let mut jobs: Vec<JobView> = Vec::new();
    let on_row = |row: &RawValue| {
        if operator.json {
            print_line(row.get());
        } else {
            jobs.push(parse_row(row)?);
        }
        Ok(())
    };
    client.for_each_row(&path_with_query("/jobs", &filters), &token, args.limit, on_row).await?;
    if !operator.json {
        print_line(view::job_table(&jobs, unix_now()).trim_end());
    }
    Ok(())
}

async fn show(args: &JobArgs) -> Result<(), OperatorError> {
    let client = Client::new(&args.server)?;
    let response = client.send_checked(&ApiRequest::get(&format!("/jobs/{}?cards=url", args.id))).await?;
    if args.json {
        let json: Value = response.json()?;
        print_line(&json.to_string());
    } else {
        let job = response.json()?;
        print_line(view::job_details(&job, unix_now()).trim_end());
    }
    Ok(())
}

async fn cancel(args: &JobArgs) -> Result<(), OperatorError> {
    let client = Client::new(&args.server)?;
    let response = client.send_checked(&ApiRequest::post(&format!("/jobs/{}/cancel", args.id), None)).await?;
    let job: JobView = response.json()?;
    if args.json {
        print_line(&response.text());
    } else {
        print_line(&format!("{}  {}", job.id, job.status));
    }
    Ok(())
}

async fn retry(args: &RetryArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let operator = &args.operator;
    let (client, token) = operator.connect(file).await?;
    let path = format!("/jobs/{}/retry", args.id);
    let response = client.send_checked(&ApiRequest::post(&path, None).operator(&token)).await?;
    let job: RetryResponse = response.json()?;
    if operator.json {
        print_line(&response.text());
    } else {
        let [id, status] = [&job.job_id, &job.status].map(|word| printable(word));
        print_line(&format!("{id}  {status}  {} pictures queued again", job.retried));
    }
    Ok(())
}
