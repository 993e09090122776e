//! Checks the README's table “The specification, line by line”: every file and every test that it names exists, every
//! row names both, and every name of the specification has a row.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use huemill_observability::events;

const README: &str = include_str!("../README.md");

/// The table's header.
const HEADER: &str = "| the specification requires | where | proof |";

/// The names and numbers in the specification.
const NAMES: [&str; 59] = [
    "requests_total",
    "request_duration_ms",
    "errors_total",
    "jobs_total",
    "jobs_completed_total",
    "jobs_status_total",
    "jobs_queue_latency_seconds",
    "jobs_processing_duration_seconds",
    "images_processed_total",
    "idempotency_conflicts_total",
    "status_poll_304_total",
    "webhook_delivery_latency_seconds",
    "webhook_failures_total",
    "retry_after_seconds_observed_total",
    "python_gc_objects_collected_total",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "99.9 %",
    "99.5 %",
    "p95 under 60 s",
    "p95 under 300 s",
    "p95 under 2 s",
    "p95 under 5 s",
    "Error rate: under 1 %",
    "over 95 %",
    "over 60 %",
    "ServiceDown",
    "HighErrorRate",
    "QueueLatencySLOBreach",
    "WebhookFailures",
    "ProcessingDurationSLOBreach",
    "IdempotencyConflicts",
    "LowETagCacheHitRatio",
    "HighMemoryUsage",
    "`ts`",
    "`level`",
    "`event`",
    "`request_id`",
    "`endpoint`",
    "`method`",
    "`status_code`",
    "`duration_ms`",
    "`success`",
    "`error_code`",
    "`bytes_in`",
    "`bytes_out`",
    "`http_request`",
    "`http_error`",
    "`job_created`",
    "`job_completed`",
    "`webhook_delivered`",
    "`security_violation`",
    "GET /health",
    "GET /ready",
    "Disk space",
    "Memory",
    "Libraries",
    "Worker threads",
    "X-Request-Id",
];

/// The cells of all rows. A chapter's heading has text only in the first cell.
fn rows() -> Vec<[&'static str; 3]> {
    let (_, rest) = README.split_once(HEADER).expect("the README has this table");
    let lines = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            cells.try_into().unwrap_or_else(|_| panic!("not three cells: {line}"))
        })
        .collect()
}

fn is_heading(row: &[&str; 3]) -> bool {
    row[0].starts_with("**") && row[1..].iter().all(|cell| cell.is_empty())
}

/// The texts between backticks.
fn quoted(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split('`').skip(1).step_by(2)
}

fn is_path(word: &str) -> bool {
    word.contains('/')
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the folder of sources is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(fs::read_to_string(&path).expect("the source file is readable"));
        }
    }
}

/// The names of all tests: functions with a test attribute. A drill for several alerts has their names joined by `_and_`.
fn tests() -> BTreeSet<String> {
    let mut texts = Vec::new();
    for folder in ["src", "tests", "actors", "store", "imaging", "observability"] {
        sources(&root().join(folder), &mut texts);
    }
    let mut names = test_functions(&texts);
    texts.clear();
    sources(&root().join("tests/drills"), &mut texts);
    let drills: Vec<String> = test_functions(&texts).into_iter().collect();
    names.extend(drills.iter().flat_map(|name| name.split("_and_")).map(str::to_owned));
    names
}

fn test_functions(texts: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in texts {
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            let name =
                line.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split_once('('));
            match name {
                Some((name, _)) if is_test => drop(names.insert(name.to_owned())),
                _ if line.starts_with("#[") => is_test |= line.contains("test]") || line.contains("test("),
                _ => {}
            }
            is_test &= line.starts_with("#[");
        }
    }
    names
}

#[test]
fn every_file_and_test_in_the_table_exists() {
    let (tests, mut found) = (tests(), (0, 0));
    for row in rows().iter().filter(|row| !is_heading(row)) {
        for word in row[1..].iter().copied().flat_map(quoted) {
            if is_path(word) {
                assert!(root().join(word).is_file(), "{word} does not exist: {row:?}");
                found.0 += 1;
            } else {
                assert!(tests.contains(word), "{word} is not a test: {row:?}");
                found.1 += 1;
            }
        }
    }
    assert!(found.0 > 150 && found.1 > 100, "{found:?}");
    assert!(
        !tests.contains("rows") && !tests.contains("quoted"),
        "functions without a test attribute must not count"
    );
}

#[test]
fn every_row_names_a_file_and_a_proof() {
    let rows = rows();
    for row in rows.iter().filter(|row| !is_heading(row)) {
        assert!(quoted(row[1]).all(is_path) && quoted(row[1]).count() > 0, "no file: {row:?}");
        assert!(quoted(row[2]).count() > 0, "no proof: {row:?}");
    }
    let distinct: BTreeSet<&str> = rows.iter().map(|row| row[0]).collect();
    assert!(rows.len() > 140, "{} rows", rows.len());
    // Liveness and readiness share some rows' texts, and so do typical and peak load.
    assert!(distinct.len() > rows.len() - 10);
}

#[test]
fn the_recipe_for_request_ids_names_only_existing_log_events() {
    let runbook = include_str!("../RUNBOOK.md");
    let (_, rest) = runbook.split_once("| event | what it shows |").expect("the runbook has the recipe");
    let rows: Vec<&str> = rest.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 5, "{rows:?}");
    for row in rows {
        for word in quoted(row).filter(|word| word.contains('_')) {
            assert!(events::NAMED.iter().any(|(_, event)| event.name == word), "unknown log event {word}");
        }
    }
}

#[test]
fn every_name_of_the_specification_has_a_row() {
    let rows = rows();
    for name in NAMES {
        assert!(rows.iter().any(|row| row[0].contains(name)), "{name} has no row");
    }
}
