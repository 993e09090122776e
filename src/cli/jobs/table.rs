//! Jobs for people: a line each in a list, a page for one.

use std::fmt::Write;

use crate::cli::client::Job;
use crate::cli::process::printable;

/// Colours of a palette that are shown in a line.
const COLOURS: usize = 5;

/// A table of jobs at this time (Unix seconds).
pub(super) fn list(jobs: &[Job], now: i64) -> String {
    let mut rows = vec![["JOB", "STATUS", "TYPE", "PICTURES", "CREATED"].map(str::to_owned)];
    rows.extend(jobs.iter().map(|job| {
        let words = [&job.id, &job.status, &job.kind].map(|word| printable(word).into_owned());
        let [id, status, kind] = words;
        [id, status, kind, pictures(job), format!("{} ago", span(now - job.created_at))]
    }));
    columns(&rows)
}

/// Rows as columns, each as wide as its widest cell.
pub(in crate::cli) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        // A string takes whatever is written.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// A job with its pictures.
pub(super) fn one(job: &Job, now: i64) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<9} {}", printable(value));
    };
    row("job", &job.id);
    row("status", &job.status);
    row("type", &job.kind);
    row("pictures", &pictures(job));
    row("created", &format!("{} ago", span(now - job.created_at)));
    row("expires", &format!("in {}", span(job.expires_at - now)));
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
        let told = format!("{}  {}: {}", failed.filename, failed.error_code, failed.user_message);
        let _ = writeln!(text, "  {}", printable(&told));
    }
    text
}

/// How far it is, or what came out.
fn pictures(job: &Job) -> String {
    match (job.results_count, job.failed_count) {
        (Some(good), Some(0)) => format!("{good} good"),
        (Some(good), Some(bad)) => format!("{good} good, {bad} failed"),
        _ if job.has_ended() => "-".to_owned(),
        _ => format!("{} %", job.progress),
    }
}

/// Seconds in the largest unit that has one whole.
pub(in crate::cli) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(text: &str) -> Job {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_list_has_a_line_a_job_under_its_heads() {
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
        let shown = list(&jobs, 100);
        assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
        assert_eq!(list(&[], 0).lines().count(), 1);
    }

    #[test]
    fn a_job_is_shown_with_its_pictures_and_nothing_in_them_steers_the_terminal() {
        let shown = one(
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

    #[test]
    fn spans_are_told_in_one_unit() {
        let told = [-5, 59, 60, 3_599, 3_600, 172_799, 172_800].map(span);
        assert_eq!(told, ["0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 days"]);
    }
}
