//! Checks names across files: alerts, runbook, rules, dashboards and the README's tables must refer only to metrics,
//! alerts, settings and log events that exist.

mod promql;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use promql::{Known, Metric};
use serde_json::Value;

type Names = BTreeSet<String>;

/// The severity that belongs to each priority.
const SEVERITIES: [(&str, &str); 4] = [("P0", "critical"), ("P1", "warning"), ("P2", "info"), ("P3", "info")];

/// The beginning of each alert's `runbook_url`: Prometheus fills in the address that a rule records.
const RUNBOOK: &str = r#"{{ with query "url:huemill_runbook:info" }}{{ . | first | label "url" }}{{ end }}"#;

/// The chapters of the runbook that have a section for each alert.
const CHAPTERS: [&str; 2] = ["# Alerts", "# Burning budgets"];

/// A rule of a rules file: an alert or a recorded series.
#[derive(Debug, Default)]
struct Rule {
    name: String,
    is_alert: bool,
    expr: String,
    /// Labels and annotations.
    members: BTreeMap<String, String>,
}

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files with this extension in a folder; empty if the folder does not exist.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("the folder is readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths
}

fn texts(folder: &str, extension: &str) -> Vec<String> {
    let read = |path: &PathBuf| fs::read_to_string(path).expect("the file is readable");
    files(folder, extension).iter().map(read).collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Parses the rules of a file. It supports the part of YAML that the rules use: a key with its value on the same line, or
/// a block below its key.
fn rules_of(text: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with('#')).peekable();
    while let Some(line) = lines.next() {
        let Some((key, value)) = line.trim_start().trim_start_matches("- ").split_once(':') else { continue };
        let mut value = value.trim().to_owned();
        if ["|", ">-"].contains(&value.as_str()) {
            value.clear();
            while let Some(more) = lines.next_if(|next| next.trim().is_empty() || indent(next) > indent(line))
            {
                value = format!("{value} {}", more.trim());
            }
        }
        match (key, rules.last_mut()) {
            ("alert" | "record", _) => {
                rules.push(Rule { name: value, is_alert: key == "alert", ..Rule::default() });
            }
            ("expr", Some(rule)) => rule.expr = value,
            (_, Some(rule)) => {
                rule.members.insert(key.to_owned(), value);
            }
            _ => {}
        }
    }
    rules
}

fn rules() -> Vec<Rule> {
    let rules: Vec<Rule> = texts("prometheus/rules", "yml").iter().flat_map(|text| rules_of(text)).collect();
    assert!(rules.iter().any(|rule| rule.is_alert) && rules.iter().any(|rule| !rule.is_alert));
    rules
}

fn alerts() -> Names {
    rules().into_iter().filter(|rule| rule.is_alert).map(|rule| rule.name).collect()
}

/// The cells of the README's table with this header, by the first cell of their row.
fn table(head: &str) -> BTreeMap<String, Vec<String>> {
    let readme = file("README.md");
    let (_, rest) = readme.split_once(head).expect("the README has this table");
    let rows = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        (cells[0].trim_matches('`').to_owned(), cells)
    })
    .collect()
}

/// All metrics that a query may use: those of the README's table, those of Prometheus itself, and the recorded series, the
/// first part of whose name lists their labels.
fn known_metrics() -> Known {
    let labels = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let plain = |labels: Names| Metric { is_histogram: false, labels };
    let mut known = Known::default();
    known.0.insert("up".to_owned(), plain(Names::new()));
    known.0.insert("ALERTS".to_owned(), plain(labels(&["alertname", "alertstate", "priority"])));
    for (name, cells) in table("| name | type | labels | unit | meaning |") {
        let labels = cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        known.0.insert(name, Metric { is_histogram: cells[1] == "histogram", labels });
    }
    for rule in rules().into_iter().filter(|rule| !rule.is_alert) {
        let aggregated = rule.name.split(':').next().unwrap_or_default();
        known.0.insert(rule.name.clone(), plain(labels(&aggregated.split('_').collect::<Vec<_>>())));
    }
    known
}

/// The headings of the runbook's sections, each with its chapter.
fn headings() -> Vec<(String, String)> {
    let mut chapter = String::new();
    let mut found = Vec::new();
    for line in file("RUNBOOK.md").lines() {
        if line.starts_with("# ") {
            line.clone_into(&mut chapter);
        } else if let Some(heading) = line.strip_prefix("## ") {
            found.push((chapter.clone(), heading.to_owned()));
        }
    }
    found
}

/// The code in the runbook: spans between backticks, and blocks.
fn code() -> Vec<String> {
    let runbook = file("RUNBOOK.md").replace("```sh", "`").replace("```", "`");
    runbook.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_alert_has_a_runbook_section_and_every_section_an_alert() {
    let sections: Vec<String> = headings()
        .into_iter()
        .filter(|(chapter, _)| CHAPTERS.contains(&chapter.as_str()))
        .map(|(_, heading)| heading)
        .collect();
    let distinct: Names = sections.iter().cloned().collect();
    assert_eq!(sections.len(), distinct.len(), "a section occurs twice");
    assert_eq!(alerts(), distinct);
}

#[test]
fn every_section_has_impact_diagnosis_mitigation_and_escalation() {
    let runbook = file("RUNBOOK.md");
    for alert in alerts() {
        let (_, rest) = runbook.split_once(&format!("\n## {alert}\n")).unwrap();
        let section = rest.split("\n#").next().unwrap().to_lowercase();
        for part in ["impact", "diagnosis", "mitigation", "escalation"] {
            assert!(section.contains(&format!("**{part}**")), "{alert} has no {part}");
        }
    }
}

#[test]
fn every_alert_has_severity_description_and_runbook_url() {
    for rule in rules().into_iter().filter(|rule| rule.is_alert) {
        let member =
            |key: &str| rule.members.get(key).unwrap_or_else(|| panic!("{} has no {key}", rule.name));
        let (priority, severity) = (member("priority").as_str(), member("severity").as_str());
        assert!(SEVERITIES.contains(&(priority, severity)), "{}: {priority}, {severity}", rule.name);
        for text in ["summary", "description"] {
            assert!(member(text).len() > 10, "{}: {text}", rule.name);
        }
        let url = format!("'{RUNBOOK}#{}'", rule.name.to_lowercase());
        assert_eq!(member("runbook_url"), &url, "{}", rule.name);
    }
}

#[test]
fn the_runbooks_address_is_recorded_once() {
    let recorded: Vec<Rule> =
        rules().into_iter().filter(|rule| rule.name == "url:huemill_runbook:info").collect();
    assert_eq!(recorded.len(), 1);
    assert!(recorded[0].members["url"].ends_with("/observability/RUNBOOK.md"), "{:?}", recorded[0]);
    assert_eq!(file("prometheus/rules/recording.yml").matches("https://").count(), 1);
    for name in ["alerts", "slo"] {
        assert!(!file(&format!("prometheus/rules/{name}.yml")).contains("https://"), "{name}.yml");
    }
}

#[test]
fn what_one_client_brings_about_is_checked_for_every_alert_that_pages() {
    let pages =
        |rule: &Rule| ["P0", "P1"].map(Some).contains(&rule.members.get("priority").map(String::as_str));
    let paging: Names = rules().into_iter().filter(pages).map(|rule| rule.name).collect();
    let text = file("prometheus/tests/clients.yml");
    let scenarios: Vec<&str> = text.split("\n  - name: ").skip(1).collect();
    assert!(scenarios.len() >= 3 && paging.len() > 10);
    for scenario in scenarios {
        let quiet: Names = scenario
            .split("alertname: ")
            .skip(1)
            .filter_map(|case| case.split_once('\n'))
            .filter(|(_, rest)| rest.trim_start().starts_with("exp_alerts: []"))
            .map(|(name, _)| name.to_owned())
            .collect();
        assert_eq!(quiet, paging, "{}", scenario.lines().next().unwrap_or_default());
    }
}

#[test]
fn every_alert_has_a_test_that_fires_it_and_one_that_does_not() {
    let (mut fires, mut silent) = (Names::new(), Names::new());
    for text in texts("prometheus/tests", "yml") {
        for case in text.split("alertname: ").skip(1) {
            let (name, rest) = case.split_once('\n').unwrap();
            let to = if rest.trim_start().starts_with("exp_alerts: []") { &mut silent } else { &mut fires };
            to.insert(name.to_owned());
        }
    }
    assert_eq!(fires, alerts());
    // This alert always fires.
    silent.insert("Watchdog".to_owned());
    assert_eq!(silent, alerts());
}

#[test]
fn every_rule_test_evaluates_all_groups_in_order() {
    let groups = |text: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| line.trim().strip_prefix("- name: huemill-"))
            .map(str::to_owned)
            .collect()
    };
    // Recorded series come before the alerts that use them.
    let order =
        ["recording", "alerts", "slo"].map(|name| groups(&file(&format!("prometheus/rules/{name}.yml"))));
    let order: Vec<String> = order.concat();
    for path in files("prometheus/tests", "yml") {
        let text = fs::read_to_string(&path).unwrap();
        let (_, rest) =
            text.split_once("group_eval_order:\n").unwrap_or_else(|| panic!("{}", path.display()));
        let found: Vec<&str> = rest.lines().map_while(|line| line.strip_prefix("  - huemill-")).collect();
        assert_eq!(found, order, "{}", path.display());
    }
}

#[test]
fn rules_use_only_existing_metrics_and_labels() {
    let known = known_metrics();
    for rule in rules() {
        assert_eq!(known.findings(&rule.expr), [""; 0], "{}", rule.name);
    }
}

#[test]
fn dashboards_use_only_existing_metrics_and_labels() {
    let known = known_metrics();
    let paths = files("grafana/dashboards", "json");
    assert_eq!(paths.len(), 4, "{paths:?}");
    for path in paths {
        let board: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut queries: Vec<(String, String, String)> = Vec::new();
        for note in list(&board["annotations"]["list"]) {
            queries.push((text(&note["name"]), text(&note["expr"]), String::new()));
        }
        for panel in list(&board["panels"]) {
            for target in list(&panel["targets"]) {
                queries.push((text(&panel["title"]), text(&target["expr"]), text(&target["legendFormat"])));
            }
        }
        assert!(queries.len() > 10, "{} has few queries", path.display());
        for (title, query, legend) in queries {
            let findings = known.dashboard_findings(&query, &legend);
            assert_eq!(findings, [""; 0], "{}, “{title}”", path.display());
        }
    }
}

#[test]
fn the_runbook_names_only_existing_metrics() {
    let known = known_metrics();
    let suffixes = ["_total", "_seconds", "_bytes", "_bucket", "_count", "_sum"];
    let mut found = 0;
    for code in code() {
        let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':' && c != '.');
        for word in words.filter(|word| !word.contains('.')) {
            let is_foreign = word.starts_with("prometheus_") || word.starts_with("alertmanager_");
            let is_recorded =
                word.contains("slo:") || word.starts_with("job:") || word.starts_with("job_endpoint:");
            if !is_foreign && (is_recorded || suffixes.iter().any(|suffix| word.ends_with(suffix))) {
                assert!(known.metric_of(word).is_some(), "unknown metric {word} in {code}");
                found += 1;
            }
        }
    }
    assert!(found > 50, "{found}");
}

#[test]
fn the_runbook_names_only_existing_settings() {
    let mut settings = Names::new();
    let mut section = String::new();
    for line in file("../config/default.toml").lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            settings.insert(format!("{section}.{key}"));
        }
    }
    let word =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let mut found = 0;
    for code in code() {
        if code.split_once('.').is_some_and(|(section, key)| word(section) && word(key)) {
            assert!(settings.contains(&code), "unknown setting {code}");
            found += 1;
        }
    }
    assert!(found > 30, "{found}");
}

#[test]
fn the_runbook_names_only_existing_log_events() {
    let events = table("| event | level | fields | when |");
    let mut found = 0;
    for code in code() {
        for (_, rest) in code.match_indices(".event == \"").map(|(at, head)| code.split_at(at + head.len())) {
            let (event, _) = rest.split_once('"').expect("the name ends");
            assert!(events.contains_key(event), "unknown log event {event}");
            found += 1;
        }
    }
    assert!(found > 15, "{found}");
}
