//! Time that runs faster: every duration in a rules or routes file, divided by one factor.

/// How much faster.
pub const FACTOR: u64 = 100;

/// The text with its windows (`[5m]`) and the durations behind these keys scaled.
pub fn scaled(text: &str, keys: &[&str]) -> String {
    text.lines().map(|line| windows(&behind_a_key(line, keys)) + "\n").collect()
}

fn behind_a_key(line: &str, keys: &[&str]) -> String {
    let Some((key, value)) = line.split_once(": ") else { return line.to_owned() };
    let name = key.trim().trim_start_matches("- ");
    match millis(value.trim()).filter(|_| keys.contains(&name)) {
        Some(millis) => format!("{key}: {}ms", millis / FACTOR),
        None => line.to_owned(),
    }
}

fn windows(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once('[') {
        text.push_str(before);
        let (inside, after) = behind.split_once(']').unwrap_or((behind, ""));
        let window = millis(inside).map_or(inside.to_owned(), |millis| format!("{}ms", millis / FACTOR));
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
    assert_eq!(scaled(text, &["for", "group_wait"]), fast);
}
