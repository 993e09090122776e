//! What every command shares: it loads the settings, prints lines and tables on standard output and errors on standard
//! error, and ends with an exit code. It alone decides whether output is coloured and whether a progress bar is shown.
//!
//! Text from outside (file names, answers of the service) is escaped, so that it cannot control the terminal.

use std::borrow::Cow;
use std::error::Error;
use std::ffi::OsString;
use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal, Write as _};
use std::path::Path;
use std::process::{ExitCode, Termination};

use clap::ColorChoice;
use huemill_observability::json_log::is_unprintable;
pub(super) use huemill_observability::json_log::printable;

use crate::settings::{Environment, Problems, Settings};

/// Exit code for settings or arguments that cannot be used (`EX_CONFIG` of sysexits.h).
pub(super) const EXIT_CONFIG: u8 = 78;

/// The exit code where a signal ended the process before its work was done: 128 and the number of SIGINT.
pub(super) const EXIT_INTERRUPTED: u8 = 130;

/// Exit code for arguments that cannot be used together; clap uses the same one.
pub(super) const EXIT_USAGE: u8 = 2;

/// Runs a command in an actix system. An error is printed and gives exit code 1, or that of settings that are not valid.
pub(super) fn block_on<T: Termination, E: Error + 'static>(
    command: impl Future<Output = Result<T, E>>,
) -> ExitCode {
    match actix_web::rt::System::new().block_on(command) {
        Ok(done) => done.report(),
        Err(error) => match cause::<Problems>(&error) {
            Some(problems) => report_settings(problems),
            None => fail(error),
        },
    }
}

/// The first error of this type among an error and its causes.
fn cause<'a, C: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a C> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

/// Prints a line for each problem of the settings, and returns the exit code.
fn report_settings(problems: &Problems) -> ExitCode {
    problems.to_string().lines().for_each(eprint_line);
    ExitCode::from(EXIT_CONFIG)
}

/// Prints an error and returns exit code 1.
pub(super) fn fail(error: impl Display) -> ExitCode {
    eprint_line(&error.to_string());
    ExitCode::FAILURE
}

/// Runs a command with the settings. If they are not valid, prints one line for each problem.
pub(super) fn with_settings(file: Option<&Path>, command: impl FnOnce(&Settings) -> ExitCode) -> ExitCode {
    match Settings::load(file, &Environment::of_process()) {
        Ok(settings) => command(&settings),
        Err(problems) => report_settings(&problems),
    }
}

/// Prints what is wrong with the settings, without the program's name in front, and returns the exit code.
pub(super) fn refuse_settings(problems: &Problems) -> ExitCode {
    for line in problems.to_string().lines() {
        // There is nowhere left to report that stderr is closed.
        let _ = writeln!(io::stderr(), "{}", printable(line));
    }
    ExitCode::from(EXIT_CONFIG)
}

/// Escapes in JSON what [`printable`] escapes in other text. The JSON stays valid and means the same.
pub(super) fn printable_json(json: String) -> String {
    // Outside of strings JSON is ASCII, and serializers escape the control characters of ASCII but for the last.
    let is_raw = |c: char| c >= '\u{7f}' && is_unprintable(c);
    if !json.contains(is_raw) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        if is_raw(c) {
            // All of them lie below U+10000. Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Prints a line of JSON on standard output.
pub(super) fn print_json(json: impl Into<String>) {
    print_line(&printable_json(json.into()));
}

/// Prints a line on standard output. A closed pipe is not an error.
pub(super) fn print_line(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Prints one line on standard error: an error or a message for the user.
pub(super) fn eprint_line(text: &str) {
    // There is nowhere left to report that stderr is closed.
    let _ = writeln!(io::stderr(), "huemill: {}", printable(text));
}

/// Whether output to this stream has colours. It has none if that is not a terminal, if `NO_COLOR` is set and not empty
/// (no-color.org), or if `TERM` is `dumb` or not set.
pub(super) fn has_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && Abilities::of(|name| std::env::var_os(name)).colour
}

/// Whether lines on this stream can be drawn over, as a progress bar does. A terminal with `TERM=dumb` cannot.
pub(super) fn can_redraw(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && Abilities::of(|name| std::env::var_os(name)).redraw
}

/// The same decision for help and errors of the arguments: clap knows which of its outputs is a terminal.
pub(super) fn color_choice() -> ColorChoice {
    let has_colour = Abilities::of(|name| std::env::var_os(name)).colour;
    if has_colour { ColorChoice::Auto } else { ColorChoice::Never }
}

/// What the environment says that a terminal can and may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Abilities {
    colour: bool,
    redraw: bool,
}

impl Abilities {
    fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let redraw = is_set("TERM") && variable("TERM").is_some_and(|term| term != "dumb");
        Self { colour: redraw && !is_set("NO_COLOR"), redraw }
    }
}

/// The longest cell of a table, in characters. A service may send any text, and the width of a column has a limit.
const MAX_CELL: usize = 300;

/// Formats rows as columns. Each column is as wide as its widest cell. Cells that are too long are cut.
pub(super) fn format_table<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<[Cow<'_, str>; N]> = rows.iter().map(|row| row.each_ref().map(|cell| cut(cell))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// A cell, or its beginning if it is too long.
fn cut(cell: &str) -> Cow<'_, str> {
    match cell.char_indices().nth(MAX_CELL) {
        Some(_) => cell.chars().take(MAX_CELL - 1).chain(['…']).collect::<String>().into(),
        None => cell.into(),
    }
}

/// Formats a number of seconds in the largest unit that fits at least once.
pub(super) fn format_duration(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_turns_colours_off_and_a_dumb_terminal_has_neither_colours_nor_bars() {
        let abilities = |term: Option<&str>, no_color: Option<&str>| {
            let Abilities { colour, redraw } = Abilities::of(|name| match name {
                "TERM" => term.map(OsString::from),
                _ => no_color.map(OsString::from),
            });
            (colour, redraw)
        };
        assert_eq!(abilities(Some("xterm-256color"), None), (true, true));
        assert_eq!(abilities(Some("xterm"), Some("")), (true, true));
        assert_eq!(abilities(Some("xterm"), Some("0")), (false, true));
        for term in [Some("dumb"), Some(""), None] {
            assert_eq!(abilities(term, None), (false, false), "{term:?}");
        }
    }

    #[test]
    fn json_cannot_control_the_terminal_and_means_the_same() {
        let name = "a\u{7f}\u{85}\u{9b}2J\u{202e}\u{1b}é 世.png";
        let json = printable_json(serde_json::json!({ "filename": name }).to_string());
        assert_eq!(json, "{\"filename\":\"a\\u007f\\u0085\\u009b2J\\u202e\\u001bé 世.png\"}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["filename"], name);
    }

    #[test]
    fn long_cells_of_a_table_are_cut() {
        let longest = "é".repeat(MAX_CELL);
        let rows = [
            ["a".to_owned(), "x".repeat(70_000), "b".to_owned()],
            [String::new(), longest.clone(), "c".into()],
        ];
        let cut = "x".repeat(MAX_CELL - 1);
        assert_eq!(format_table(&rows), format!("a  {cut}…  b\n   {longest}  c\n"));
    }

    #[test]
    fn durations_have_one_unit() {
        let formatted = [-5, 59, 60, 3_599, 3_600, 172_799, 172_800].map(format_duration);
        assert_eq!(formatted, ["0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 days"]);
    }
}
