//! Watches a job until it has ended: polls as the service asks, and shows how far it is.

use std::io::{self, IsTerminal};
use std::time::Duration;

use awc::http::header::IF_NONE_MATCH;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::client::{Answer, Ask, Client, ClientError, Job};
use crate::cli::process::complain;

/// How long to wait where the service does not say.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(60);

/// The answer that tells the job's end, its cards as links.
pub(super) async fn until_end(client: &Client, id: &str) -> Result<Answer, ClientError> {
    let path = format!("/jobs/{id}?cards=url");
    let mut shown = Shown::new();
    let mut etag: Option<String> = None;
    loop {
        let mut ask = Ask::get(&path);
        if let Some(etag) = &etag {
            ask = ask.header(IF_NONE_MATCH.as_str(), etag);
        }
        let answer = client.get_ok(&ask).await?;
        let wait = answer.retry_after.unwrap_or(PAUSE).min(LONGEST);
        if answer.status != 304 {
            let job: Job = answer.json()?;
            shown.show(&job);
            if job.has_ended() {
                return Ok(answer);
            }
            etag.clone_from(&answer.etag);
        }
        tokio::time::sleep(wait).await;
    }
}

/// A bar on a terminal, else a line a change.
struct Shown {
    bar: Option<ProgressBar>,
    last: String,
}

impl Shown {
    fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            // The template is a constant; were it wrong, the plain bar would do.
            let style = ProgressStyle::with_template("{wide_bar} {pos} % {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(100).with_style(style)
        });
        Self { bar, last: String::new() }
    }

    fn show(&mut self, job: &Job) {
        if let Some(bar) = &self.bar {
            bar.set_position(if job.has_ended() { 100 } else { job.progress });
            bar.set_message(job.status.clone());
            if job.has_ended() {
                bar.finish_and_clear();
            }
            return;
        }
        let line = line(job);
        if line != self.last {
            complain(&line);
            self.last = line;
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn line(job: &Job) -> String {
    if job.has_ended() {
        let (good, bad) = (job.results_count.unwrap_or(0), job.failed_count.unwrap_or(0));
        return format!("{}: {good} with a result, {bad} failed", job.status);
    }
    let left = job.eta_s.map_or_else(String::new, |eta| format!(", about {eta} s left"));
    format!("{}: {} %{left}", job.status, job.progress)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_far_a_job_is_or_how_it_ended() {
        let told = |text: &str| line(&serde_json::from_str(text).unwrap());
        assert_eq!(
            told(r#"{"job_id": "j", "status": "processing", "progress": 40, "eta_s": 7}"#),
            "processing: 40 %, about 7 s left"
        );
        assert_eq!(
            told(r#"{"job_id": "j", "status": "completed", "results_count": 3, "failed_count": 1}"#),
            "completed: 3 with a result, 1 failed"
        );
    }
}
