//! `huemill jobs`: the jobs of a service, listed, shown, ended, retried. Listing and retrying need the operator's token,
//! the rest a job's id.

pub(super) mod table;

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand, value_parser};
use huemill_store::job::{JobId, JobKind, JobState};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::client::{Ask, Client, ClientError, Job, ServerArgs};
use super::operator::{self, OperatorArgs, OperatorError};
use super::print;
use super::process::printable;

/// What to do with jobs.
#[derive(Debug, Args)]
pub(super) struct JobsArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List jobs, newest first; for the operator.
    List(ListArgs),
    /// Show a job, and what came of its pictures.
    Show(OneArgs),
    /// End a job; what is done stays.
    Cancel(OneArgs),
    /// Try a job's pictures again that failed through a fault of the service's; for the operator.
    Retry(RetryArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only those that stand so
    #[arg(long, value_name = "STATUS", value_parser = state, help = "Only those that stand so: queued, processing, \
          completed, failed, canceled, expired")]
    status: Option<JobState>,
    /// Only those made of this
    #[arg(long = "type", value_name = "TYPE", value_parser = kind, help = "Only those made of this: zip_batch, \
          url_batch, image_batch")]
    kind: Option<JobKind>,
    /// So many at most, 1 to 1000000
    #[arg(long, value_name = "N", default_value_t = 50, allow_negative_numbers = true,
          value_parser = value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Debug, Args)]
struct OneArgs {
    /// The job's id
    #[arg(value_name = "ID", value_parser = id)]
    id: JobId,
    #[command(flatten)]
    server: ServerArgs,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct RetryArgs {
    /// The job's id
    #[arg(value_name = "ID", value_parser = id)]
    id: JobId,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// What became of a retry.
#[derive(Deserialize)]
struct Retry {
    job_id: String,
    status: String,
    retried: u32,
}

fn state(word: &str) -> Result<JobState, &'static str> {
    JobState::parse(word).ok_or("it is none of queued, processing, completed, failed, canceled, expired")
}

pub(super) fn kind(word: &str) -> Result<JobKind, &'static str> {
    JobKind::parse(word).ok_or("it is none of zip_batch, url_batch, image_batch")
}

fn id(text: &str) -> Result<JobId, &'static str> {
    JobId::parse(text).ok_or("it is no job's id")
}

/// Does it, and says in the exit code whether it was done.
pub(super) fn run(args: &JobsArgs, file: Option<&Path>) -> ExitCode {
    operator::run(async {
        match &args.what {
            What::List(args) => list(args, file).await,
            What::Show(args) => show(args).await,
            What::Cancel(args) => cancel(args).await,
            What::Retry(args) => retry(args, file).await,
        }
    })
}

async fn list(args: &ListArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let operator = &args.operator;
    let (client, token) = operator.connect(file).await?;
    let words = [("status", args.status.map(JobState::as_str)), ("type", args.kind.map(JobKind::as_str))];
    let mut jobs: Vec<Job> = Vec::new();
    let take = |row: &RawValue| {
        if operator.json {
            print(row.get());
        } else {
            let job = serde_json::from_str(row.get());
            jobs.push(job.map_err(|error| ClientError::Strange(error.to_string()))?);
        }
        Ok(())
    };
    client.rows(&query("/jobs", &words), &token, args.limit, take).await?;
    if !operator.json {
        print(table::list(&jobs, crate::clock::unix_now()).trim_end());
    }
    Ok(())
}

/// The path with those words that are given.
pub(super) fn query(path: &str, words: &[(&str, Option<&str>)]) -> String {
    let given = words.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}")));
    format!("{path}?{}", given.collect::<Vec<_>>().join("&"))
}

async fn show(args: &OneArgs) -> Result<(), OperatorError> {
    let client = Client::new(&args.server)?;
    let answer = client.get_ok(&Ask::get(&format!("/jobs/{}?cards=url", args.id))).await?;
    if args.json {
        let json: Value = answer.json()?;
        print(&json.to_string());
    } else {
        let job = answer.json()?;
        print(table::one(&job, crate::clock::unix_now()).trim_end());
    }
    Ok(())
}

async fn cancel(args: &OneArgs) -> Result<(), OperatorError> {
    let client = Client::new(&args.server)?;
    let answer = client.get_ok(&Ask::post(&format!("/jobs/{}/cancel", args.id), None)).await?;
    let job: Job = answer.json()?;
    if args.json {
        print(String::from_utf8_lossy(&answer.body).trim_end());
    } else {
        print(&format!("{}  {}", job.id, job.status));
    }
    Ok(())
}

async fn retry(args: &RetryArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let operator = &args.operator;
    let (client, token) = operator.connect(file).await?;
    let path = format!("/jobs/{}/retry", args.id);
    let answer = client.get_ok(&Ask::post(&path, None).operator(&token)).await?;
    let job: Retry = answer.json()?;
    if operator.json {
        print(String::from_utf8_lossy(&answer.body).trim_end());
    } else {
        let [id, status] = [&job.job_id, &job.status].map(|word| printable(word));
        print(&format!("{id}  {status}  {} pictures queued again", job.retried));
    }
    Ok(())
}
