//! Writes a palette in the formats of other programs. Code that sends responses or writes files calls it. It cannot fail,
//! and the same palette always gives the same bytes.
//!
//! A file contains the colours by name. Formats that have a place for them also contain the roles and both schemes (see
//! [`Roles`] and [`Scheme`]), which are computed from the palette.

mod entries;
mod json;
mod stylesheets;
mod svg;
mod swatch_files;

use std::str::FromStr;

use crate::{Roles, Scheme, Swatch};
use entries::Entries;

/// A format in which a palette can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Export {
    /// Custom properties of CSS.
    Css,
    /// Variables and maps of Sass, in its SCSS syntax.
    Scss,
    /// Plain JSON.
    Json,
    /// Design tokens (Design Tokens Format Module 2025.10).
    Tokens,
    /// Theme variables of Tailwind CSS 4.
    Tailwind,
    /// Adobe Swatch Exchange.
    Ase,
    /// Palette of GIMP, which Inkscape and Krita read too.
    Gpl,
    /// A picture: a strip whose parts are as wide as the colours' shares.
    Svg,
}

impl Export {
    /// All formats.
    pub const ALL: [Self; 8] =
        [Self::Css, Self::Scss, Self::Json, Self::Tokens, Self::Tailwind, Self::Ase, Self::Gpl, Self::Svg];

    /// The file name extension, without a dot. Requests use it as the name of the format.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Css => "css",
            Self::Scss => "scss",
            Self::Json => "json",
            Self::Tokens => "tokens.json",
            Self::Tailwind => "tailwind.css",
            Self::Ase => "ase",
            Self::Gpl => "gpl",
            Self::Svg => "svg",
        }
    }

    /// A short name without a dot, for people who type it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Tailwind => "tailwind",
            other => other.extension(),
        }
    }

    /// The media type of the file. Those of SCSS, ASE and GIMP are not registered.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Css | Self::Tailwind => "text/css; charset=utf-8",
            Self::Scss | Self::Gpl => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Tokens => "application/design-tokens+json",
            Self::Ase => "application/octet-stream",
            Self::Svg => "image/svg+xml",
        }
    }

    /// Writes a palette.
    #[must_use]
    pub fn write(self, palette: &[Swatch]) -> Vec<u8> {
        let entries = Entries::of(palette);
        let roles = Roles::of(palette);
        let scheme = Scheme::of(palette, &roles);
        match self {
            Self::Css => stylesheets::css(&entries, &roles, &scheme).into_bytes(),
            Self::Scss => stylesheets::scss(&entries, &roles, &scheme).into_bytes(),
            Self::Json => json::plain(&entries, &roles, &scheme),
            Self::Tokens => json::tokens(&entries, &roles, &scheme),
            Self::Tailwind => stylesheets::tailwind(&entries, &scheme).into_bytes(),
            Self::Ase => swatch_files::ase(palette),
            Self::Gpl => swatch_files::gpl(palette).into_bytes(),
            Self::Svg => svg::strip(palette).into_bytes(),
        }
    }
}

impl FromStr for Export {
    type Err = ExportError;

    /// Reads the name of a format: its extension.
    fn from_str(text: &str) -> Result<Self, ExportError> {
        Self::ALL.into_iter().find(|export| export.extension() == text).ok_or(ExportError)
    }
}

/// The text is not the name of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an export is css, scss, json, tokens.json, tailwind.css, ase, gpl or svg")]
pub struct ExportError;
