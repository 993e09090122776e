//! Checks that the README's tables of metrics and log events match the code.

use std::collections::BTreeMap;
use std::fmt::Write;

use huemill_observability::{Event, LabelValues, Registry, RequestFacts, RouteLabels, events};

const README: &str = include_str!("../README.md");

/// The rows of the table with this header, without the delimiter row.
fn table(head: &str) -> Vec<&'static str> {
    let (_, rest) = README.split_once(head).expect("the README has this table");
    rest.lines().skip(2).take_while(|line| line.starts_with('|')).collect()
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "–".to_owned() } else { names.join(", ") }
}

#[test]
fn the_readme_lists_all_log_events() {
    let rows: Vec<String> = events::NAMED
        .iter()
        .map(|(_, event)| {
            let level = event.level.as_str().to_lowercase();
            format!("| `{}` | {level} | {} | {} |", event.name, quoted(event.fields), event.meaning)
        })
        .collect();
    assert_eq!(table("| event | level | fields | when |"), rows);
}

#[test]
fn an_event_has_one_row_per_level() {
    let mut seen: Vec<_> =
        events::NAMED.iter().map(|(_, event)| (event.name, event.level.as_str())).collect();
    seen.sort_unstable();
    let rows = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), rows);
}

/// Maps each family to its type, its help text and the label names of its first series.
fn families(scrape: &str) -> BTreeMap<&str, (&str, &str, Vec<&str>)> {
    let mut families = BTreeMap::<&str, (&str, &str, Vec<&str>)>::new();
    let mut name = "";
    for line in scrape.lines() {
        if let Some((family, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            name = family;
            families.insert(family, ("", help, Vec::new()));
        } else if let Some((family, kind)) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            families.entry(family).or_default().0 = kind;
        } else if let Some((_, labels)) = line.split_once('{') {
            let found = labels.split(',').filter_map(|pair| pair.split_once('=')).map(|(label, _)| label);
            let known = &mut families.entry(name).or_default().2;
            if known.is_empty() {
                known.extend(found.filter(|label| *label != "le"));
                known.sort_unstable();
            }
        }
    }
    families
}

fn full_scrape() -> String {
    let one = &["x"];
    let known = LabelValues {
        routes: &[RouteLabels { endpoint: "x", statuses: &[200], error_codes: one, can_break: true }],
        job_error_codes: one,
        image_endpoints: one,
        formats: one,
        outcomes: one,
        stages: one,
        actors: one,
        mailboxes: one,
        dependencies: one,
        job_kinds: one,
        store_operations: one,
        outbound_reasons: one,
        names_receivers: true,
    };
    let registry = Registry::new("1.2.3", &known).expect("the families have distinct names");
    registry.record(&Event::RequestFinished(RequestFacts {
        endpoint: "x",
        method: "GET",
        code: 200,
        error_code: None,
        duration: std::time::Duration::ZERO,
        bytes_in: 0,
        bytes_out: 0,
    }));
    registry.render()
}

#[cfg(target_os = "linux")]
#[test]
fn the_readme_lists_all_metrics() {
    let scrape = full_scrape();
    let mut documented = BTreeMap::new();
    for row in table("| name | type | labels | unit | meaning |") {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, _unit, meaning] = cells[..] else { panic!("not five cells: {row}") };
        let mut labels: Vec<&str> = labels.split('`').skip(1).step_by(2).collect();
        labels.sort_unstable();
        documented.insert(name.trim_matches('`'), (kind, meaning, labels));
    }
    let (mut actual, mut expected) = (String::new(), String::new());
    for (side, map) in [(&mut actual, families(&scrape)), (&mut expected, documented)] {
        for (name, row) in map {
            writeln!(side, "{name} {row:?}").unwrap();
        }
    }
    assert_eq!(actual, expected);
}
