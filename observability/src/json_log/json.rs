//! JSON strings for log lines.
//!
//! The escaping is strict: no text can end its line, leave its string or control a terminal.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Appends `text` as a JSON string, including the quotes.
pub(super) fn string(out: &mut String, text: &str) {
    out.push('"');
    escape(out, text);
    out.push('"');
}

/// A writer that appends escaped text to a JSON string, so that formatting needs no buffer of its own.
pub(super) struct Escaped<'a>(pub(super) &'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

fn escape(out: &mut String, text: &str) {
    let mut plain = 0;
    for (at, c) in text.char_indices().filter(|(_, c)| needs_escape(*c)) {
        out.push_str(&text[plain..at]);
        plain = at + c.len_utf8();
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // All others lie below U+10000, so each needs one escape. Writing to a string cannot fail.
            other => {
                let _ = write!(out, "\\u{:04x}", u32::from(other));
            }
        }
    }
    out.push_str(&text[plain..]);
}

fn needs_escape(c: char) -> bool {
    matches!(c, '"' | '\\') || is_unprintable(c)
}

/// Whether a character is unsafe to print: control characters, which a terminal may obey; line separators (U+0085,
/// U+2028, U+2029); bidirectional controls, which reorder the text that follows; and the byte order mark.
#[must_use]
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
        )
}

/// Escapes unprintable characters, such as line breaks and control characters, for text that is not JSON.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
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

    fn json(text: &str) -> String {
        let mut out = String::new();
        string(&mut out, text);
        out
    }

    #[test]
    fn plain_text_is_not_changed() {
        assert_eq!(json("Grüße, 世界 🎨"), "\"Grüße, 世界 🎨\"");
        assert_eq!(json(""), "\"\"");
    }

    #[test]
    fn quotes_control_characters_line_separators_and_bidi_controls_are_escaped() {
        assert_eq!(json("a\"b\\c"), r#""a\"b\\c""#);
        assert_eq!(json("\n\r\t\0\u{1b}[2J"), r#""\n\r\t\u0000\u001b[2J""#);
        assert_eq!(json("\u{7f}\u{85}\u{9b}\u{2028}\u{2029}"), r#""\u007f\u0085\u009b\u2028\u2029""#);
        assert_eq!(json("gpj.\u{202e}png"), r#""gpj.\u202epng""#);
    }

    #[test]
    fn printable_escapes_control_characters() {
        assert_eq!(printable("plain é 世.png"), "plain é 世.png");
        assert_eq!(printable("a\n\u{1b}[2J\u{202e}gpj.png"), "a\\n\\u{1b}[2J\\u{202e}gpj.png");
    }

    #[test]
    fn text_formatted_in_pieces_is_escaped_the_same_way() {
        let mut out = String::new();
        let (plain, quoted) = ("a\n", "b\"");
        write!(Escaped(&mut out), "{plain}-{quoted:?}").unwrap();
        assert_eq!(out, r#"a\n-\"b\\\"\""#);
    }
}
