//! `huemill jobs`: lists, shows, cancels and retries a service's jobs.
//!
//! Listing and retrying require the operator token. For the other commands the id of the job is enough.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand, value_parser};
use huemill_store::job::{JobId, JobKind, JobState};
use serde::Deserialize;
use serde_json::Value;

use super::client::{ApiRequest, Client, JobView, ServerArgs, path_with_query};
use super::operator::{OperatorArgs, OperatorError, print_response, public_server};
use super::terminal::{block_on, format_duration, format_table, print_json, print_line, printable};
use crate::signing::unix_now;

/// How many colours of a palette are shown.
const COLOURS: usize = 5;

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
    /// Filter by type: `zip_batch`, `url_batch` or `image_batch`
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

pub(super) fn job_id(text: &str) -> Result<JobId, &'static str> {
    JobId::parse(text).ok_or("not the id of a job")
}

pub(super) fn run(args: &JobsArgs, file: Option<&Path>) -> ExitCode {
    block_on(async {
        match &args.command {
            JobsCommand::List(args) => list(args, file).await,
            JobsCommand::Show(args) => show(args, file).await,
            JobsCommand::Cancel(args) => cancel(args, file).await,
            JobsCommand::Retry(args) => retry(args, file).await,
        }
    })
}

async fn list(args: &ListArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let filters = [("status", args.status.map(JobState::as_str)), ("type", args.kind.map(JobKind::as_str))];
    args.operator.list(file, &path_with_query("/jobs", &filters), args.limit, job_table).await
}

async fn show(args: &JobArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let client = Client::with_default(&args.server, || public_server(file))?;
    let response = client.send_checked(&ApiRequest::get(&format!("/jobs/{}?cards=url", args.id))).await?;
    if args.json {
        print_json(response.json::<Value>()?.to_string());
    } else {
        print_line(job_details(&response.json()?, unix_now()).trim_end());
    }
    Ok(())
}

async fn cancel(args: &JobArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let client = Client::with_default(&args.server, || public_server(file))?;
    let response = client.send_checked(&ApiRequest::post(&format!("/jobs/{}/cancel", args.id), None)).await?;
    Ok(print_response(&response, args.json, |job: JobView| {
        format!("{}  {}", job.id, printable(&job.status))
    })?)
}

async fn retry(args: &RetryArgs, file: Option<&Path>) -> Result<(), OperatorError> {
    let line = |job: RetryResponse| {
        let [id, status] = [&job.job_id, &job.status].map(|word| printable(word));
        format!("{id}  {status}  {} pictures queued again", job.retried)
    };
    args.operator.send(file, ApiRequest::post(&format!("/jobs/{}/retry", args.id), None), line).await
}

/// A table of jobs. `now` is in Unix seconds.
fn job_table(jobs: &[JobView], now: i64) -> String {
    let mut rows = vec![["JOB", "STATUS", "TYPE", "PICTURES", "CREATED"].map(str::to_owned)];
    rows.extend(jobs.iter().map(|job| {
        let words = [&job.id, &job.status, &job.kind].map(|word| printable(word).into_owned());
        let [id, status, kind] = words;
        [id, status, kind, pictures(job), format!("{} ago", format_duration(now - job.created_at))]
    }));
    format_table(&rows)
}

/// A job with the results of its pictures. `now` is in Unix seconds.
fn job_details(job: &JobView, now: i64) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<9} {}", printable(value));
    };
    row("job", &job.id);
    row("status", &job.status);
    row("type", &job.kind);
    row("pictures", &pictures(job));
    row("created", &format!("{} ago", format_duration(now - job.created_at)));
    row("expires", &format!("in {}", format_duration(job.expires_at - now)));
    row("request", &job.request_id);
    if let Some(message) = &job.user_message {
        row("why", message);
    }
    if let Some(url) = &job.download_url {
        row("results", url);
    }
    for picture in &job.results {
        let colours: Vec<&str> = picture.colors.iter().take(COLOURS).map(|c| c.hex.as_str()).collect();
        let _ = writeln!(text, "  {}  {}", printable(&picture.filename), printable(&colours.join(" ")));
    }
    for failed in &job.failed {
        let line = format!("{}  {}: {}", failed.filename, failed.error_code, failed.user_message);
        let _ = writeln!(text, "  {}", printable(&line));
    }
    text
}

/// The progress, or the number of good and failed pictures once the job has ended.
fn pictures(job: &JobView) -> String {
    match (job.results_count, job.failed_count) {
        (Some(good), Some(0)) => format!("{good} good"),
        (Some(good), Some(bad)) => format!("{good} good, {bad} failed"),
        _ if job.has_ended() => "-".to_owned(),
        _ => format!("{} %", job.percent()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(text: &str) -> JobView {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_table_has_a_header_and_one_line_for_each_job() {
        let jobs = [
            job(r#"{"job_id": "job_1", "status": "processing", "type": "zip_batch", "created_at": 40,
                    "progress": 25}"#),
            job(r#"{"job_id": "job_23", "status": "completed", "type": "image_batch", "created_at": -3600,
                    "results_count": 3, "failed_count": 1}"#),
        ];
        let expected = [
            "JOB     STATUS      TYPE         PICTURES          CREATED",
            "job_1   processing  zip_batch    25 %              1 min ago",
            "job_23  completed   image_batch  3 good, 1 failed  1 h ago",
        ];
        let shown = job_table(&jobs, 100);
        assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
        assert_eq!(job_table(&[], 0).lines().count(), 1);
    }

    #[test]
    fn the_details_list_the_pictures_and_cannot_control_the_terminal() {
        let shown = job_details(
            &job(r##"{"job_id": "job_1", "status": "completed", "type": "zip_batch", "created_at": 0,
                     "expires_at": 200000, "results_count": 1, "failed_count": 1, "download_url": "http://x/z",
                     "results": [{"filename": "a\u001b[2J.png", "colors": [{"hex": "#010203"}]}],
                     "failed": [{"filename": "b", "error_code": "PROCESSING_ERROR", "user_message": "No."}]}"##),
            10,
        );
        assert!(shown.contains("expires   in 2 days\n"), "{shown}");
        assert!(shown.contains("results   http://x/z\n"), "{shown}");
        assert!(shown.contains("  a\\u{1b}[2J.png  #010203\n"), "{shown}");
        assert!(shown.contains("  b  PROCESSING_ERROR: No.\n"), "{shown}");
    }
}
