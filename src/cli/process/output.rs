//! Formats the result of a file: JSON for programs, colour swatches for terminals, plain lines for everything else, or the
//! palette alone in the format of another program.

use std::borrow::Cow;
use std::path::Path;

use huemill_actors::picture_summary::PictureSummary;
use huemill_imaging::Export;
use serde::Serialize;

use super::plain_text::{self, Details};
use super::terminal_text;
use crate::cli::file_processor::{FileResult, ProcessedFile};
use crate::cli::terminal::printable_json;

/// The format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputFormat {
    /// One JSON object per line.
    Json,
    /// One fact per line.
    Plain,
    /// Swatches in true colour, in two columns.
    Colour,
    /// The palette alone.
    Palette(Export),
}

/// A result as JSON.
#[derive(Serialize)]
struct ResultLine<'a> {
    success: bool,
    filename: Cow<'a, str>,
    #[serde(flatten)]
    members: PictureSummary,
    social_image: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sheet: Option<SheetMember<'a>>,
}

#[derive(Serialize)]
struct SheetMember<'a> {
    path: Cow<'a, str>,
    number: usize,
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

    /// The bytes for standard output. An error has some there only with JSON.
    pub(super) fn bytes(self, file: &Path, result: &FileResult, details: Details<'_>) -> Vec<u8> {
        match (self, result) {
            (Self::Json, Ok(processed)) => result_line(file, processed, details),
            (Self::Json, Err(error)) => json_line(&ErrorLine {
                success: false,
                filename: file.to_string_lossy(),
                error_code: error.code().as_str(),
                user_message: error.code().message(),
                detail: error.to_string(),
            }),
            (Self::Plain, Ok(processed)) => plain_text::lines(file, processed, details).into_bytes(),
            (Self::Colour, Ok(processed)) => terminal_text::lines(file, processed, details).into_bytes(),
            (Self::Palette(export), Ok(processed)) => export.write(&processed.outcome.palette),
            (_, Err(_)) => Vec::new(),
        }
    }
}

fn result_line(file: &Path, processed: &ProcessedFile, details: Details<'_>) -> Vec<u8> {
    json_line(&ResultLine {
        success: true,
        filename: file.to_string_lossy(),
        members: PictureSummary::from(&processed.outcome),
        social_image: processed.card.as_ref().map(|card| card.to_string_lossy()),
        sheet: details
            .sheet
            .map(|place| SheetMember { path: place.path.to_string_lossy(), number: place.number }),
    })
}

fn json_line(value: &impl Serialize) -> Vec<u8> {
    // These types always serialize to JSON.
    let mut line = printable_json(serde_json::to_string(value).unwrap_or_default());
    line.push('\n');
    line.into_bytes()
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
}
