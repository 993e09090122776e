//! The log for people at a terminal: turns each line of the JSON log into a readable one.
//!
//! ```text
//! 12:00:00.001 INFO  http_request POST /process 200 15 ms request_id=c298c805 bytes_in=39 bytes_out=79
//! 12:00:00.002 WARN  sqlx::query slow statement elapsed_secs=2.5
//! ```
//!
//! A line has the time (UTC), the level, the event's name (of a library's event its target), its message, and its other
//! fields in the order of the JSON log, without those that are null and without counts of lines that were left out where
//! none was. The JSON log alone decides what is logged, masked,
//! suppressed and left out, so both logs tell the same. Nothing in a line can end it or control the terminal.
//!
//! [`log_writer`](crate::log_writer) puts [`PrettyLines`] in front of standard output. What is not a line of the JSON log
//! passes unchanged; errors are those of the writer behind.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::events;
use crate::json_log::{UNNAMED, printable};

/// Where the time of day is in a timestamp, to the millisecond.
const TIME_OF_DAY: std::ops::Range<usize> = 11..23;

/// Fields that have a place of their own in every line.
const PLACED: [&str; 5] = ["ts", "level", "event", "target", "message"];

/// Fields that are the message of `http_request`. `success` says what the status code says.
const OF_REQUEST: [&str; 5] = ["method", "endpoint", "status_code", "duration_ms", "success"];

/// Counts that say something only if they are not 0, as they are in nearly all lines.
const RARE_COUNTS: [&str; 1] = ["lines_left_out"];

/// Control sequences (ECMA-48, SGR).
const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// A writer that expects whole lines of the JSON log, one a write, and passes readable lines on, one a write.
#[derive(Debug)]
pub struct PrettyLines<W> {
    output: W,
    colour: bool,
}

impl<W: Write> PrettyLines<W> {
    /// Writes to `output`, with the control sequences for colours if `colour` is set.
    pub fn new(output: W, colour: bool) -> Self {
        Self { output, colour }
    }
}

impl<W: Write> Write for PrettyLines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match serde_json::from_slice::<Record>(line) {
            Ok(record) => self.output.write_all(record.line(self.colour).as_bytes())?,
            Err(_) => self.output.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// The members of a line of the JSON log, in their order.
#[derive(Debug)]
struct Record(Vec<(String, Value)>);

impl Record {
    fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn line(&self, colour: bool) -> String {
        let (dim, reset) = if colour { (DIM, RESET) } else { ("", "") };
        let time = self.text("ts").map_or("", |ts| ts.get(TIME_OF_DAY).unwrap_or(ts));
        let level = self.text("level").unwrap_or_default();
        let paint = if colour { paint(level) } else { "" };
        let level = level.to_uppercase();
        let name = self.text("event").unwrap_or_default();
        let is_request = name == events::HTTP_REQUEST.name;
        let name = if name == UNNAMED { self.text("target").unwrap_or(name) } else { name };
        let mut line =
            format!("{dim}{}{reset} {paint}{level:<5}{reset} {}", printable(time), printable(name));
        if is_request {
            self.push_request(&mut line);
        }
        if let Some(message) = self.text("message") {
            line.push(' ');
            line.push_str(&printable(message));
        }
        let is_placed = |name: &str| PLACED.contains(&name) || (is_request && OF_REQUEST.contains(&name));
        let is_empty =
            |name: &str, value: &Value| value.is_null() || (RARE_COUNTS.contains(&name) && *value == 0);
        for (name, value) in self.0.iter().filter(|(name, value)| !is_placed(name) && !is_empty(name, value))
        {
            // Writing to a string cannot fail.
            let _ = write!(line, " {dim}{}={reset}{}", printable(name), Shown(value));
        }
        line.push('\n');
        line
    }

    /// Appends `POST /process 200 15 ms`.
    fn push_request(&self, line: &mut String) {
        for key in ["method", "endpoint", "status_code", "duration_ms"] {
            if let Some(value) = self.get(key).filter(|value| !value.is_null()) {
                let unit = if key == "duration_ms" { " ms" } else { "" };
                // Writing to a string cannot fail.
                let _ = write!(line, " {}{unit}", Shown(value));
            }
        }
    }
}

/// The colour of a level.
fn paint(level: &str) -> &'static str {
    match level {
        "error" => "\x1b[1;31m",
        "warn" => "\x1b[33m",
        "info" => "\x1b[32m",
        _ => "\x1b[36m",
    }
}

/// A value. Text is quoted where it would not be one word.
struct Shown<'a>(&'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Value::String(text) = self.0 else { return f.write_str(&printable(&self.0.to_string())) };
        let is_word = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\\' | '=');
        if !text.is_empty() && text.chars().all(is_word) {
            return f.write_str(&printable(text));
        }
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "\"{}\"", printable(&text))
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Record;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Record(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
