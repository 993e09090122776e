//! What is to be sent: one ZIP, or the pictures that the arguments name and those of the folders among them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use huemill_actors::pictures;
use huemill_imaging::{Sniffed, sniff};

/// Bytes that tell what a file is.
const HEAD: usize = 64;

/// How deep folders are looked into.
const DEEPEST: usize = 64;

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum GatherError {
    #[error("{}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}: a ZIP is sent alone, without other files", .0.display())]
    ZipAmongOthers(PathBuf),
    #[error("there is no picture in {}", .0.display())]
    NoPicture(PathBuf),
}

impl GatherError {
    /// Whether the arguments are to blame.
    pub(super) fn is_usage(&self) -> bool {
        matches!(self, Self::ZipAmongOthers(_))
    }
}

/// What is sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parcel {
    Zip(PathBuf),
    /// Each with the name that the service is told.
    Pictures(Vec<(String, PathBuf)>),
}

impl Parcel {
    /// As parts of a form.
    pub(super) fn files(&self) -> Vec<(&'static str, String, PathBuf)> {
        match self {
            Self::Zip(path) => vec![("zip_file", name(path), path.clone())],
            Self::Pictures(pictures) => {
                pictures.iter().map(|(name, path)| ("images", name.clone(), path.clone())).collect()
            }
        }
    }
}

/// Looks at the arguments. Files are taken as they are, in their order; of folders the pictures, by their paths.
pub(super) fn gather(arguments: &[PathBuf]) -> Result<Parcel, GatherError> {
    let mut pictures = Vec::new();
    for path in arguments {
        let unreadable = |source| GatherError::Unreadable { path: path.clone(), source };
        if fs::metadata(path).map_err(unreadable)?.is_dir() {
            let before = pictures.len();
            walk(path, "", 0, &mut pictures).map_err(unreadable)?;
            if pictures.len() == before {
                return Err(GatherError::NoPicture(path.clone()));
            }
            continue;
        }
        if is_zip(path).map_err(unreadable)? {
            return match arguments {
                [_] => Ok(Parcel::Zip(path.clone())),
                _ => Err(GatherError::ZipAmongOthers(path.clone())),
            };
        }
        pictures.push((name(path), path.clone()));
    }
    Ok(Parcel::Pictures(pictures))
}

/// The pictures below a folder; what is hidden is left alone, and links to folders are not followed.
fn walk(folder: &Path, prefix: &str, depth: usize, found: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, file) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if file.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{file}");
        if entry.file_type()?.is_dir() {
            if depth < DEEPEST {
                walk(&path, &format!("{name}/"), depth + 1, found)?;
            }
        } else if path.is_file() && is_picture(&path, &file)? {
            found.push((name, path));
        }
    }
    Ok(())
}

/// As in a ZIP: what is called like a picture, and what begins like one.
fn is_picture(path: &Path, file: &str) -> io::Result<bool> {
    Ok(pictures::has_picture_extension(file) || matches!(sniff(&head(path)?), Sniffed::Supported(_)))
}

fn is_zip(path: &Path) -> io::Result<bool> {
    let head = head(path)?;
    let called_so = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    Ok(called_so || head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06"))
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    File::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| "unnamed".into(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

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
            match gather(&arguments).unwrap() {
                Parcel::Pictures(pictures) => pictures.into_iter().map(|(name, _)| name).collect(),
                Parcel::Zip(path) => panic!("a ZIP: {}", path.display()),
            }
        }
    }

    #[test]
    fn a_folder_gives_its_pictures_by_their_paths_and_nothing_else() {
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
    fn files_that_are_named_are_sent_whatever_they_are() {
        let tree = Tree::new(&[("one/b.txt", b"text"), ("a.png", PNG)]);
        assert_eq!(tree.names(&["one/b.txt", "a.png"]), ["b.txt", "a.png"]);
    }

    #[test]
    fn a_zip_is_told_by_name_or_content_and_goes_alone() {
        let tree = Tree::new(&[("album", b"PK\x03\x04rest"), ("bad.ZIP", b"?"), ("a.png", PNG)]);
        for zip in ["album", "bad.ZIP"] {
            assert_eq!(gather(&[tree.path(zip)]).unwrap(), Parcel::Zip(tree.path(zip)));
            let error = gather(&[tree.path("a.png"), tree.path(zip)]).unwrap_err();
            assert!(error.is_usage(), "{error}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_by_its_path() {
        let tree = Tree::new(&[("empty/notes.txt", b"")]);
        let error = gather(&[tree.path("missing.png")]).unwrap_err().to_string();
        assert!(error.contains("missing.png: "), "{error}");
        let error = gather(&[tree.path("empty")]).unwrap_err();
        assert!(matches!(error, GatherError::NoPicture(_)), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_folder_above_does_not_lead_in_circles() {
        let tree = Tree::new(&[("f/a.png", PNG)]);
        std::os::unix::fs::symlink(tree.path("f"), tree.path("f/loop")).unwrap();
        assert_eq!(tree.names(&["f"]), ["a.png"]);
    }
}
