//! The README's table “The specification, line by line”, held to the tree: each file and each test that it names is
//! there, no row is without them, and none of the specification's names is without a row.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use huemill_observability::events;

const README: &str = include_str!("../README.md");

/// The table's head.
const HEAD: &str = "| the specification asks | where | proof |";

/// What the specification calls by a name.
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

/// A row's cells; a chapter's heading has text in the first one alone.
fn rows() -> Vec<[&'static str; 3]> {
    let (_, rest) = README.split_once(HEAD).expect("the README has this table");
    let lines = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            cells.try_into().unwrap_or_else(|_| panic!("three cells: {line}"))
        })
        .collect()
}

fn is_heading(row: &[&str; 3]) -> bool {
    row[0].starts_with("**") && row[1..].iter().all(|cell| cell.is_empty())
}

/// What is between backticks.
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
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// The names of all tests: functions with an attribute that says so. A drill may bear several alerts' names.
fn tests() -> BTreeSet<String> {
    let mut texts = Vec::new();
    for folder in ["src", "tests", "actors", "store", "imaging", "observability"] {
        sources(&root().join(folder), &mut texts);
    }
    let mut names = marked(&texts);
    texts.clear();
    sources(&root().join("tests/drills"), &mut texts);
    let drills: Vec<String> = marked(&texts).into_iter().collect();
    names.extend(drills.iter().flat_map(|name| name.split("_and_")).map(str::to_owned));
    names
}

fn marked(texts: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in texts {
        let mut marked = false;
        for line in text.lines().map(str::trim) {
            let name =
                line.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split_once('('));
            match name {
                Some((name, _)) if marked => drop(names.insert(name.to_owned())),
                _ if line.starts_with("#[") => marked |= line.contains("test]") || line.contains("test("),
                _ => {}
            }
            marked &= line.starts_with("#[");
        }
    }
    names
}

#[test]
fn every_file_and_every_test_of_the_table_is_there() {
    let (tests, mut found) = (tests(), (0, 0));
    for row in rows().iter().filter(|row| !is_heading(row)) {
        for word in row[1..].iter().copied().flat_map(quoted) {
            if is_path(word) {
                assert!(root().join(word).is_file(), "{word} is not there: {row:?}");
                found.0 += 1;
            } else {
                assert!(tests.contains(word), "{word} is no test: {row:?}");
                found.1 += 1;
            }
        }
    }
    assert!(found.0 > 150 && found.1 > 100, "{found:?}");
    assert!(!tests.contains("rows") && !tests.contains("quoted"), "what is no test is told from what is");
}

#[test]
fn every_row_names_a_place_and_a_proof() {
    let rows = rows();
    for row in rows.iter().filter(|row| !is_heading(row)) {
        assert!(quoted(row[1]).all(is_path) && quoted(row[1]).count() > 0, "no place: {row:?}");
        assert!(quoted(row[2]).count() > 0, "no proof: {row:?}");
    }
    let asked: BTreeSet<&str> = rows.iter().map(|row| row[0]).collect();
    assert!(rows.len() > 140, "{} rows", rows.len());
    // What is said of liveness and readiness, of typical and peak load, is said twice.
    assert!(asked.len() > rows.len() - 10);
}

#[test]
fn the_recipe_from_an_id_to_its_story_names_events_that_exist() {
    let runbook = include_str!("../RUNBOOK.md");
    let (_, rest) = runbook.split_once("| event | what it tells |").expect("the runbook has the recipe");
    let rows: Vec<&str> = rest.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 5, "{rows:?}");
    for row in rows {
        for word in quoted(row).filter(|word| word.contains('_')) {
            assert!(events::NAMED.iter().any(|(_, event)| event.name == word), "{word}");
        }
    }
}

#[test]
fn every_name_of_the_specification_has_a_row() {
    let rows = rows();
    for name in NAMES {
        assert!(rows.iter().any(|row| row[0].contains(name)), "{name}");
    }
}
