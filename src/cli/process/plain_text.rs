//! The result of a file as plain lines: one fact a line, for pipes and for terminals without colours. Programs read them, so
//! lines may be added, but those that exist keep their form.

use std::fmt::Write;
use std::path::Path;

use huemill_imaging::{Aspect, Outcome, Rect, SchemeColors};

use super::sheets::SheetPlace;
use crate::cli::file_processor::ProcessedFile;
use crate::cli::terminal::printable;

/// What is printed about a file beside its outcome.
#[derive(Debug, Clone, Copy)]
pub(super) struct Details<'a> {
    /// The aspect ratio that the crop was asked to have.
    pub(super) aspect: Aspect,
    /// Its place in a contact sheet.
    pub(super) sheet: Option<&'a SheetPlace>,
}

/// The lines of a file, its name first.
pub(super) fn lines(file: &Path, processed: &ProcessedFile, details: Details<'_>) -> String {
    let Outcome { source, palette, summary, crop, subject, faces, .. } = &processed.outcome;
    let name = printable(&file.to_string_lossy()).into_owned();
    let mut text = format!("{name}  {} x {} {}\n", source.width, source.height, source.format);
    let mut line = |line: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {line}");
    };
    for swatch in palette {
        let share = swatch.share * 100.0;
        let derived = if swatch.derived { " (derived)" } else { "" };
        line(format!("{} {share:5.1} %  {}{derived}", swatch.hex(), swatch.name));
    }
    line(format!("crop {}  {}", place(crop.rect()), details.aspect));
    line(format!("subject {}", place(*subject)));
    for face in faces {
        line(format!("face {}", place(*face)));
    }
    for (role, swatch) in summary.roles.by_name() {
        line(match swatch {
            Some(swatch) => format!("role {role} {}  {}", swatch.hex(), swatch.name),
            None => format!("role {role} none"),
        });
    }
    line(format!("light {}", scheme(&summary.scheme.light)));
    line(format!("dark {}", scheme(&summary.scheme.dark)));
    if let Some(sheet) = details.sheet {
        line(format!("sheet {} number {}", printable(&sheet.path.to_string_lossy()), sheet.number));
    }
    if let Some(card) = &processed.card {
        line(format!("card {}", printable(&card.to_string_lossy())));
    }
    text
}

/// Size and place of a rectangle.
pub(super) fn place(rect: Rect) -> String {
    format!("{} x {} at {}, {}", rect.width, rect.height, rect.x, rect.y)
}

fn scheme(colors: &SchemeColors) -> String {
    let color = |(name, [r, g, b]): (&str, [u8; 3])| format!("{name} #{r:02x}{g:02x}{b:02x}");
    colors.by_name().map(color).join(" ")
}
