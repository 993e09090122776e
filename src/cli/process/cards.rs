//! Chooses the paths of the cards: `<stem>.card.<extension>`.
//!
//! All paths are chosen before the first file is read, so that they do not depend on which file finishes first. A card
//! never replaces another card of the same run or an input file. It does replace a card of an earlier run.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{fs, io};

use huemill_imaging::CardFormat;

/// The folder for the cards cannot be created.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", directory.display())]
pub(super) struct CardsDirError {
    directory: PathBuf,
    source: io::Error,
}

/// Creates the folder and chooses a path for each card.
pub(super) fn plan(files: &[PathBuf], out: &Path, format: CardFormat) -> Result<Vec<PathBuf>, CardsDirError> {
    fs::create_dir_all(out).map_err(|source| CardsDirError { directory: out.to_owned(), source })?;
    // A path that cannot be resolved cannot be read either, so no input is lost.
    let inputs: HashSet<PathBuf> = files.iter().filter_map(|file| fs::canonicalize(file).ok()).collect();
    let is_input = |path: &Path| fs::canonicalize(path).is_ok_and(|path| inputs.contains(&path));
    let mut names = CardNames::default();
    Ok(files
        .iter()
        .map(|file| names.next(stem(file), format.extension(), |name| !is_input(&out.join(name))))
        .map(|name| out.join(name))
        .collect())
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
    fn next(&mut self, stem: &OsStr, extension: &str, is_free: impl Fn(&OsStr) -> bool) -> OsString {
        let last = self.last.entry(folded(stem)).or_default();
        loop {
            *last += 1;
            let mut name = stem.to_owned();
            if *last > 1 {
                name.push(format!("-{last}"));
            }
            name.push(format!(".card.{extension}"));
            if is_free(&name) && self.taken.insert(folded(&name)) {
                return name;
            }
        }
    }
}

fn folded(name: &OsStr) -> String {
    name.to_string_lossy().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(stems: &[&str]) -> Vec<String> {
        let mut names = CardNames::default();
        let next = |stem: &&str| names.next(OsStr::new(stem), "png", |_| true).into_string().unwrap();
        stems.iter().map(next).collect()
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
    fn standard_input_and_paths_without_a_name_have_a_stem() {
        assert_eq!(
            [stem(Path::new("-")), stem(Path::new("..")), stem(Path::new("x/a.b.png"))],
            ["stdin", "stdin", "a.b"]
        );
    }
}
