//! `huemill submit`: pictures of this machine to a service, as a job.
//!
//! Owns the arguments and the exit code: 0, 1 where anything failed, 2 on bad usage, 130 where Ctrl-C ended the
//! watching. Standard output is the job's id, or JSON, alone; all else goes to stderr. The request bears a key, so
//! that it can be sent again without a second job.

mod files;
mod save;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum, value_parser};
use huemill_imaging::Aspect;
use rand::RngCore;

use super::client::{Answer, Ask, Client, ClientError, Form, Job, ServerArgs};
use super::process::{COLORS, Format, complain};
use super::{EXIT_USAGE, print};
use files::Parcel;

/// Exit code for what Ctrl-C ended.
const EXIT_INTERRUPTED: u8 = 130;

/// What to send, where, and what to make of it.
#[derive(Debug, Args)]
pub(super) struct SubmitArgs {
    /// One ZIP, or pictures and folders of pictures
    #[arg(required = true, value_name = "FILES|ZIP|DIR")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
    /// Wait for the end, and save the results
    #[arg(long)]
    watch: bool,
    /// Where to save them [default: ./huemill-results/<job id>]
    #[arg(long, value_name = "DIR", requires = "watch")]
    out: Option<PathBuf>,
    /// How long the service keeps the job, in hours, 1 to 168 [default: 24]
    #[arg(long, value_name = "HOURS", allow_negative_numbers = true,
          value_parser = value_parser!(u32).range(1..=168))]
    ttl: Option<u32>,
    /// Which jobs go first
    #[arg(long, value_enum)]
    priority: Option<Rank>,
    /// Colours of a palette, 2 to 20 [default: 10]
    #[arg(long, value_name = "N", value_parser = value_parser!(u8).range(COLORS))]
    colors: Option<u8>,
    /// The crops' shape [default: 3:2]
    #[arg(long, value_name = "W:H")]
    aspect: Option<Aspect>,
    /// How the cards are encoded [default: png]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Quality of JPEG cards, 1 to 100 [default: 85]
    #[arg(long, value_name = "Q", value_parser = value_parser!(u8).range(1..=100))]
    quality: Option<u8>,
    /// Where the service tells the job's end
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    /// The request's key: the same again gives the same job, not a second [default: a new one]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Print the service's JSON in place of the job's id: the job as accepted, or with --watch as it ended
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Rank {
    Low,
    Normal,
    High,
}

/// Sends the job, and watches it if that is wanted.
pub(super) fn run(args: &SubmitArgs) -> ExitCode {
    if let Some(reason) = args.nonsense() {
        complain(reason);
        return ExitCode::from(EXIT_USAGE);
    }
    let parcel = match files::gather(&args.files) {
        Ok(parcel) => parcel,
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::from(if error.is_usage() { EXIT_USAGE } else { 1 });
        }
    };
    match actix_web::rt::System::new().block_on(submit(args, &parcel)) {
        Ok(code) => code,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

impl SubmitArgs {
    fn nonsense(&self) -> Option<&'static str> {
        if self.quality.is_some() && self.format != Some(Format::Jpeg) {
            return Some("--quality is for --format jpeg: the other formats are lossless");
        }
        let fits = |key: &String| {
            (1..=255).contains(&key.len())
                && key.bytes().all(|b| b.is_ascii_graphic())
                && !key.starts_with('"')
        };
        match &self.key {
            Some(key) if !fits(key) => {
                Some("--key takes 1 to 255 visible ASCII characters without blanks, the first no quote")
            }
            _ => None,
        }
    }

    /// What is said beside the pictures.
    fn texts(&self) -> Vec<(&'static str, String)> {
        [
            ("ttl_h", self.ttl.map(|hours| hours.to_string())),
            ("priority", self.priority.and_then(|rank| name(&rank))),
            ("colors", self.colors.map(|count| count.to_string())),
            ("aspect", self.aspect.map(|aspect| aspect.to_string())),
            ("format", self.format.and_then(|format| name(&format))),
            ("quality", self.quality.map(|quality| quality.to_string())),
            ("callback_url", self.callback.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

fn name(value: &impl ValueEnum) -> Option<String> {
    value.to_possible_value().map(|value| value.get_name().to_owned())
}

async fn submit(args: &SubmitArgs, parcel: &Parcel) -> Result<ExitCode, ClientError> {
    let client = Client::new(&args.server)?;
    let answer = create(args, parcel, &client).await?;
    let job: Job = answer.json()?;
    let shown = if args.json { String::from_utf8_lossy(&answer.body).into_owned() } else { job.id.clone() };
    if !args.watch {
        print(&shown);
        return Ok(ExitCode::SUCCESS);
    }
    if !args.json {
        print(&shown);
    }
    tokio::select! {
        ended = follow(args, &client, &job.id) => ended,
        // From here on Ctrl-C ends nothing by itself, so that it is heard until the results are saved.
        _ = tokio::signal::ctrl_c() => {
            let (server, id) = (client.server(), &job.id);
            complain(&format!("the job goes on; look at it with: huemill jobs show {id} --server {server}"));
            Ok(ExitCode::from(EXIT_INTERRUPTED))
        }
    }
}

/// Waits for the end, and does what is to be done then.
async fn follow(args: &SubmitArgs, client: &Client, id: &str) -> Result<ExitCode, ClientError> {
    let ended = watch::until_end(client, id).await?;
    if args.json {
        print(String::from_utf8_lossy(&ended.body).trim_end());
    }
    conclude(args, client, &ended.json()?).await
}

async fn create(args: &SubmitArgs, parcel: &Parcel, client: &Client) -> Result<Answer, ClientError> {
    let form = Form::new(&args.texts(), &parcel.files()).map_err(ClientError::File)?;
    let key = args
        .key
        .clone()
        .unwrap_or_else(|| format!("huemill-{:016x}{:016x}", rand::rng().next_u64(), rand::rng().next_u64()));
    let ask = Ask::post("/jobs", Some(&form)).header("idempotency-key", key.clone());
    let answer = client.ask(&ask).await.and_then(Answer::accepted);
    if let Err(ClientError::Away { .. }) = &answer {
        complain(&format!(
            "whether there is a job now is not known; the same again with --key {key} finds out"
        ));
    }
    answer
}

/// Saves what there is, and tells what is not.
async fn conclude(args: &SubmitArgs, client: &Client, job: &Job) -> Result<ExitCode, ClientError> {
    for failed in &job.failed {
        complain(&format!("{}: {} ({})", failed.filename, failed.user_message, failed.error_code));
    }
    if job.status == "canceled" {
        complain("the job was canceled");
    }
    if job.results_count.unwrap_or(0) > 0 {
        let default = || PathBuf::from("huemill-results").join(&job.id);
        let out = args.out.clone().unwrap_or_else(default);
        match save::results(client, &job.id, &out).await {
            Ok(count) => complain(&format!("{count} cards and manifest.json in {}", out.display())),
            Err(error) => {
                complain(&format!("the results are not saved: {error}"));
                return Ok(ExitCode::FAILURE);
            }
        }
    } else if let Some(message) = job.user_message.as_ref().filter(|_| job.failed.is_empty()) {
        complain(message);
    }
    Ok(if job.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
