//! Selects the files of a job: one ZIP, or the named files and the pictures in the named folders. Files that are named and
//! have nothing in common with a picture or a ZIP are an error, before anything is sent.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use huemill_imaging::{Sniffed, sniff};

use crate::cli::file_error::{FileCommand, explain, is_url, url_advice};
use crate::cli::picture_folder::{self, UnreadableEntry, head};

/// Why the files cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    #[error("{}: {}", path.display(), explain(FileCommand::Submit, path, source))]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}: a ZIP must be the only file", .0.display())]
    ZipAmongOthers(PathBuf),
    #[error("{}: {}", .0.display(), url_advice(FileCommand::Submit))]
    Urls(PathBuf),
    #[error("no pictures found in {}; name a folder that has some", .0.display())]
    NoPictures(PathBuf),
    #[error(
        "{}: this is neither a picture nor a ZIP; name JPEG, PNG, WebP, GIF, BMP or TIFF pictures, folders of them, or one \
         ZIP",
        .0.display()
    )]
    NotAPicture(PathBuf),
}

impl FilesError {
    /// Whether the command was used wrongly.
    pub(super) fn is_usage(&self) -> bool {
        matches!(self, Self::ZipAmongOthers(_) | Self::Urls(_))
    }
}

/// The files of a job.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JobFiles {
    Zip(PathBuf),
    /// Each with the name that the service sees.
    Pictures(Vec<(String, PathBuf)>),
}

impl JobFiles {
    /// The files as parts of a form: field, file name, path.
    pub(super) fn form_files(&self) -> Vec<(&'static str, String, PathBuf)> {
        match self {
            Self::Zip(path) => vec![("zip_file", name(path), path.clone())],
            Self::Pictures(pictures) => {
                pictures.iter().map(|(name, path)| ("images", name.clone(), path.clone())).collect()
            }
        }
    }
}

/// Selects files in the order of the arguments. Named files must begin like a picture, of a format that is supported or not:
/// the service knows best which are, and says so of each. In folders, only pictures are taken, sorted by path.
pub(super) fn collect(arguments: &[PathBuf]) -> Result<JobFiles, FilesError> {
    let mut pictures = Vec::new();
    for path in arguments {
        let unreadable = |source| FilesError::Unreadable { path: path.clone(), source };
        if fs::metadata(path).map_err(unreadable)?.is_dir() {
            let before = pictures.len();
            for picture in picture_folder::pictures(path) {
                let picture = picture
                    .map_err(|UnreadableEntry { path, source }| FilesError::Unreadable { path, source })?;
                pictures.push((name_below(path, &picture), picture));
            }
            if pictures.len() == before {
                return Err(FilesError::NoPictures(path.clone()));
            }
            continue;
        }
        let head = head(path).map_err(unreadable)?;
        if is_zip(path, &head) {
            return match arguments {
                [_] => Ok(JobFiles::Zip(path.clone())),
                _ => Err(FilesError::ZipAmongOthers(path.clone())),
            };
        }
        if is_url(&head) {
            return Err(FilesError::Urls(path.clone()));
        }
        if sniff(&head) == Sniffed::Unrecognised {
            return Err(FilesError::NotAPicture(path.clone()));
        }
        pictures.push((name(path), path.clone()));
    }
    Ok(JobFiles::Pictures(pictures))
}

fn is_zip(path: &Path, head: &[u8]) -> bool {
    let has_extension = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    has_extension || head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| "unnamed".into(), |name| name.to_string_lossy().into_owned())
}

/// The path of a picture below a folder, with slashes.
fn name_below(folder: &Path, picture: &Path) -> String {
    let below = picture.strip_prefix(folder).unwrap_or(picture);
    below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::regular_file::tests::pipe;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new(files: &[(&str, &[u8])]) -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            for (path, bytes) in files {
                let path = tree.path(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            tree
        }

        fn path(&self, path: &str) -> PathBuf {
            self.0.path().join(path)
        }

        fn names(&self, arguments: &[&str]) -> Vec<String> {
            let arguments: Vec<_> = arguments.iter().map(|argument| self.path(argument)).collect();
            match collect(&arguments).unwrap() {
                JobFiles::Pictures(pictures) => pictures.into_iter().map(|(name, _)| name).collect(),
                JobFiles::Zip(path) => panic!("a ZIP: {}", path.display()),
            }
        }
    }

    #[test]
    fn only_the_pictures_of_a_folder_are_sent_sorted_by_path() {
        let tree = Tree::new(&[
            ("f/b.png", b""),
            ("f/a/z.JPG", b""),
            ("f/a/nameless", PNG),
            ("f/notes.txt", b"text"),
            ("f/.hidden.png", PNG),
            ("f/.git/x.png", PNG),
        ]);
        assert_eq!(tree.names(&["f"]), ["a/nameless", "a/z.JPG", "b.png"]);
    }

    #[test]
    fn named_files_are_sent_if_they_begin_like_a_picture_whatever_their_name() {
        let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
        let tree =
            Tree::new(&[("one/b.txt", PNG), ("c.heic", heic), ("notes.png", b"text"), ("empty.png", b"")]);
        assert_eq!(tree.names(&["one/b.txt", "c.heic"]), ["b.txt", "c.heic"]);
        for other in ["notes.png", "empty.png"] {
            let error = collect(&[tree.path("one/b.txt"), tree.path(other)]).unwrap_err().to_string();
            assert!(error.contains(&format!("{other}: this is neither a picture nor a ZIP")), "{error}");
        }
    }

    #[test]
    fn a_zip_is_recognized_by_name_or_content_and_must_be_alone() {
        let tree = Tree::new(&[("album", b"PK\x03\x04rest"), ("bad.ZIP", b"?"), ("a.png", PNG)]);
        for zip in ["album", "bad.ZIP"] {
            assert_eq!(collect(&[tree.path(zip)]).unwrap(), JobFiles::Zip(tree.path(zip)));
            let error = collect(&[tree.path("a.png"), tree.path(zip)]).unwrap_err();
            assert!(error.is_usage(), "{error}");
        }
    }

    #[test]
    fn a_missing_file_is_reported_with_its_path() {
        let tree = Tree::new(&[("empty/notes.txt", b"")]);
        let error = collect(&[tree.path("missing.png")]).unwrap_err().to_string();
        assert!(error.contains("missing.png: "), "{error}");
        let error = collect(&[tree.path("empty")]).unwrap_err();
        assert!(matches!(error, FilesError::NoPictures(_)), "{error}");
    }

    #[test]
    fn a_pipe_is_refused_without_waiting_for_a_writer() {
        let tree = Tree::new(&[]);
        pipe(&tree.path("pipe.png"));
        let error = collect(&[tree.path("pipe.png")]).unwrap_err().to_string();
        assert!(error.contains("pipe.png: this is a pipe or a device"), "{error}");
    }

    #[test]
    fn urls_are_refused_with_what_takes_them() {
        let tree = Tree::new(&[("list.txt", b"https://example.org/a.jpg\nhttps://example.org/b.jpg\n")]);
        for path in [tree.path("list.txt"), PathBuf::from("https://example.org/a.jpg")] {
            let error = collect(&[path]).unwrap_err().to_string();
            assert!(error.contains("POST /jobs"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_parent_folder_is_not_followed() {
        let tree = Tree::new(&[("f/a.png", PNG)]);
        std::os::unix::fs::symlink(tree.path("f"), tree.path("f/loop")).unwrap();
        assert_eq!(tree.names(&["f"]), ["a.png"]);
    }
}
