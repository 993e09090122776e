//! Finds the metrics that a `PromQL` query uses: all names that are not a function, keyword, label or number.
//!
//! It parses just enough of the language for the queries of this repository.

use std::collections::BTreeSet;

/// Keywords that may stand where a metric's name could.
const KEYWORDS: [&str; 9] = ["and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "start"];

/// Keywords before a list of labels.
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// The metrics that a query uses.
pub(crate) fn metrics(query: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '"' | '\'' => after_string(rest, first),
            '{' => after(rest, '}'),
            '[' => after(rest, ']'),
            // A variable of a dashboard.
            '$' => word(rest[1..].trim_start_matches('{')).1,
            '#' => rest.split_once('\n').map_or("", |(_, rest)| rest),
            first if first.is_ascii_digit() => word(rest).1,
            first if is_name_char(first) => {
                let (name, more) = word(rest);
                let next = more.trim_start();
                if GROUPINGS.contains(&name) {
                    if next.starts_with('(') { after(next, ')') } else { more }
                } else {
                    // In "sum by (job) (…)", as in "sum(…)", `sum` is an operator.
                    let is_operator = next.starts_with('(') || ["by", "without"].contains(&word(next).0);
                    if !is_operator && !KEYWORDS.contains(&name.to_lowercase().as_str()) {
                        found.insert(name.to_owned());
                    }
                    more
                }
            }
            first => &rest[first.len_utf8()..],
        };
    }
    found
}

/// The queries of a Grafana dashboard: every member `expr` that is a string.
pub(crate) fn queries_of_json(text: &str) -> Vec<String> {
    text.split("\"expr\"")
        .skip(1)
        .filter_map(|rest| rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"'))
        .map(|rest| {
            let mut query = String::new();
            let mut chars = rest.chars();
            while let Some(c) = chars.next().filter(|c| *c != '"') {
                match (c, c == '\\') {
                    (_, true) => match chars.next() {
                        Some('n' | 't' | 'r') => query.push('\n'),
                        Some(escaped) => query.push(escaped),
                        None => {}
                    },
                    (c, false) => query.push(c),
                }
            }
            query
        })
        .collect()
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// Splits off the word at the start of a text.
fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_name_char(c)).unwrap_or(text.len()))
}

/// The rest of a text after this closing character. Strings on the way are skipped.
fn after(text: &str, end: char) -> &str {
    let mut rest = &text[1..];
    loop {
        match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => rest = after_string(rest, quote),
            Some(c) if c == end => return &rest[1..],
            Some(c) => rest = &rest[c.len_utf8()..],
            None => return "",
        }
    }
}

/// The rest of a text after the string at its start.
fn after_string(text: &str, quote: char) -> &str {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return &text[at + 1..];
        }
        escaped = c == '\\' && !escaped;
    }
    ""
}

#[test]
fn metrics_of_a_query_are_found() {
    for (query, names) in [
        ("up", "up"),
        ("sum by (job) (rate(a_total{x=\"}b_total\", y!~'c{'}[5m])) / 2.5e3 > 1e9", "a_total"),
        ("a:b:rate5m > 14.4 and on (job) group_left (x) c offset 1d", "a:b:rate5m c"),
        ("histogram_quantile(0.95, sum by (le) (rate(h_bucket[$__rate_interval])))", "h_bucket"),
        ("absent(up{job=\"$job\"}) or vector(1)", "up"),
        ("topk($n, a) unless ignoring (b) group_left c", "a c"),
        ("a{b=\"x\\\"}\"} + on () d # e\n+ f", "a d f"),
        ("", ""),
    ] {
        let found: Vec<String> = metrics(query).into_iter().collect();
        assert_eq!(found.join(" "), names, "{query}");
    }
}

#[test]
fn queries_of_a_dashboard_are_found() {
    let text = r#"{"targets": [{"expr": "sum(a{b=\"c\"})", "x": 1}, {"expr" : "d\n/ e"}], "expr": 7}"#;
    assert_eq!(queries_of_json(text), ["sum(a{b=\"c\"})", "d\n/ e"]);
}
