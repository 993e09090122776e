//! Writes the contact sheets: the first to the path that was given, further ones beside it as `NAME-2.EXTENSION` and so on.
//!
//! A sheet is written as soon as it is full, so that no more than one is in memory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use huemill_imaging::{Card, CardFormat, ContactSheet, Error, Tile};

use crate::cli::atomic_file;

/// The quality of JPEG sheets.
const JPEG_QUALITY: u8 = 90;

/// Where a picture is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SheetPlace {
    pub(super) path: PathBuf,
    /// The number in the corner of its tile. It counts on over all sheets.
    pub(super) number: usize,
}

/// A sheet cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum SheetError {
    #[error("{}: a sheet is a PNG, JPEG or WebP picture; end its name in .png, .jpg or .webp", .0.display())]
    Format(PathBuf),
    #[error("{}: cannot draw the sheet: {source}", path.display())]
    Draw { path: PathBuf, source: Error },
    #[error("cannot write to {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Writes sheets one after the other.
#[derive(Debug)]
pub(super) struct SheetWriter {
    path: PathBuf,
    format: CardFormat,
    sheet: ContactSheet,
}

impl SheetWriter {
    /// The extension of the path decides the format.
    pub(super) fn new(path: &Path) -> Result<Self, SheetError> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let format = match extension.as_str() {
            "png" => CardFormat::Png,
            "jpg" | "jpeg" => CardFormat::Jpeg { quality: JPEG_QUALITY },
            "webp" => CardFormat::WebP,
            _ => return Err(SheetError::Format(path.to_owned())),
        };
        Ok(Self { path: path.to_owned(), format, sheet: ContactSheet::new(1) })
    }

    /// Adds a picture. The sheet is written if this fills it.
    pub(super) fn add(&mut self, tile: Tile) -> (SheetPlace, Result<(), SheetError>) {
        let number = self.sheet.add(tile);
        let place = SheetPlace { path: self.path_of(number), number };
        let written = if self.sheet.is_full() { self.write() } else { Ok(()) };
        (place, written)
    }

    /// Writes the last sheet, unless nothing is on it.
    pub(super) fn write(&mut self) -> Result<(), SheetError> {
        if self.sheet.is_empty() {
            return Ok(());
        }
        let next = self.sheet.next_number();
        let path = self.path_of(next - 1);
        let sheet = std::mem::replace(&mut self.sheet, ContactSheet::new(next));
        let drawn = sheet.draw().and_then(|raster| Card::encode(&raster, self.format));
        let file = drawn.map_err(|source| SheetError::Draw { path: path.clone(), source })?;
        atomic_file::write(&path, &file.bytes).map_err(|source| SheetError::Write { path, source })
    }

    /// The path of the sheet that has this number.
    fn path_of(&self, number: usize) -> PathBuf {
        match (number - 1) / ContactSheet::CAPACITY {
            0 => self.path.clone(),
            others => numbered(&self.path, &(others + 1).to_string()),
        }
    }
}

/// The path with a number at the end of its stem.
fn numbered(path: &Path, number: &str) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push("-");
    name.push(number);
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Whether a file is a sheet that a run with this path writes.
pub(super) fn is_sheet(file: &Path, sheet: &Path) -> bool {
    let folder = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()
    };
    let number = || {
        let (file, sheet) = (file.file_stem()?.to_str()?, sheet.file_stem()?.to_str()?);
        let number = file.strip_prefix(sheet)?.strip_prefix('-')?;
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.to_owned())
    };
    let has_name = file.file_name() == sheet.file_name()
        || number().is_some_and(|number| numbered(sheet, &number).file_name() == file.file_name());
    has_name && folder(file).is_some_and(|found| Some(found) == folder(sheet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_the_format() {
        let format = |path: &str| SheetWriter::new(Path::new(path)).map(|sheets| sheets.format).ok();
        assert_eq!(format("a/b.PNG"), Some(CardFormat::Png));
        assert_eq!(format("b.jpeg"), Some(CardFormat::Jpeg { quality: JPEG_QUALITY }));
        assert_eq!(format("b.webp"), Some(CardFormat::WebP));
        assert_eq!((format("b.gif"), format("b")), (None, None));
    }

    #[test]
    fn further_sheets_are_numbered() {
        let sheets = SheetWriter::new(Path::new("out/all.png")).unwrap();
        let most = ContactSheet::CAPACITY;
        let paths = [1, most, most + 1, 2 * most + 1].map(|number| sheets.path_of(number));
        assert_eq!(
            paths,
            ["out/all.png", "out/all.png", "out/all-2.png", "out/all-3.png"].map(PathBuf::from)
        );
    }

    #[test]
    fn own_sheets_are_recognized() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let is_own = |name: &str| is_sheet(&path(name), &path("all.png"));
        assert!(is_own("all.png") && is_own("all-2.png") && is_own("all-13.png"));
        assert!(
            !is_own("all-x.png") && !is_own("all-2.jpg") && !is_own("small.png") && !is_own("sub/all.png")
        );
    }
}
