//! Chooses the paths of the cards: `<subfolder>/<stem>.card.<extension>`, and of the palettes beside them.
//!
//! All paths are chosen before the first file is read, so that they do not depend on which file finishes first. A card
//! never replaces another card of the same run or an input file. It does replace a card of an earlier run.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{fs, io};

use huemill_imaging::{CardFormat, Export};

use super::inputs::Input;

/// The folder for the cards cannot be created.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", directory.display())]
pub(super) struct CardsDirError {
    directory: PathBuf,
    source: io::Error,
}

/// Creates the folder and chooses a path for each card. Returns the folder's path without links, and the paths.
pub(super) fn plan(
    inputs: &[Input],
    out: &Path,
    format: CardFormat,
) -> Result<(PathBuf, Vec<PathBuf>), CardsDirError> {
    let created = fs::create_dir_all(out).and_then(|()| fs::canonicalize(out));
    let root = created.map_err(|source| CardsDirError { directory: out.to_owned(), source })?;
    // A path that cannot be resolved cannot be read either, so no input is lost.
    let taken: HashSet<PathBuf> =
        inputs.iter().filter_map(|input| fs::canonicalize(&input.path).ok()).collect();
    let is_input = |path: &Path| fs::canonicalize(path).is_ok_and(|path| taken.contains(&path));
    let mut names = CardNames::default();
    let path = |Input { path, subfolder, .. }: &Input| {
        let folder = out.join(subfolder);
        let is_free = |name: &OsStr| !is_input(&folder.join(name));
        let name = names.next(subfolder, stem(path), format.extension(), is_free);
        folder.join(name)
    };
    Ok((root, inputs.iter().map(path).collect()))
}

/// The path of a palette beside a card: `photo.card.png` and `photo.palette.css`.
pub(super) fn palette_path(card: &Path, export: Export) -> PathBuf {
    let stem = card.with_extension("");
    stem.with_extension(format!("palette.{}", export.extension()))
}

/// Whether a file in the folder `out` or below it has the name of a card.
pub(super) fn is_card(file: &Path, out: &Path) -> bool {
    let is_named_so =
        file.file_stem().is_some_and(|stem| Path::new(stem).extension() == Some(OsStr::new("card")));
    let folder = |path: &Path| fs::canonicalize(path).ok();
    is_named_so
        && file
            .parent()
            .and_then(folder)
            .zip(folder(out))
            .is_some_and(|(parent, out)| parent.starts_with(out))
}

fn stem(file: &Path) -> &OsStr {
    let stem = if file == Path::new("-") { None } else { file.file_stem() };
    stem.unwrap_or(OsStr::new("stdin"))
}

/// The names in use. They are compared without case, because some file systems do so.
#[derive(Default)]
struct CardNames {
    taken: HashSet<String>,
    /// The last number that was used for a stem, so that many equal stems do not count from the start each time.
    last: HashMap<String, u32>,
}

impl CardNames {
    fn next(
        &mut self,
        folder: &Path,
        stem: &OsStr,
        extension: &str,
        is_free: impl Fn(&OsStr) -> bool,
    ) -> OsString {
        let last = self.last.entry(folded(&folder.join(stem))).or_default();
        loop {
            *last += 1;
            let mut name = stem.to_owned();
            if *last > 1 {
                name.push(format!("-{last}"));
            }
            name.push(format!(".card.{extension}"));
            if is_free(&name) && self.taken.insert(folded(&folder.join(&name))) {
                return name;
            }
        }
    }
}

fn folded(path: &Path) -> String {
    path.to_string_lossy().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[&str]) -> Vec<String> {
        let mut names = CardNames::default();
        let mut next = |path: &&str| {
            let (folder, stem) = path.rsplit_once('/').unwrap_or(("", path));
            names.next(Path::new(folder), OsStr::new(stem), "png", |_| true).into_string().unwrap()
        };
        paths.iter().map(&mut next).collect()
    }

    #[test]
    fn equal_stems_are_numbered_whatever_their_case() {
        assert_eq!(
            names(&["a", "b", "A", "a"]),
            ["a.card.png", "b.card.png", "A-2.card.png", "a-3.card.png"]
        );
    }

    #[test]
    fn a_numbered_name_does_not_take_a_given_one() {
        assert_eq!(names(&["a-2", "a", "a"]), ["a-2.card.png", "a.card.png", "a-3.card.png"]);
    }

    #[test]
    fn equal_stems_in_different_folders_keep_their_names() {
        assert_eq!(names(&["x/a", "y/a", "X/a"]), ["a.card.png", "a.card.png", "a-2.card.png"]);
    }

    #[test]
    fn standard_input_and_paths_without_a_name_have_a_stem() {
        assert_eq!(
            [stem(Path::new("-")), stem(Path::new("..")), stem(Path::new("x/a.b.png"))],
            ["stdin", "stdin", "a.b"]
        );
    }

    #[test]
    fn cards_are_recognized_only_where_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::create_dir_all(file("out/sub")).unwrap();
        assert!(is_card(&file("out/sub/a.card.png"), &file("out")));
        assert!(
            !is_card(&file("out/sub/a.png"), &file("out")) && !is_card(&file("a.card.png"), &file("out"))
        );
    }
}
