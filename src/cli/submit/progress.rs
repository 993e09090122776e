//! Waits until a job ends: polls at the interval that the service asks for, and shows the progress.

use std::io;
use std::time::Duration;

use awc::http::header::IF_NONE_MATCH;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::client::{ApiRequest, ApiResponse, Client, ClientError, JobView};
use crate::cli::terminal::{can_redraw, eprint_line, printable};

/// The delay between polls if the service does not give one, the shortest delay, and the longest one.
const DEFAULT_DELAY: Duration = Duration::from_secs(2);
const MIN_DELAY: Duration = Duration::from_secs(1);
const MAX_DELAY: Duration = Duration::from_secs(60);

/// Returns the response that shows the finished job, with cards as links.
pub(super) async fn wait_until_ended(client: &Client, id: &str) -> Result<ApiResponse, ClientError> {
    let path = format!("/jobs/{id}?cards=url");
    let mut display = ProgressDisplay::new();
    let mut etag: Option<String> = None;
    loop {
        let mut request = ApiRequest::get(&path).patient();
        if let Some(etag) = &etag {
            request = request.header(IF_NONE_MATCH.as_str(), etag);
        }
        let response = client.send_checked(&request).await?;
        let delay = delay(response.retry_after);
        if response.status != 304 {
            let job: JobView = response.json()?;
            display.show(&job);
            if job.has_ended() {
                return Ok(response);
            }
            etag.clone_from(&response.etag);
        }
        tokio::time::sleep(delay).await;
    }
}

/// The delay until the next poll. A service must not make this command poll without a pause.
fn delay(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or(DEFAULT_DELAY).clamp(MIN_DELAY, MAX_DELAY)
}

/// Shows a progress bar on a terminal, and otherwise one line for each change.
struct ProgressDisplay {
    bar: Option<ProgressBar>,
    last_line: String,
}

impl ProgressDisplay {
    fn new() -> Self {
        let bar = can_redraw(&io::stderr()).then(|| {
            // The template is a constant, so the fallback is never used.
            let style = ProgressStyle::with_template("{wide_bar} {pos} % {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(100).with_style(style)
        });
        Self { bar, last_line: String::new() }
    }

    fn show(&mut self, job: &JobView) {
        if let Some(bar) = &self.bar {
            bar.set_position(if job.has_ended() { 100 } else { job.percent() });
            bar.set_message(printable(&job.status).into_owned());
            if job.has_ended() {
                bar.finish_and_clear();
            }
            return;
        }
        let line = status_line(job);
        if line != self.last_line {
            eprint_line(&line);
            self.last_line = line;
        }
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn status_line(job: &JobView) -> String {
    if job.has_ended() {
        let (good, bad) = (job.results_count.unwrap_or(0), job.failed_count.unwrap_or(0));
        return format!("{}: {good} with a result, {bad} failed", job.status);
    }
    let left = job.eta_s.map_or_else(String::new, |eta| format!(", about {eta} s left"));
    format!("{}: {} %{left}", job.status, job.percent())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_between_polls_has_limits() {
        let seconds = |asked: Option<u64>| delay(asked.map(Duration::from_secs)).as_secs();
        assert_eq!([None, Some(0), Some(5), Some(u64::MAX)].map(seconds), [2, 1, 5, 60]);
    }

    #[test]
    fn the_status_line_shows_the_progress_or_the_result() {
        let line = |text: &str| status_line(&serde_json::from_str(text).unwrap());
        assert_eq!(
            line(r#"{"job_id": "job_1", "status": "processing", "progress": 40, "eta_s": 7}"#),
            "processing: 40 %, about 7 s left"
        );
        assert_eq!(
            line(r#"{"job_id": "job_1", "status": "processing", "progress": 18446744073709551615}"#),
            "processing: 100 %"
        );
        assert_eq!(
            line(r#"{"job_id": "job_1", "status": "completed", "results_count": 3, "failed_count": 1}"#),
            "completed: 3 with a result, 1 failed"
        );
    }
}
