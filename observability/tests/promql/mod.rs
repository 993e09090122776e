//! As much of `PromQL` as tells which metrics a query asks for: names that are no function, keyword, label or number.

use std::collections::BTreeSet;

/// Words that stand where a name might.
const KEYWORDS: [&str; 9] = ["and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "start"];

/// Words before a list of labels.
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// The metrics that a query asks for.
pub(crate) fn metrics(query: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '"' | '\'' => after_text(rest, first),
            '{' => after(rest, '}'),
            '[' => after(rest, ']'),
            // A dashboard's variable, or a comment.
            '$' => word(rest[1..].trim_start_matches('{')).1,
            '#' => rest.split_once('\n').map_or("", |(_, rest)| rest),
            first if first.is_ascii_digit() => word(rest).1,
            first if is_part(first) => {
                let (name, more) = word(rest);
                let next = more.trim_start();
                if GROUPINGS.contains(&name) {
                    if next.starts_with('(') { after(next, ')') } else { more }
                } else {
                    // "sum by (job) (…)" is an operator as "sum(…)" is.
                    let operator = next.starts_with('(') || ["by", "without"].contains(&word(next).0);
                    if !operator && !KEYWORDS.contains(&name.to_lowercase().as_str()) {
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

/// The queries of a Grafana dashboard: every member `expr` that is a text.
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

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// The word that a text begins with, and what comes after it.
fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len()))
}

/// What comes behind this end, which may stand in a text on the way.
fn after(text: &str, end: char) -> &str {
    let mut rest = &text[1..];
    loop {
        match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => rest = after_text(rest, quote),
            Some(c) if c == end => return &rest[1..],
            Some(c) => rest = &rest[c.len_utf8()..],
            None => return "",
        }
    }
}

/// What comes behind the text that begins here.
fn after_text(text: &str, quote: char) -> &str {
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
fn a_query_asks_for_these_metrics() {
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
fn a_dashboards_queries_are_found() {
    let text = r#"{"targets": [{"expr": "sum(a{b=\"c\"})", "x": 1}, {"expr" : "d\n/ e"}], "expr": 7}"#;
    assert_eq!(queries_of_json(text), ["sum(a{b=\"c\"})", "d\n/ e"]);
}
