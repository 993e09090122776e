//! Where the cards go: `<stem>.card.<extension>`, decided for all files before the first is read, so that names
//! do not depend on who is done first.
//!
//! A card never takes the place of another card of the same run, nor of an input. One of an earlier run it does.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{fs, io};

use huemill_imaging::CardFormat;

/// The directory for the cards cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", directory.display())]
pub(super) struct NoDirectory {
    directory: PathBuf,
    source: io::Error,
}

/// Makes the directory and gives each file's card its path.
pub(super) fn plan(files: &[PathBuf], out: &Path, format: CardFormat) -> Result<Vec<PathBuf>, NoDirectory> {
    fs::create_dir_all(out).map_err(|source| NoDirectory { directory: out.to_owned(), source })?;
    // What cannot be resolved cannot be read either, and loses nothing.
    let inputs: HashSet<PathBuf> = files.iter().filter_map(|file| fs::canonicalize(file).ok()).collect();
    let is_input = |path: &Path| fs::canonicalize(path).is_ok_and(|path| inputs.contains(&path));
    let mut names = Names::default();
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

/// Names that were given out. Compared without case: some file systems do.
#[derive(Default)]
struct Names {
    taken: HashSet<String>,
    /// The number that a stem's last name had, so that a thousand equal stems are not counted up each time.
    last: HashMap<String, u32>,
}

impl Names {
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
        let mut names = Names::default();
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
