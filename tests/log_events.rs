//! Checks every `log!` in the sources against the table of events: no call writes a field without documentation, and no
//! row of the table is unused.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use huemill_observability::events;

/// A call of `log!`: its constant and the names of its fields.
struct LogCall {
    constant: String,
    fields: Vec<String>,
}

fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// The arguments of a call: the text up to the closing bracket, split at the commas outside of nested brackets.
fn arguments(text: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut escaped, mut start) = (0_u32, false, false, 0);
    let mut arguments = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => {
                arguments.push(text[start..at].trim());
                break;
            }
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                arguments.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    arguments.retain(|argument| !argument.is_empty());
    arguments
}

fn calls() -> Vec<LogCall> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for folder in ["src", "actors/src", "observability/src"] {
        sources(&root.join(folder), &mut texts);
    }
    let code = |text: &String| {
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    let texts: Vec<String> = texts.iter().map(code).collect();
    let mut calls = Vec::new();
    for call in texts.iter().flat_map(|text| text.split("log!(").skip(1)) {
        let mut arguments = arguments(call).into_iter();
        let constant = arguments.next().expect("an event").to_owned();
        let name = |argument: &str| {
            let name = argument.split('=').next().unwrap_or_default().trim().trim_start_matches(['%', '?']);
            name.to_owned()
        };
        let fields = arguments.filter(|argument| !argument.starts_with('"')).map(name).collect();
        calls.push(LogCall { constant, fields });
    }
    calls
}

#[test]
fn every_logged_field_is_in_the_table() {
    let calls = calls();
    assert!(calls.len() >= 10, "only {} calls were found", calls.len());
    for LogCall { constant, fields } in calls {
        let (_, row) = events::NAMED
            .iter()
            .find(|(name, _)| *name == constant)
            .unwrap_or_else(|| panic!("log!({constant}) has no row"));
        for field in fields {
            assert!(row.fields.contains(&field.as_str()), "log!({constant}) writes {field}");
        }
    }
}

#[test]
fn every_event_of_the_table_is_logged_somewhere() {
    let written: BTreeSet<String> = calls().into_iter().map(|call| call.constant).collect();
    let documented: BTreeSet<String> = events::NAMED.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(written, documented);
}
