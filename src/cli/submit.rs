//! `huemill submit`: uploads pictures to a service as a job, and optionally waits for the results.
//!
//! The exit code is 0, 1 if anything failed, 2 on bad usage, or 130 if Ctrl-C ended the wait. Standard output has only
//! the job's id or JSON; everything else goes to standard error. The request has an idempotency key, so it can be sent
//! again without creating a second job.

mod download;
mod files;
mod progress;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum, value_parser};
use rand::RngCore;

use super::client::{ApiRequest, ApiResponse, Client, ClientError, Form, JobView, ServerArgs};
use super::operator::public_server;
use super::picture_args::PictureArgs;
use super::terminal::{EXIT_INTERRUPTED, EXIT_USAGE, block_on, eprint_line, fail, print_json, print_line};
use download::SaveError;
use files::JobFiles;

/// The arguments of `huemill submit`.
#[derive(Debug, Args)]
pub(super) struct SubmitArgs {
    /// One ZIP file, or pictures and folders of pictures
    #[arg(required = true, value_name = "FILES|ZIP|DIR")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
    /// Wait until the job ends, and save the results
    #[arg(long)]
    watch: bool,
    /// Folder for the results [default: ./huemill-results/<job id>]
    #[arg(long, value_name = "DIR", requires = "watch")]
    out: Option<PathBuf>,
    /// How long the service keeps the job, in hours (1–168) [default: 24]
    #[arg(long, value_name = "HOURS", allow_negative_numbers = true,
          value_parser = value_parser!(u32).range(1..=168))]
    ttl: Option<u32>,
    /// Priority of the job among your own [default: normal]
    #[arg(long, value_enum)]
    priority: Option<PriorityArg>,
    #[command(flatten)]
    picture: PictureArgs,
    /// Webhook URL to call when the job ends
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    /// Idempotency key; submitting again with the same key returns the same job [default: a random key]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Print the service's JSON instead of the job's id; with --watch, the JSON of the finished job
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PriorityArg {
    Low,
    Normal,
    High,
}

/// Submits the job, and waits for it with `--watch`.
pub(super) fn run(args: &SubmitArgs, file: Option<&Path>) -> ExitCode {
    if let Some(reason) = args.usage_error() {
        eprint_line(&reason);
        return ExitCode::from(EXIT_USAGE);
    }
    let files = match files::collect(&args.files) {
        Ok(files) => files,
        Err(error) => {
            eprint_line(&error.to_string());
            return ExitCode::from(if error.is_usage() { EXIT_USAGE } else { 1 });
        }
    };
    block_on(submit(args, &files, file))
}

impl SubmitArgs {
    fn usage_error(&self) -> Option<String> {
        if let Err(reason) = self.picture.options() {
            return Some(reason);
        }
        let is_valid = |key: &String| {
            (1..=255).contains(&key.len())
                && key.bytes().all(|b| b.is_ascii_graphic())
                && !key.starts_with('"')
        };
        match &self.key {
            Some(key) if !is_valid(key) => Some(
                "--key must be 1 to 255 visible ASCII characters without spaces, and must not start with a quote"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// The form fields beside the pictures.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let of_job = [
            ("ttl_h", self.ttl.map(|hours| hours.to_string())),
            ("priority", self.priority.and_then(|priority| value_name(&priority))),
            ("callback_url", self.callback.clone()),
        ];
        let mut fields = self.picture.fields();
        fields.extend(of_job.into_iter().filter_map(|(name, value)| Some((name, value?))));
        fields
    }
}

fn value_name(value: &impl ValueEnum) -> Option<String> {
    value.to_possible_value().map(|value| value.get_name().to_owned())
}

async fn submit(args: &SubmitArgs, files: &JobFiles, file: Option<&Path>) -> Result<ExitCode, ClientError> {
    let client = Client::with_default(&args.server, || public_server(file))?;
    let response = create_job(args, files, &client).await?;
    let job: JobView = response.json()?;
    if !args.json {
        print_line(&job.id);
    } else if !args.watch {
        print_json(response.text());
    }
    if !args.watch {
        return Ok(ExitCode::SUCCESS);
    }
    tokio::select! {
        exit_code = wait_and_save(args, &client, &job.id) => exit_code,
        // From here on Ctrl-C no longer ends the process by itself, so it also works while results are saved.
        _ = tokio::signal::ctrl_c() => {
            let (server, id) = (&client.server, &job.id);
            eprint_line(&format!("the job continues; check it with: huemill jobs show {id} --server {server}"));
            Ok(ExitCode::from(EXIT_INTERRUPTED))
        }
    }
}

/// Waits until the job ends, then reports and saves its results.
async fn wait_and_save(args: &SubmitArgs, client: &Client, id: &str) -> Result<ExitCode, ClientError> {
    let response = progress::wait_until_ended(client, id).await?;
    if args.json {
        print_json(response.text());
    }
    report_and_save(args, client, &response.json()?).await
}

async fn create_job(
    args: &SubmitArgs,
    files: &JobFiles,
    client: &Client,
) -> Result<ApiResponse, ClientError> {
    let form = Form::new(&args.fields(), &files.form_files()).map_err(ClientError::File)?;
    let key = args
        .key
        .clone()
        .unwrap_or_else(|| format!("huemill-{:016x}{:016x}", rand::rng().next_u64(), rand::rng().next_u64()));
    let request = ApiRequest::post("/jobs", Some(&form)).header("idempotency-key", key.clone());
    let response = client.send_checked(&request).await;
    match &response {
        Err(ClientError::NotConnected { .. }) => eprint_line("nothing was sent, so no job was created"),
        Err(ClientError::Unreachable { .. }) => eprint_line(&format!(
            "the job may or may not have been created; run the same command with --key {key} to find out"
        )),
        _ => {}
    }
    response
}

/// Saves the results in the given folder, or else in one of the job's own, and returns what to say.
async fn save(out: Option<&Path>, client: &Client, job: &str) -> Result<String, SaveError> {
    let out = match out {
        Some(out) => out.to_owned(),
        None => download::default_folder(job)?,
    };
    let count = download::save_results(client, job, &out).await?;
    let cards = if count == 1 { "1 card".to_owned() } else { format!("{count} cards") };
    Ok(format!("{cards} and manifest.json in {}", out.display()))
}

/// Reports the failed pictures and saves the results of the others.
async fn report_and_save(args: &SubmitArgs, client: &Client, job: &JobView) -> Result<ExitCode, ClientError> {
    for failed in &job.failed {
        eprint_line(&format!("{}: {} ({})", failed.filename, failed.user_message, failed.error_code));
    }
    if job.status == "canceled" {
        eprint_line("the job was canceled");
    }
    if job.results_count.unwrap_or(0) > 0 {
        match save(args.out.as_deref(), client, &job.id).await {
            Ok(message) => eprint_line(&message),
            Err(error) => return Ok(fail(format_args!("cannot save the results: {error}"))),
        }
    } else if let Some(message) = job.user_message.as_ref().filter(|_| job.failed.is_empty()) {
        eprint_line(message);
    }
    Ok(if job.is_fully_successful() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
