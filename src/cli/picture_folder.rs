//! Finds the files and the pictures below a folder. `process`, `submit` and `watch` share its rules: hidden files and folders
//! are skipped, links to files count as files, and links to folders are not followed, so that a link cannot make a circle.
//! Folders below it that `watch` or `submit` made for results are skipped too: a card is not a picture to process.
//!
//! What cannot be read is an error of its own, and the search goes on.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use huemill_actors::pictures;
use huemill_imaging::{Sniffed, sniff};
use walkdir::{DirEntry, WalkDir};

use super::{atomic_file, regular_file};

/// How many bytes are read to recognize the type of a file.
const HEAD_BYTES: usize = 64;

/// How deep folders are searched.
pub(super) const MAX_DEPTH: usize = 64;

/// The file that marks a folder of results.
const RESULTS_MARK: &str = ".huemill-results";

/// What the mark of a folder of results says to those who find it.
const MARK_TEXT: &str = "Results of huemill: no command of huemill searches this folder for pictures.\n";

/// What cannot be read below a folder.
#[derive(Debug)]
pub(super) struct UnreadableEntry {
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

/// The files below a folder, sorted by path.
pub(super) fn files(
    folder: &Path,
    max_depth: usize,
) -> impl Iterator<Item = Result<PathBuf, UnreadableEntry>> + use<> {
    let walk = WalkDir::new(folder).min_depth(1).max_depth(max_depth).sort_by_file_name().into_iter();
    let taken = walk.filter_entry(|entry| {
        let is_skipped =
            || is_hidden(entry.file_name()) || is_folder(entry) && is_results_folder(entry.path());
        entry.depth() == 0 || !is_skipped()
    });
    let root = folder.to_owned();
    taken.filter_map(move |entry| match entry {
        Ok(entry) => (!is_folder(&entry) && entry.path().is_file()).then(|| Ok(entry.into_path())),
        Err(error) => {
            let path = error.path().unwrap_or(&root).to_owned();
            Some(Err(UnreadableEntry { path, source: error.into() }))
        }
    })
}

/// The pictures below a folder, sorted by path.
pub(super) fn pictures(folder: &Path) -> impl Iterator<Item = Result<PathBuf, UnreadableEntry>> + use<> {
    files(folder, MAX_DEPTH).filter_map(only_pictures)
}

/// Keeps errors, and files that are pictures.
pub(super) fn only_pictures(
    file: Result<PathBuf, UnreadableEntry>,
) -> Option<Result<PathBuf, UnreadableEntry>> {
    let path = match file {
        Ok(path) => path,
        error => return Some(error),
    };
    match is_picture(&path) {
        Ok(true) => Some(Ok(path)),
        Ok(false) => None,
        Err(source) => Some(Err(UnreadableEntry { path, source })),
    }
}

/// Whether the file is named like a picture or begins like one. The same rule applies to the entries of a ZIP.
pub(super) fn is_picture(path: &Path) -> io::Result<bool> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(pictures::has_picture_extension(&name) || matches!(sniff(&head(path)?), Sniffed::Supported(_)))
}

/// The first bytes of a regular file.
pub(super) fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    regular_file::open(path)?.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Marks a folder as one of results.
pub(super) fn mark_results(folder: &Path) -> io::Result<()> {
    atomic_file::write(&folder.join(RESULTS_MARK), MARK_TEXT.as_bytes())
}

/// Whether a folder is one of results.
pub(super) fn is_results_folder(folder: &Path) -> bool {
    folder.join(RESULTS_MARK).exists()
}

/// Whether a file or folder of this name is hidden.
pub(super) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_dir()
}
