//! Checks `PromQL` queries against the metrics that exist. The crate promql-parser parses them; a query that it cannot
//! parse is a finding too.

mod findings;

use std::collections::BTreeSet;
use std::convert::Infallible;

use promql_parser::label::Matchers;
use promql_parser::parser::{self, Expr, LabelModifier, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};

pub(crate) use findings::{Known, Metric};

/// What a query uses.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// The metrics, each with the labels that are matched.
    pub(crate) selectors: Vec<(String, BTreeSet<String>)>,
    /// The labels that results are grouped or joined by.
    pub(crate) grouping: BTreeSet<String>,
}

impl Query {
    /// Parses a query, in which Grafana's variables may stand for durations.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.replace("$__rate_interval", "1m").replace("$__range", "1h");
        let mut query = Self::default();
        let expr = parser::parse(&text).map_err(|error| format!("{error} in {text}"))?;
        match walk_expr(&mut query, &expr) {
            Ok(_) => Ok(query),
            Err(never) => match never {},
        }
    }

    fn select(&mut self, selector: &VectorSelector) {
        let Matchers { matchers, or_matchers } = &selector.matchers;
        let labels = matchers.iter().chain(or_matchers.iter().flatten()).map(|matcher| matcher.name.clone());
        self.selectors.push((selector.name.clone().unwrap_or_default(), labels.collect()));
    }
}

impl ExprVisitor for Query {
    type Error = Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Infallible> {
        match expr {
            Expr::VectorSelector(selector) => self.select(selector),
            Expr::MatrixSelector(matrix) => self.select(&matrix.vs),
            Expr::Aggregate(aggregate) => {
                let labels = aggregate.modifier.iter().flat_map(|modifier| &modifier.labels().labels);
                self.grouping.extend(labels.cloned());
            }
            Expr::Binary(binary) => {
                if let Some(modifier) = &binary.modifier {
                    let on = modifier.matching.iter().map(LabelModifier::labels);
                    let labels = on.chain(modifier.card.labels()).flat_map(|labels| &labels.labels);
                    self.grouping.extend(labels.cloned());
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

#[test]
fn metrics_and_labels_of_a_query_are_found() {
    for (text, metrics, grouping) in [
        ("up", "up{}", ""),
        ("sum by (job) (rate(a_total{x=\"}b_total\", y!~'c{'}[5m])) / 2.5e3 > 1e9", "a_total{x,y}", "job"),
        ("a:b:rate5m > 14.4 and on (job) c offset 1d", "a:b:rate5m{} c{}", "job"),
        ("a / on (x) group_left (y) c", "a{} c{}", "x,y"),
        ("histogram_quantile(0.95, sum by (le) (rate(h_bucket[$__rate_interval])))", "h_bucket{}", "le"),
        ("absent(up{job=\"$job\"}) or vector(1)", "up{job}", ""),
        ("topk(3, a) unless ignoring (b) max_over_time(c[$__range:1m])", "a{} c{}", "b"),
        ("a{b=\"x\\\"}\"} + on () d # e\n+ f", "a{b} d{} f{}", ""),
        ("1 + 1", "", ""),
    ] {
        let query = Query::parse(text).unwrap();
        let join = |labels: &BTreeSet<String>| labels.iter().cloned().collect::<Vec<_>>().join(",");
        let found = query.selectors.iter().map(|(name, labels)| format!("{name}{{{}}}", join(labels)));
        assert_eq!(found.collect::<Vec<_>>().join(" "), metrics, "{text}");
        assert_eq!(join(&query.grouping), grouping, "{text}");
    }
    assert!(Query::parse("sum(a").is_err() && Query::parse("").is_err());
}
