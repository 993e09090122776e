//! What every command writes to the terminal: lines on standard output, errors on standard error, exit codes.
//!
//! Text from outside (file names, answers of the service) is escaped, so that it cannot control the terminal.

use std::borrow::Cow;
use std::io::{self, Write};

use huemill_observability::json_log::is_unprintable;

/// Exit code for settings or arguments that cannot be used (`EX_CONFIG` of sysexits.h).
pub(super) const EXIT_CONFIG: u8 = 78;

/// Exit code for arguments that cannot be used together; clap uses the same one.
pub(super) const EXIT_USAGE: u8 = 2;

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

/// Escapes line breaks and control characters.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unprintable(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_escapes_control_characters() {
        assert_eq!(printable("plain é 世.png"), "plain é 世.png");
        assert_eq!(printable("a\n\u{1b}[2J\u{202e}gpj.png"), "a\\n\\u{1b}[2J\\u{202e}gpj.png");
    }
}
