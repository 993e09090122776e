//! `huemill jobs`: the jobs of a service, listed, shown, ended. The list is the operator's, the rest is for whoever
//! has a job's id.

mod table;

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand, value_parser};
use huemill_store::job::{JobId, JobKind, JobState};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::client::{Ask, Client, ClientError, Job, ServerArgs};
use super::print;
use super::process::complain;
use super::secret::{self, TokenError};

/// Jobs of a page at most.
const PAGE: u32 = 200;

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
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    server: ServerArgs,
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
    /// The operator's token [default: the configured one, or that of the store beside]
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Print the service's JSON, one job a line
    #[arg(long)]
    json: bool,
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

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
enum JobsError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Token(#[from] TokenError),
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    jobs: Vec<&'a RawValue>,
    next_cursor: Option<String>,
}

fn state(word: &str) -> Result<JobState, &'static str> {
    JobState::parse(word).ok_or("it is none of queued, processing, completed, failed, canceled, expired")
}

fn kind(word: &str) -> Result<JobKind, &'static str> {
    JobKind::parse(word).ok_or("it is none of zip_batch, url_batch, image_batch")
}

fn id(text: &str) -> Result<JobId, &'static str> {
    JobId::parse(text).ok_or("it is no job's id")
}

/// Does it, and says in the exit code whether it was done.
pub(super) fn run(args: &JobsArgs, file: Option<&Path>) -> ExitCode {
    let done = actix_web::rt::System::new().block_on(async {
        match &args.what {
            What::List(args) => list(args, file).await,
            What::Show(args) => show(args).await,
            What::Cancel(args) => cancel(args).await,
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn list(args: &ListArgs, file: Option<&Path>) -> Result<(), JobsError> {
    let client = Client::new(&args.server)?;
    let token = match &args.token {
        Some(token) => token.clone(),
        None => secret::token_for(&client, file).await?,
    };
    let mut jobs: Vec<Job> = Vec::new();
    let (mut left, mut cursor) = (args.limit, None);
    loop {
        let path = path(args, left.min(PAGE), cursor.as_deref());
        let ask = Ask::get(&path).header("authorization", format!("Bearer {token}"));
        let answer = client.get_ok(&ask).await?;
        let page: Page<'_> =
            serde_json::from_slice(&answer.body).map_err(|error| ClientError::Strange(error.to_string()))?;
        for job in &page.jobs {
            if args.json {
                print(job.get());
            } else {
                let job = serde_json::from_str(job.get());
                jobs.push(job.map_err(|error| ClientError::Strange(error.to_string()))?);
            }
        }
        left = left.saturating_sub(page.jobs.len() as u32);
        cursor = page.next_cursor.filter(|_| left > 0 && !page.jobs.is_empty());
        if cursor.is_none() {
            break;
        }
    }
    if !args.json {
        print(table::list(&jobs, crate::http::unix_now()).trim_end());
    }
    Ok(())
}

fn path(args: &ListArgs, limit: u32, cursor: Option<&str>) -> String {
    let mut path = format!("/jobs?limit={limit}");
    let words = [
        ("status", args.status.map(JobState::as_str)),
        ("type", args.kind.map(JobKind::as_str)),
        ("cursor", cursor),
    ];
    for (name, value) in words.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        // A string takes whatever is written.
        let _ = write!(path, "&{name}={value}");
    }
    path
}

async fn show(args: &OneArgs) -> Result<(), JobsError> {
    let client = Client::new(&args.server)?;
    let answer = client.get_ok(&Ask::get(&format!("/jobs/{}?cards=url", args.id))).await?;
    if args.json {
        let json: Value = answer.json()?;
        print(&json.to_string());
    } else {
        let job = answer.json()?;
        print(table::one(&job, crate::http::unix_now()).trim_end());
    }
    Ok(())
}

async fn cancel(args: &OneArgs) -> Result<(), JobsError> {
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
