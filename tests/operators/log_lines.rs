//! Checks every line of the log: it is one JSON object with its keys in the documented order, its event and level are in
//! the table of events, and its timestamp is the service's own.

use std::collections::BTreeSet;

use huemill_observability::events;
use serde_json::Value;

use super::ordered::Line;

/// The keys of `http_request`, which come first in every line that has them.
const REQUEST_KEYS: [&str; 9] = [
    "request_id",
    "endpoint",
    "method",
    "status_code",
    "duration_ms",
    "success",
    "error_code",
    "bytes_in",
    "bytes_out",
];

/// The event name of lines that libraries log.
const LIBRARY: &str = "log";

/// Checks every line and returns the names of the events. The service itself must have written the first and the last
/// line.
#[track_caller]
pub fn assert_in_order(lines: &[String]) -> BTreeSet<String> {
    let stamp =
        |line: &String| serde_json::from_str::<Value>(line).unwrap()["ts"].as_str().unwrap().to_owned();
    let (first, last) = (stamp(&lines[0]), stamp(lines.last().unwrap()));
    let mut names = BTreeSet::new();
    for text in lines {
        let line: Line = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"));
        let problem = problem(&line, &first, &last);
        assert_eq!(problem, None, "{text}");
        names.insert(line.get("event").as_str().unwrap().to_owned());
    }
    names
}

/// Returns what is wrong with a line, if anything.
fn problem(line: &Line, first: &str, last: &str) -> Option<String> {
    let keys = line.keys();
    if keys.iter().collect::<BTreeSet<_>>().len() != keys.len() {
        return Some("a duplicate key".into());
    }
    let Some(["ts", "level", "event"]) = keys.get(..3) else {
        return Some("the first keys are wrong".into());
    };
    let (ts, level, event) = (text(line, "ts"), text(line, "level"), text(line, "event"));
    let shape: String = ts.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    if shape != "0000-00-00T00:00:00.000000Z" || ![&first[..10], &last[..10]].contains(&&ts[..10]) {
        return Some(format!("a timestamp of another day: {ts}"));
    }
    let rest = &keys[3..];
    let leading = rest.iter().take_while(|key| REQUEST_KEYS.contains(key)).count();
    let (requests, rest) = rest.split_at(leading);
    if !requests.is_sorted_by_key(|key| REQUEST_KEYS.iter().position(|known| known == key)) {
        return Some("the request's keys are out of order".into());
    }
    if event == events::HTTP_REQUEST.name && requests != REQUEST_KEYS {
        return Some("a request lacks some of its keys".into());
    }
    let rest = rest.strip_suffix(&["trace_id"]).unwrap_or(rest);
    if event == LIBRARY {
        return (rest.first() != Some(&"target")).then(|| "a library's line has no target".into());
    }
    let row =
        events::NAMED.iter().find(|(_, row)| row.name == event && row.level.as_str().to_lowercase() == level);
    let Some((_, row)) = row else { return Some(format!("the table has no event {event} at level {level}")) };
    let places: Vec<_> = rest.iter().map(|key| row.fields.iter().position(|field| field == key)).collect();
    (places.contains(&None) || !places.is_sorted())
        .then(|| format!("the fields are not as in the table: {rest:?}"))
}

fn text<'a>(line: &'a Line, key: &str) -> &'a str {
    line.get(key).as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem_of(line: &str) -> Option<String> {
        let line: Line = serde_json::from_str(line).unwrap();
        problem(&line, "2025-09-23T23:59:00.000001Z", "2025-09-24T00:01:00.000001Z")
    }

    #[test]
    fn a_line_that_differs_from_the_documentation_is_found() {
        let right = r#"{"ts":"2025-09-23T12:10:00.000001Z","level":"info","event":"log_filter_changed","filter":"x"}"#;
        assert_eq!(problem_of(right), None);
        for (from, to, what) in [
            (
                "{\"ts\":\"2025-09-23T12:10:00.000001Z\",\"level\":\"info\"",
                "{\"level\":\"info\"",
                "first keys",
            ),
            ("2025-09-23T12:10", "1999-09-23T12:10", "timestamp"),
            ("2025-09-23T12:10", "2025-09-25T12:10", "timestamp"),
            ("12:10:00.000001Z", "12:10:00Z", "timestamp"),
            ("\"info\"", "\"error\"", "no event"),
            ("log_filter_changed", "forged", "no event"),
            ("\"filter\":\"x\"", "\"filter\":\"x\",\"filter\":\"y\"", "duplicate"),
            ("\"filter\":\"x\"", "\"filter\":\"x\",\"other\":1", "not as in the table"),
            ("log_filter_changed\",\"filter\":\"x\"", "log\",\"message\":\"x\"", "target"),
            ("log_filter_changed\",\"filter\":\"x\"", "http_request\",\"request_id\":\"x\"", "lacks some"),
            (
                "log_filter_changed\",",
                "log_filter_changed\",\"endpoint\":1,\"request_id\":2,",
                "out of order",
            ),
        ] {
            let wrong = problem_of(&right.replace(from, to)).unwrap_or_default();
            assert!(wrong.contains(what), "{to}: {wrong}");
        }
    }
}
