//! The result of a file for a terminal with true colours: its palette and its roles as swatches in two columns, and both
//! schemes as specimens. No line that we write is wider than 80 columns, apart from paths.

use std::fmt::Write;
use std::path::Path;

use huemill_imaging::{Outcome, SchemeColors, Swatch};

use super::plain_text::{Details, place};
use crate::cli::file_processor::ProcessedFile;
use crate::cli::terminal::printable;

/// Width of the names of things at the left.
const LABEL_WIDTH: usize = 8;

/// Width of a colour's name in the palette and in the roles, which have two columns each.
const COLOR_WIDTH: usize = 18;
const ROLE_WIDTH: usize = 16;

/// The colours of a role that nothing has.
const FAINT: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";
const RESET: &str = "\x1b[0m";

/// The lines of a file, its name first and an empty one last.
pub(super) fn lines(file: &Path, processed: &ProcessedFile, details: Details<'_>) -> String {
    let Outcome { source, palette, summary, crop, subject, faces, .. } = &processed.outcome;
    let name = printable(&file.to_string_lossy()).into_owned();
    let mut text = format!("{BOLD}{name}{RESET}  {} x {} {}\n", source.width, source.height, source.format);
    columns(&mut text, palette.iter().map(color));
    text.push('\n');
    columns(&mut text, summary.roles.by_name().into_iter().map(|(name, swatch)| role(name, swatch)));
    text.push('\n');
    let part = f64::from(crop.width) * f64::from(crop.height)
        / (f64::from(source.width) * f64::from(source.height)).max(1.0);
    let found = match faces.len() {
        0 => String::new(),
        1 => "  1 face".to_owned(),
        count => format!("  {count} faces"),
    };
    let mut line = |label: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {label:LABEL_WIDTH$}{value}");
    };
    line(
        "crop",
        &format!("{}  {}, {:.0} % of the picture", place(crop.rect()), details.aspect, part * 100.0),
    );
    line("subject", &format!("{}{found}", place(*subject)));
    line("light", &specimen(&summary.scheme.light));
    line("dark", &specimen(&summary.scheme.dark));
    if let Some(sheet) = details.sheet {
        line("sheet", &format!("{}, number {}", printable(&sheet.path.to_string_lossy()), sheet.number));
    }
    if let Some(card) = &processed.card {
        line("card", &printable(&card.to_string_lossy()));
    }
    text.push('\n');
    text
}

/// Writes two cells a line.
fn columns(text: &mut String, cells: impl Iterator<Item = String>) {
    for (at, cell) in cells.enumerate() {
        let end = if at % 2 == 0 { "" } else { "\n" };
        // Writing to a string cannot fail.
        let _ = write!(text, "  {cell}{end}");
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
}

fn color(swatch: &Swatch) -> String {
    let derived = if swatch.derived { "+ " } else { "" };
    let name = fitted(&format!("{derived}{}", swatch.name), COLOR_WIDTH);
    format!("{} {:5.1} %  {name}", chip(swatch), swatch.share * 100.0)
}

fn role(name: &str, swatch: Option<&Swatch>) -> String {
    match swatch {
        Some(swatch) => format!("{} {name:<10} {}", chip(swatch), fitted(swatch.name, ROLE_WIDTH)),
        None => format!("{FAINT}    –     {name:<10} {}{RESET}", fitted("none", ROLE_WIDTH)),
    }
}

/// The hexadecimal value on its colour, in black or white.
fn chip(swatch: &Swatch) -> String {
    let ink = if swatch.dark_text { [0; 3] } else { [255; 3] };
    painted(swatch.rgb, ink, &format!(" {} ", swatch.hex()))
}

/// A theme as it looks: text on its background and on its surface, a button, and the accent.
fn specimen(colors: &SchemeColors) -> String {
    [
        painted(colors.background, colors.text, "  Text on background  "),
        painted(colors.surface, colors.text, "  on surface  "),
        painted(colors.surface, colors.primary, " Link "),
        painted(colors.primary, colors.on_primary, "  Button  "),
        painted(colors.surface, colors.accent, "  Accent  "),
    ]
    .concat()
}

fn painted([r, g, b]: [u8; 3], [ir, ig, ib]: [u8; 3], text: &str) -> String {
    format!("\x1b[48;2;{r};{g};{b}m\x1b[38;2;{ir};{ig};{ib}m{text}{RESET}")
}

/// The text at exactly this width.
fn fitted(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return format!("{text:<width$}");
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWATCH: Swatch = Swatch {
        rgb: [10, 27, 44],
        oklch: [0.2, 0.05, 250.0],
        share: 0.5,
        name: "black",
        dark_text: false,
        derived: false,
    };

    /// The text without escapes.
    fn bare(text: &str) -> String {
        let mut parts = text.split('\x1b');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |bare, part| bare + part.split_once('m').map_or("", |(_, rest)| rest))
    }

    #[test]
    fn a_swatch_shows_readable_text_on_its_colour() {
        assert_eq!(chip(&SWATCH), "\x1b[48;2;10;27;44m\x1b[38;2;255;255;255m #0a1b2c \x1b[0m");
    }

    #[test]
    fn two_columns_fit_into_80() {
        let long = Swatch { name: "a very long name of a colour", derived: true, ..SWATCH };
        for cells in [[color(&long), color(&SWATCH)], [role("background", Some(&long)), role("text", None)]] {
            let mut text = String::new();
            columns(&mut text, cells.into_iter());
            let bare = bare(&text);
            assert!(bare.lines().count() == 1 && bare.trim_end().chars().count() <= 80, "{bare}");
        }
    }

    #[test]
    fn an_odd_cell_ends_its_line() {
        let mut text = String::new();
        columns(&mut text, ["a", "b", "c"].map(str::to_owned).into_iter());
        assert_eq!(text, "  a  b\n  c\n");
    }
}
