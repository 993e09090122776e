//! Time that runs faster: every duration in a rules or routes file divided by one factor, and the marks that jobs are
//! measured by moved to an edge that a drill can wait for.

/// How much faster a town's time runs whose drill has windows of minutes and hours.
pub const HOURS: u64 = 100;

/// How much faster where the windows are days: three of them are 260 s, six hours 22 s. Windows of minutes are empty
/// then, and their alerts silent.
pub const DAYS: u64 = 1_000;

/// Marks in seconds of real work, which no factor shortens: the rules' line, where it stands in them, and what becomes
/// of it. The new mark is another edge of the same histogram. Requests (2 s) and webhooks (5 s) keep theirs.
const MARKS: [(&str, &str, &str); 5] = [
    // A job begins later than that, or has waited longer.
    ("queue_latency", "> 60", "> 1"),
    ("queued_age", "> 60", "> 1"),
    ("queue_latency", r#"le=~"60([.]0)?""#, r#"le=~"1([.]0)?""#),
    // A job takes longer than that.
    ("processing_duration", "> 300", "> 1"),
    ("processing_duration", r#"le=~"300([.]0)?""#, r#"le=~"1([.]0)?""#),
];

/// The text with its windows (`[5m]`) and the durations behind these keys scaled.
pub fn scaled(text: &str, keys: &[&str], factor: u64) -> String {
    text.lines().map(|line| windows(&behind_a_key(line, keys, factor), factor) + "\n").collect()
}

/// The rules with their marks moved. A mark stands in the line that names its metric, or in the line after that.
pub fn marked(rules: &str) -> String {
    let mut text = String::new();
    let mut before = "";
    for line in rules.lines() {
        let mark = MARKS.iter().find(|(metric, mark, _)| {
            (line.contains(metric) || before.contains(metric)) && ends_or_holds(line, mark)
        });
        match mark {
            Some((_, old, new)) => text.push_str(&line.replace(old, new)),
            None => text.push_str(line),
        }
        text.push('\n');
        before = line;
    }
    text
}

/// A comparison ends its line; a label stands anywhere.
fn ends_or_holds(line: &str, mark: &str) -> bool {
    if mark.starts_with('>') { line.ends_with(mark) } else { line.contains(mark) }
}

fn behind_a_key(line: &str, keys: &[&str], factor: u64) -> String {
    let Some((key, value)) = line.split_once(": ") else { return line.to_owned() };
    let name = key.trim().trim_start_matches("- ");
    match millis(value.trim()).filter(|_| keys.contains(&name)) {
        Some(millis) => format!("{key}: {}ms", millis / factor),
        None => line.to_owned(),
    }
}

fn windows(line: &str, factor: u64) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('[') {
        text.push_str(before);
        let (inside, after) = behind.split_once(']').unwrap_or((behind, ""));
        let window = millis(inside).map_or(inside.to_owned(), |millis| format!("{}ms", millis / factor));
        text.extend(["[", &window, "]"]);
        rest = after;
    }
    text + rest
}

/// A duration of one unit, as rules have them.
fn millis(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(number * unit)
}

#[test]
fn windows_and_waits_are_scaled_and_nothing_else() {
    let text = "    for: 2m\n    expr: rate(a{b=~\"60([.]0)?\"}[5m]) > 60\n    group_wait: 10s\n    annotation: for 5m\n";
    let fast = "    for: 1200ms\n    expr: rate(a{b=~\"60([.]0)?\"}[3000ms]) > 60\n    group_wait: 100ms\n    annotation: for 5m\n";
    assert_eq!(scaled(text, &["for", "group_wait"], 100), fast);
    assert_eq!(scaled("rate(a[3d])\n  for: 1h\n", &["for"], 1_000), "rate(a[259200ms])\n  for: 3600ms\n");
}

#[test]
fn marks_of_jobs_move_wherever_they_stand_and_no_other_does() {
    let rules = ["alerts.yml", "slo.yml"].map(|name| super::town::read(&format!("prometheus/rules/{name}")));
    let moved = |text: &str, mark: &str| {
        let expressions = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        expressions.filter(|line| ends_or_holds(line, mark)).count()
    };
    let counts = |mark| rules.each_ref().map(|text| moved(text, mark));
    // All that there are…
    assert_eq!(counts("> 60"), [2, 0]);
    assert_eq!(counts("> 300"), [1, 0]);
    assert_eq!(counts(r#"le=~"60([.]0)?""#), [1, 1]);
    assert_eq!(counts(r#"le=~"300([.]0)?""#), [1, 1]);
    // …and none is left.
    for (_, old, _) in MARKS {
        assert!(rules.iter().all(|text| moved(&marked(text), old) == 0), "{old}");
    }
    for (kept, times) in [(r#"le=~"2000([.]0)?""#, 1), (r#"le=~"5([.]0)?""#, 1)] {
        assert_eq!(moved(&marked(&rules[1]), kept), times, "{kept}");
    }
    let lines = |text: &str| text.lines().count();
    assert!(rules.iter().all(|text| lines(text) == lines(&marked(text))));
}
