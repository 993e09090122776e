//! What the rows must say once all faults are over: each picture has ended once, no lease is left, the counts of jobs
//! match their pictures, and the service's metrics match the rows.

use super::database::Database;
use super::http::metric;
use super::service::Service;
use super::wait_until;

/// Pictures that have not ended, with the process that holds them.
const OPEN_PICTURES: &str = "SELECT job_id || '/' || number || ' is ' || state || ', attempt ' || attempt || ', held by ' \
     || COALESCE(owner, 'no one') FROM items WHERE state IN ('queued', 'claimed')";
const OPEN_JOBS: &str = "SELECT id || ' is ' || state FROM jobs WHERE state IN ('queued', 'processing')";

/// Queries that must find nothing, each with what a row that it finds would mean.
const CONTRADICTIONS: [(&str, &str); 6] = [
    (
        "the job's count of succeeded pictures is wrong",
        "SELECT id FROM jobs WHERE state <> 'expired' AND succeeded <> \
         (SELECT count(*) FROM items WHERE job_id = jobs.id AND state = 'done')",
    ),
    (
        "the job's count of failed pictures is wrong",
        "SELECT id FROM jobs WHERE state <> 'expired' AND failed <> \
         (SELECT count(*) FROM items WHERE job_id = jobs.id AND state = 'failed')",
    ),
    (
        "pictures of the job are lost or duplicated",
        "SELECT id FROM jobs WHERE state <> 'expired' AND total <> \
         (SELECT count(*) FROM items WHERE job_id = jobs.id AND state IN ('done', 'failed', 'canceled'))",
    ),
    (
        "the job ended before its pictures",
        "SELECT id FROM jobs WHERE state IN ('completed', 'failed') AND succeeded + failed <> total",
    ),
    ("a lease outlived its picture", "SELECT job_id FROM items WHERE owner IS NOT NULL"),
    (
        "a picture ended without a result or an error",
        "SELECT job_id FROM items WHERE (state = 'done' AND card IS NULL) \
         OR (state = 'failed' AND error_code IS NULL)",
    ),
];

/// Waits until every picture and every job has ended. Fails once none has ended for a long time: how long all of them
/// take depends on the machine.
pub fn everything_ends(database: &Database) {
    let open = || [database.texts(OPEN_PICTURES), database.texts(OPEN_JOBS)].concat();
    let (mut least, mut deadline) = (usize::MAX, std::time::Instant::now());
    loop {
        let open = open();
        if open.is_empty() {
            return;
        }
        if open.len() < least {
            (least, deadline) = (open.len(), std::time::Instant::now() + super::TIMEOUT);
        }
        assert!(std::time::Instant::now() < deadline, "these do not end: {open:#?}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Checks that the rows agree with each other.
pub fn rows_agree(database: &Database) {
    for (meaning, query) in CONTRADICTIONS {
        assert_eq!(database.texts(query), Vec::<String>::new(), "{meaning}");
    }
}

/// Waits until the metrics of this process match the rows.
pub fn metrics_match(service: &Service, database: &Database) {
    let states = ["queued", "processing", "completed", "failed", "canceled", "expired"];
    wait_until("the metrics match the rows", || {
        let jobs_match = states.iter().all(|state| {
            let counted = database.count(&format!("SELECT count(*) FROM jobs WHERE state = '{state}'"));
            metric(service, &format!("jobs_current{{status=\"{state}\"}}")) == Some(counted as f64)
        });
        let waiting = database.count("SELECT count(*) FROM items WHERE state = 'queued'");
        jobs_match && metric(service, "jobs_queued_images") == Some(waiting as f64)
    });
}

/// What must hold after every fault, without a restart.
pub fn assert_consistent(services: &[&Service], database: &Database) {
    everything_ends(database);
    rows_agree(database);
    for service in services {
        metrics_match(service, database);
    }
}
