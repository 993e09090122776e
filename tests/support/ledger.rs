//! What the rows must say once all faults are over, counted by hand: each picture ended once, no lease is left, the
//! counts of jobs are those of their pictures, and what the service says of itself is what is there.

use std::time::{Duration, Instant};

use super::database::Database;
use super::service::{PATIENCE, Service};
use super::until;

/// Pictures that have not ended, with who holds them.
const OPEN: &str = "SELECT job_id || '/' || number || ' is ' || state || ', attempt ' || attempt || ', held by ' \
     || COALESCE(owner, 'no one') FROM items WHERE state IN ('queued', 'claimed')";
const OPEN_JOBS: &str = "SELECT id || ' is ' || state FROM jobs WHERE state IN ('queued', 'processing')";

/// What may never be, and what it would mean.
const CONTRADICTIONS: [(&str, &str); 6] = [
    (
        "pictures done are not those that the job counts",
        "SELECT id FROM jobs WHERE state <> 'expired' AND succeeded <> \
         (SELECT count(*) FROM items WHERE job_id = jobs.id AND state = 'done')",
    ),
    (
        "pictures failed are not those that the job counts",
        "SELECT id FROM jobs WHERE state <> 'expired' AND failed <> \
         (SELECT count(*) FROM items WHERE job_id = jobs.id AND state = 'failed')",
    ),
    (
        "pictures are lost or doubled",
        "SELECT id FROM jobs WHERE state <> 'expired' AND total <> \
         (SELECT count(*) FROM items WHERE job_id = jobs.id AND state IN ('done', 'failed', 'canceled'))",
    ),
    (
        "a job ended before its pictures",
        "SELECT id FROM jobs WHERE state IN ('completed', 'failed') AND succeeded + failed <> total",
    ),
    ("a lease outlived its picture", "SELECT job_id FROM items WHERE owner IS NOT NULL"),
    (
        "a picture ended without a result or a reason",
        "SELECT job_id FROM items WHERE (state = 'done' AND card IS NULL) \
         OR (state = 'failed' AND error_code IS NULL)",
    ),
];

/// Waits until every picture and every job has ended.
pub fn everything_ends(database: &Database) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let open = [database.texts(OPEN), database.texts(OPEN_JOBS)].concat();
        if open.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "never ends: {open:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The rows agree with each other.
pub fn rows_add_up(database: &Database) {
    for (meaning, query) in CONTRADICTIONS {
        assert_eq!(database.texts(query), Vec::<String>::new(), "{meaning}");
    }
}

/// What the process says of the store becomes what a count says.
pub fn figures_are_true(service: &Service, database: &Database) {
    let states = ["queued", "processing", "completed", "failed", "canceled", "expired"];
    until("the figures are those of a count", || {
        let jobs_are_true = states.iter().all(|state| {
            let counted = database.count(&format!("SELECT count(*) FROM jobs WHERE state = '{state}'"));
            figure(service, &format!("jobs_current{{status=\"{state}\"}}")) == Some(counted as f64)
        });
        let waiting = database.count("SELECT count(*) FROM items WHERE state = 'queued'");
        jobs_are_true && figure(service, "jobs_queued_images") == Some(waiting as f64)
    });
}

/// A series' value in a scrape.
pub fn figure(service: &Service, series: &str) -> Option<f64> {
    let text = reqwest::blocking::get(service.url("/metrics")).ok()?.text().ok()?;
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?.parse().ok()
}
