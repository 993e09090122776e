//! Formats the result of a file: JSON for programs, colour swatches for terminals, plain lines for everything else.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

use huemill_actors::picture_summary::PictureSummary;
use huemill_imaging::{Outcome, Swatch};
use serde::Serialize;

use super::picture::{FileResult, ProcessedFile};
use crate::cli::terminal::printable;

/// The format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputFormat {
    /// One JSON object per line.
    Json,
    /// One line for each colour.
    Plain,
    /// One line for each colour, with a true-colour swatch.
    Colour,
}

/// A result as JSON.
#[derive(Serialize)]
struct ResultLine<'a> {
    success: bool,
    filename: Cow<'a, str>,
    #[serde(flatten)]
    members: PictureSummary,
    social_image: Option<Cow<'a, str>>,
}

/// An error as JSON.
#[derive(Serialize)]
struct ErrorLine<'a> {
    success: bool,
    filename: Cow<'a, str>,
    error_code: &'static str,
    user_message: &'static str,
    detail: String,
}

impl OutputFormat {
    /// The format for an output that has colours or not.
    pub(super) fn choose(json: bool, colour: bool) -> Self {
        match (json, colour) {
            (true, _) => Self::Json,
            (false, true) => Self::Colour,
            (false, false) => Self::Plain,
        }
    }

    /// The text for standard output. An error has text there only with JSON.
    pub(super) fn text(self, file: &Path, result: &FileResult) -> String {
        match (self, result) {
            (Self::Json, Ok(processed)) => json_line(&ResultLine {
                success: true,
                filename: file.to_string_lossy(),
                members: PictureSummary::from(&processed.outcome),
                social_image: processed.card.as_ref().map(|card| card.to_string_lossy()),
            }),
            (Self::Json, Err(error)) => json_line(&ErrorLine {
                success: false,
                filename: file.to_string_lossy(),
                error_code: error.code().as_str(),
                user_message: error.code().message(),
                detail: error.to_string(),
            }),
            (_, Ok(processed)) => self.lines(file, processed),
            (_, Err(_)) => String::new(),
        }
    }

    fn lines(self, file: &Path, processed: &ProcessedFile) -> String {
        let Outcome { source, palette, crop, .. } = &processed.outcome;
        let name = printable(&file.to_string_lossy()).into_owned();
        let mut text = format!("{name}  {} x {} {}\n", source.width, source.height, source.format);
        for swatch in palette {
            text.push_str("  ");
            self.swatch(&mut text, swatch);
            let share = swatch.share * 100.0;
            let derived = if swatch.derived { " (derived)" } else { "" };
            // Writing to a string cannot fail.
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

fn json_line(value: &impl Serialize) -> String {
    // These types always serialize to JSON.
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_no_colours() {
        assert_eq!(OutputFormat::choose(false, true), OutputFormat::Colour);
        assert_eq!(OutputFormat::choose(false, false), OutputFormat::Plain);
        assert_eq!(OutputFormat::choose(true, true), OutputFormat::Json);
    }

    #[test]
    fn a_swatch_shows_readable_text_on_its_colour() {
        let swatch = Swatch {
            rgb: [10, 27, 44],
            oklch: [0.2, 0.05, 250.0],
            share: 0.5,
            name: "black",
            dark_text: false,
            derived: false,
        };
        let (mut colour, mut plain) = (String::new(), String::new());
        OutputFormat::Colour.swatch(&mut colour, &swatch);
        OutputFormat::Plain.swatch(&mut plain, &swatch);
        assert_eq!(colour, "\x1b[48;2;10;27;44m\x1b[38;2;255;255;255m #0a1b2c \x1b[0m");
        assert_eq!(plain, "#0a1b2c");
    }
}
