//! What is wrong with a query: metrics and labels that do not exist, and on a dashboard a selector that ignores the
//! dashboard's `$job` or a legend of labels that the query does not return.

use std::collections::{BTreeMap, BTreeSet};

use super::Query;

/// Labels of Prometheus itself, and the bound of a histogram's bucket.
const COMMON_LABELS: [&str; 3] = ["job", "instance", "le"];

/// Labels that a legend may show although the query does not group by them.
const LEGEND_LABELS: [&str; 2] = ["instance", "le"];

/// A metric that exists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metric {
    pub(crate) is_histogram: bool,
    pub(crate) labels: BTreeSet<String>,
}

/// All metrics by their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known(pub(crate) BTreeMap<String, Metric>);

fn join<'a>(labels: impl IntoIterator<Item = &'a String>) -> String {
    labels.into_iter().cloned().collect::<Vec<_>>().join(", ")
}

impl Known {
    /// The metric that a series belongs to. A histogram has no series of its plain name, and only histograms have
    /// buckets.
    pub(crate) fn metric_of(&self, series: &str) -> Option<&Metric> {
        let suffixes = ["_bucket", "_sum", "_count"];
        let base = suffixes.iter().find_map(|suffix| series.strip_suffix(suffix));
        let histogram = base.and_then(|base| self.0.get(base)).filter(|metric| metric.is_histogram);
        histogram.or_else(|| self.0.get(series).filter(|metric| !metric.is_histogram))
    }

    /// What is wrong with a query, wherever it is used.
    pub(crate) fn findings(&self, text: &str) -> Vec<String> {
        let query = match Query::parse(text) {
            Ok(query) => query,
            Err(error) => return vec![error],
        };
        let mut findings = Vec::new();
        let mut labels: BTreeSet<String> = COMMON_LABELS.map(str::to_owned).into();
        for (name, matched) in &query.selectors {
            let Some(metric) = self.metric_of(name) else {
                findings.push(format!("{name} is not in the table of metrics"));
                continue;
            };
            labels.extend(metric.labels.iter().cloned());
            let is_known =
                |label: &&String| metric.labels.contains(*label) || COMMON_LABELS.contains(&label.as_str());
            let unknown = join(matched.iter().filter(|label| !is_known(label)));
            if !unknown.is_empty() {
                findings.push(format!("{name} has no label {unknown}"));
            }
        }
        let unknown = join(query.grouping.difference(&labels));
        if !unknown.is_empty() {
            findings.push(format!("grouped by {unknown}, which no metric of the query has"));
        }
        findings
    }

    /// What is wrong with a query of a dashboard.
    pub(crate) fn dashboard_findings(&self, text: &str, legend: &str) -> Vec<String> {
        let mut findings = self.findings(text);
        let Ok(query) = Query::parse(text) else { return findings };
        if query.selectors.is_empty() {
            findings.push(format!("no metric in {text}"));
        }
        for (name, matched) in &query.selectors {
            if !matched.contains("job") && name != "ALERTS" {
                findings.push(format!("the selector of {name} does not use $job"));
            }
        }
        let returned = |label: &str| query.grouping.contains(label) || LEGEND_LABELS.contains(&label);
        let shown = legend.split("{{").skip(1).filter_map(|rest| rest.split_once("}}"));
        for (label, _) in shown.filter(|(label, _)| !returned(label.trim())) {
            findings.push(format!("the legend shows {label}, but the query does not group by it"));
        }
        findings
    }
}

#[test]
fn each_mistake_in_a_query_is_found_and_named() {
    let labels = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let known = Known(
        [
            ("jobs_total", Metric { is_histogram: false, labels: labels(&["type"]) }),
            ("request_duration_ms", Metric { is_histogram: true, labels: labels(&["endpoint"]) }),
            ("job_slo:burn:rate1h", Metric { is_histogram: false, labels: labels(&["job", "slo"]) }),
            ("ALERTS", Metric { is_histogram: false, labels: labels(&["alertstate"]) }),
        ]
        .map(|(name, metric)| (name.to_owned(), metric))
        .into(),
    );
    for (query, legend, finding) in [
        ("sum by (type) (jobs_total{job=~\"$job\"})", "{{type}}", ""),
        ("sum by (le) (rate(request_duration_ms_bucket{job=~\"$job\"}[$__rate_interval]))", "{{le}}", ""),
        ("ALERTS{alertstate=\"firing\"}", "", ""),
        ("sum(nothing_total{job=~\"$job\"})", "", "nothing_total is not in the table of metrics"),
        ("sum(jobs_total_bucket{job=~\"$job\"})", "", "jobs_total_bucket is not in the table of metrics"),
        ("sum(request_duration_ms{job=~\"$job\"})", "", "request_duration_ms is not in the table of metrics"),
        ("sum(jobs_total{job=~\"$job\", kind=\"x\"})", "", "jobs_total has no label kind"),
        (
            "sum by (slo) (job_slo:burn:rate1h{job=~\"$job\", kind=\"x\"})",
            "",
            "job_slo:burn:rate1h has no label kind",
        ),
        (
            "sum by (kind) (jobs_total{job=~\"$job\"})",
            "",
            "grouped by kind, which no metric of the query has",
        ),
        ("sum(jobs_total)", "", "the selector of jobs_total does not use $job"),
        ("1 + 1", "", "no metric in 1 + 1"),
        (
            "sum(jobs_total{job=~\"$job\"})",
            "{{type}}",
            "the legend shows type, but the query does not group by it",
        ),
    ] {
        assert_eq!(known.dashboard_findings(query, legend).join("\n"), finding, "{query}");
    }
    assert!(!known.findings("sum(jobs_total").is_empty(), "what does not parse is a finding");
}
