//! How `huemill jobs` shows jobs: a table of many, the details of one.

use std::fmt::Write;

use crate::cli::client::JobView;
use crate::cli::table::{format_duration, format_table};
use crate::cli::terminal::printable;

/// How many colours of a palette are shown.
const COLOURS: usize = 5;

/// A table of jobs. `now` is in Unix seconds.
pub(super) fn job_table(jobs: &[JobView], now: i64) -> String {
    let mut rows = vec![["JOB", "STATUS", "TYPE", "PICTURES", "CREATED"].map(str::to_owned)];
    rows.extend(jobs.iter().map(|job| {
        let words = [&job.id, &job.status, &job.kind].map(|word| printable(word).into_owned());
        let [id, status, kind] = words;
        [id, status, kind, pictures(job), format!("{} ago", format_duration(now - job.created_at))]
    }));
    format_table(&rows)
}

/// A job with the results of its pictures. `now` is in Unix seconds.
pub(super) fn job_details(job: &JobView, now: i64) -> String {
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
        _ => format!("{} %", job.progress),
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
