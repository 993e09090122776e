//! The report of the drills, and the proof that every alert has a drill and a line in the runbook's report.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use super::monitoring_stack;

/// An alert that must fire, and the fault that makes it fire.
#[derive(Debug)]
pub struct Alarm {
    pub alert: &'static str,
    pub priority: &'static str,
    pub fault: &'static str,
}

/// An alert with its name, its priority and its fault.
pub fn alarm(alert: &'static str, priority: &'static str, fault: &'static str) -> Alarm {
    Alarm { alert, priority, fault }
}

impl Alarm {
    /// Adds a line to the report, which tests/drills.sh prints after all drills.
    pub fn report(&self, page: Duration, resolve: Duration) {
        let Self { alert, priority, fault } = self;
        let (page, resolve) = (page.as_secs_f64(), resolve.as_secs_f64());
        let line = format!("| {alert} | {priority} | {fault} | {page:.1} | {resolve:.1} |\n");
        print!("{line}");
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/drills.md");
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

/// The alerts that the sources of the drills name, with their priorities.
fn drilled() -> BTreeMap<String, String> {
    let sources = [
        include_str!("errors.rs"),
        include_str!("faults.rs"),
        include_str!("hostile.rs"),
        include_str!("jobs.rs"),
        include_str!("latency.rs"),
        include_str!("outage.rs"),
        include_str!("resources.rs"),
        include_str!("watchdog.rs"),
        include_str!("webhooks.rs"),
    ];
    let mut found = BTreeMap::new();
    for source in sources {
        for rest in source.split("alarm(").skip(1) {
            let mut words = rest.split('"').skip(1).step_by(2).map(str::to_owned);
            let (alert, priority) = (words.next().unwrap(), words.next().unwrap());
            assert_eq!(found.insert(alert.clone(), priority), None, "{alert} has two drills");
        }
    }
    found
}

#[test]
fn every_alert_has_a_drill_that_waits_for_it_on_the_route_of_its_priority() {
    let mut alerts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in ["alerts.yml", "slo.yml"] {
        let rules = monitoring_stack::read(&format!("prometheus/rules/{name}"));
        for rule in rules.split("- alert: ").skip(1) {
            let alert = rule.lines().next().unwrap().to_owned();
            let priority = rule.split_once("priority: ").unwrap().1.lines().next().unwrap().to_owned();
            alerts.entry(alert).or_default().push(priority);
        }
    }
    let drilled = drilled();
    assert!(alerts.keys().eq(drilled.keys()), "{:?} and {:?}", alerts.keys(), drilled.keys());
    for (alert, priority) in &drilled {
        assert!(alerts[alert].contains(priority), "{alert}: {priority}");
    }
}

#[test]
fn the_runbook_keeps_a_report_of_every_drill() {
    let runbook = monitoring_stack::read("RUNBOOK.md");
    let (_, rest) = runbook.split_once("\n# Drills\n").unwrap();
    let table = rest.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = table.take_while(|line| line.starts_with('|')).map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [alert, priority, _, page, resolve] = cells[..] else { panic!("{row}") };
        assert!(page.parse::<f64>().is_ok() && resolve.parse::<f64>().is_ok(), "{row}");
        (alert.to_owned(), priority.to_owned())
    });
    let rows: Vec<_> = rows.collect();
    assert!(rows.is_sorted());
    assert_eq!(rows, drilled().into_iter().collect::<Vec<_>>());
}
