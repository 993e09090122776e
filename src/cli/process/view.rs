//! How a result looks: JSON for programs, swatches for a terminal, plain lines for everything else.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write;
use std::path::Path;

use huemill_actors::picture_summary::PictureSummary;
use huemill_imaging::{Outcome, Swatch};
use huemill_observability::json_log::is_unprintable;
use serde::Serialize;

use super::failure::Failure;
use super::picture::{Done, Processed};

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// One object a line.
    Json,
    /// A line a colour.
    Plain,
    /// The same with true-colour swatches.
    Colour,
}

/// A result as JSON.
#[derive(Serialize)]
struct Line<'a> {
    success: bool,
    filename: Cow<'a, str>,
    #[serde(flatten)]
    members: PictureSummary,
    social_image: Option<Cow<'a, str>>,
}

/// A failure as JSON.
#[derive(Serialize)]
struct FailedLine<'a> {
    success: bool,
    filename: Cow<'a, str>,
    error_code: &'static str,
    user_message: &'static str,
    detail: String,
}

impl View {
    /// `NO_COLOR` counts where it is set and not empty (no-color.org).
    pub(super) fn choose(json: bool, terminal: bool, no_color: Option<&OsStr>) -> Self {
        let colour = terminal && no_color.is_none_or(OsStr::is_empty);
        match (json, colour) {
            (true, _) => Self::Json,
            (false, true) => Self::Colour,
            (false, false) => Self::Plain,
        }
    }

    /// What stdout shows of a file; of a failure, JSON alone shows something there.
    pub(super) fn text(self, file: &Path, done: &Done) -> String {
        match (self, done) {
            (Self::Json, Ok(processed)) => json_line(&Line {
                success: true,
                filename: file.to_string_lossy(),
                members: PictureSummary::from(&processed.outcome),
                social_image: processed.card.as_ref().map(|card| card.to_string_lossy()),
            }),
            (Self::Json, Err(failure)) => json_line(&failed(file, failure)),
            (_, Ok(processed)) => self.lines(file, processed),
            (_, Err(_)) => String::new(),
        }
    }

    fn lines(self, file: &Path, processed: &Processed) -> String {
        let Outcome { source, palette, crop, .. } = &processed.outcome;
        let name = printable(&file.to_string_lossy()).into_owned();
        let mut text = format!("{name}  {} x {} {}\n", source.width, source.height, source.format);
        for swatch in palette {
            text.push_str("  ");
            self.swatch(&mut text, swatch);
            let share = swatch.share * 100.0;
            let derived = if swatch.derived { " (derived)" } else { "" };
            // A string takes whatever is written.
            let _ = writeln!(text, " {share:5.1} %  {}{derived}", swatch.name);
        }
        let _ = writeln!(text, "  crop {} x {} at {}, {}", crop.width, crop.height, crop.x, crop.y);
        if let Some(card) = &processed.card {
            let _ = writeln!(text, "  card {}", printable(&card.to_string_lossy()));
        }
        text
    }

    fn swatch(self, text: &mut String, swatch: &Swatch) {
        let [r, g, b] = swatch.rgb;
        let hex = format!("#{r:02x}{g:02x}{b:02x}");
        if self == Self::Colour {
            let ink = if swatch.dark_text { 0 } else { 255 };
            let _ = write!(text, "\x1b[48;2;{r};{g};{b}m\x1b[38;2;{ink};{ink};{ink}m {hex} \x1b[0m");
        } else {
            text.push_str(&hex);
        }
    }
}

fn failed<'a>(file: &'a Path, failure: &Failure) -> FailedLine<'a> {
    let code = failure.code();
    FailedLine {
        success: false,
        filename: file.to_string_lossy(),
        error_code: code.as_str(),
        user_message: code.message(),
        detail: failure.to_string(),
    }
}

fn json_line(value: &impl Serialize) -> String {
    // Strings, numbers and lists with string keys: nothing that JSON cannot say.
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    line
}

/// The text on one line, unable to steer a terminal: a file's name may hold anything.
pub(in crate::cli) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unprintable(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_whose_user_wants_it() {
        let no_color = Some(OsStr::new("1"));
        assert_eq!(View::choose(false, true, None), View::Colour);
        assert_eq!(View::choose(false, true, Some(OsStr::new(""))), View::Colour);
        assert_eq!(View::choose(false, true, no_color), View::Plain);
        assert_eq!(View::choose(false, false, None), View::Plain);
        assert_eq!(View::choose(true, true, None), View::Json);
    }

    #[test]
    fn a_swatch_shows_its_colour_under_readable_text() {
        let swatch = Swatch {
            rgb: [10, 27, 44],
            oklch: [0.2, 0.05, 250.0],
            share: 0.5,
            name: "black",
            dark_text: false,
            derived: false,
        };
        let (mut colour, mut plain) = (String::new(), String::new());
        View::Colour.swatch(&mut colour, &swatch);
        View::Plain.swatch(&mut plain, &swatch);
        assert_eq!(colour, "\x1b[48;2;10;27;44m\x1b[38;2;255;255;255m #0a1b2c \x1b[0m");
        assert_eq!(plain, "#0a1b2c");
    }

    #[test]
    fn names_cannot_steer_a_terminal() {
        assert_eq!(printable("plain é 世.png"), "plain é 世.png");
        assert_eq!(printable("a\n\u{1b}[2J\u{202e}gpj.png"), "a\\n\\u{1b}[2J\\u{202e}gpj.png");
    }
}
