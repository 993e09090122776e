//! Makes time run faster: divides every duration in a file of rules or routes by a factor, and lowers the thresholds of
//! jobs to values that a drill can wait for.

/// The factor of drills whose windows are minutes and hours.
pub const HOURS: u64 = 100;

/// The factor of drills whose windows are days: three days become 260 s, six hours 22 s. Windows of minutes are empty
/// then, and their alerts do not fire.
pub const DAYS: u64 = 1_000;

/// Thresholds in seconds of real work, which no factor shortens: the metric, its threshold, and the lower threshold,
/// which is another bucket of the same histogram. Requests (2 s) and webhooks (5 s) keep their thresholds.
const THRESHOLDS: [(&str, &str, &str); 5] = [
    // A job begins later than this, or has waited longer.
    ("queue_latency", "> 60", "> 1"),
    ("queued_age", "> 60", "> 1"),
    ("queue_latency", r#"le=~"60([.]0)?""#, r#"le=~"1([.]0)?""#),
    // A job takes longer than this.
    ("processing_duration", "> 300", "> 1"),
    ("processing_duration", r#"le=~"300([.]0)?""#, r#"le=~"1([.]0)?""#),
];

/// Scales the windows (`[5m]`) of a text and the durations after these keys.
pub fn scaled(text: &str, keys: &[&str], factor: u64) -> String {
    text.lines().map(|line| scaled_windows(&scaled_key(line, keys, factor), factor) + "\n").collect()
}

/// Lowers the thresholds of rules. A threshold is in the line that names its metric, or in the line after it.
pub fn with_lower_thresholds(rules: &str) -> String {
    let mut text = String::new();
    let mut before = "";
    for line in rules.lines() {
        let threshold = THRESHOLDS.iter().find(|(metric, threshold, _)| {
            (line.contains(metric) || before.contains(metric)) && has_threshold(line, threshold)
        });
        match threshold {
            Some((_, old, new)) => text.push_str(&line.replace(old, new)),
            None => text.push_str(line),
        }
        text.push('\n');
        before = line;
    }
    text
}

/// Whether the line has this threshold: a comparison ends its line, a label may be anywhere.
fn has_threshold(line: &str, threshold: &str) -> bool {
    if threshold.starts_with('>') { line.ends_with(threshold) } else { line.contains(threshold) }
}

fn scaled_key(line: &str, keys: &[&str], factor: u64) -> String {
    let Some((key, value)) = line.split_once(": ") else { return line.to_owned() };
    let name = key.trim().trim_start_matches("- ");
    match millis(value.trim()).filter(|_| keys.contains(&name)) {
        Some(millis) => format!("{key}: {}ms", millis / factor),
        None => line.to_owned(),
    }
}

fn scaled_windows(line: &str, factor: u64) -> String {
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

/// Parses a duration of one unit, as rules have them.
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
fn only_windows_and_waits_are_scaled() {
    let text = "    for: 2m\n    expr: rate(a{b=~\"60([.]0)?\"}[5m]) > 60\n    group_wait: 10s\n    annotation: for 5m\n";
    let fast = "    for: 1200ms\n    expr: rate(a{b=~\"60([.]0)?\"}[3000ms]) > 60\n    group_wait: 100ms\n    annotation: for 5m\n";
    assert_eq!(scaled(text, &["for", "group_wait"], 100), fast);
    assert_eq!(scaled("rate(a[3d])\n  for: 1h\n", &["for"], 1_000), "rate(a[259200ms])\n  for: 3600ms\n");
}

#[test]
fn only_the_thresholds_of_jobs_are_lowered() {
    let rules = ["alerts.yml", "slo.yml"]
        .map(|name| super::monitoring_stack::read(&format!("prometheus/rules/{name}")));
    let count = |text: &str, threshold: &str| {
        let expressions = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        expressions.filter(|line| has_threshold(line, threshold)).count()
    };
    let counts = |threshold| rules.each_ref().map(|text| count(text, threshold));
    // These are all thresholds…
    assert_eq!(counts("> 60"), [2, 0]);
    assert_eq!(counts("> 300"), [1, 0]);
    assert_eq!(counts(r#"le=~"60([.]0)?""#), [1, 1]);
    assert_eq!(counts(r#"le=~"300([.]0)?""#), [1, 1]);
    // …and all of them are lowered.
    for (_, old, _) in THRESHOLDS {
        assert!(rules.iter().all(|text| count(&with_lower_thresholds(text), old) == 0), "{old}");
    }
    for (kept, times) in [(r#"le=~"2000([.]0)?""#, 1), (r#"le=~"5([.]0)?""#, 1)] {
        assert_eq!(count(&with_lower_thresholds(&rules[1]), kept), times, "{kept}");
    }
    let lines = |text: &str| text.lines().count();
    assert!(rules.iter().all(|text| lines(text) == lines(&with_lower_thresholds(text))));
}
