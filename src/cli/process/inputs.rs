//! Selects the files to process from the arguments: files, folders, patterns, and `-` for standard input.
//!
//! An argument that leads to no picture is an input of its own with a problem, which is reported in its turn. A file that
//! exists is taken as it is, even if its name looks like a pattern.

use std::fs;
use std::path::{Component, Path, PathBuf};

use globset::GlobBuilder;

use crate::cli::file_error::{FileCommand, explain, is_url};
use crate::cli::picture_folder::{self, MAX_DEPTH, UnreadableEntry, is_hidden, only_pictures};

/// The characters that make an argument a pattern.
const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

/// One file to process.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    /// The folder in which the file was found, below the folder or the start of the pattern that was given.
    pub(super) subfolder: PathBuf,
    /// The size of the file in bytes, 0 if it is not known.
    pub(super) bytes: u64,
    /// Why there is nothing to process.
    pub(super) problem: Option<String>,
}

impl Input {
    fn file(path: PathBuf, root: Option<&Path>) -> Self {
        let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let below = root.and_then(|root| path.parent()?.strip_prefix(root).ok()).unwrap_or(Path::new(""));
        // A pattern may lead up in the middle. What is written must not.
        let subfolder = below.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        Self { path, subfolder, bytes, problem: None }
    }

    fn problem(path: PathBuf, problem: impl Into<String>) -> Self {
        Self { path, subfolder: PathBuf::new(), bytes: 0, problem: Some(problem.into()) }
    }

    fn unreadable(UnreadableEntry { path, source }: UnreadableEntry) -> Self {
        let problem = explain(FileCommand::Process, &path, &source);
        Self::problem(path, problem)
    }
}

/// Selects the files in the order of the arguments. Those of a folder or a pattern are sorted by path. Files in folders
/// that `is_own` names were written by an earlier run and are left out.
pub(super) fn collect(arguments: &[PathBuf], is_own: impl Fn(&Path) -> bool) -> Vec<Input> {
    arguments.iter().flat_map(|argument| expand(argument, &is_own)).collect()
}

fn expand(argument: &Path, is_own: &impl Fn(&Path) -> bool) -> Vec<Input> {
    let is_file_name = argument == Path::new("-") || is_url(argument.as_os_str().as_encoded_bytes());
    match (is_file_name, fs::metadata(argument)) {
        (false, Ok(metadata)) if metadata.is_dir() => {
            let found = picture_folder::pictures(argument);
            let inputs = inputs(argument, found, is_own);
            or_problem(inputs, argument, "this folder has no pictures; name one that has some")
        }
        (false, Err(_)) if fs::symlink_metadata(argument).is_err() => match Pattern::of(argument) {
            Some(Ok(pattern)) => {
                let problem = "no file matches this pattern; check the folder and the extension";
                or_problem(inputs(&pattern.root, pattern.pictures(), is_own), argument, problem)
            }
            Some(Err(error)) => {
                vec![Input::problem(argument.to_owned(), format!("this is not a valid pattern: {error}"))]
            }
            None => vec![Input::file(argument.to_owned(), None)],
        },
        _ => vec![Input::file(argument.to_owned(), None)],
    }
}

fn inputs(
    root: &Path,
    found: impl Iterator<Item = Result<PathBuf, UnreadableEntry>>,
    is_own: &impl Fn(&Path) -> bool,
) -> Vec<Input> {
    let is_other = |file: &Result<PathBuf, _>| !file.as_ref().is_ok_and(|path| is_own(path));
    let input = |file: Result<PathBuf, _>| match file {
        Ok(path) => Input::file(path, Some(root)),
        Err(error) => Input::unreadable(error),
    };
    found.filter(is_other).map(input).collect()
}

fn or_problem(inputs: Vec<Input>, argument: &Path, problem: &str) -> Vec<Input> {
    if inputs.is_empty() { vec![Input::problem(argument.to_owned(), problem)] } else { inputs }
}

/// A pattern that the shell has left as it is, because it was quoted or the shell knows none.
struct Pattern {
    /// The folder below which files can match.
    root: PathBuf,
    /// Whether the root was not named, but is the current folder.
    is_current: bool,
    matcher: globset::GlobMatcher,
    max_depth: usize,
}

impl Pattern {
    /// The pattern, if there are wildcards in the argument.
    fn of(argument: &Path) -> Option<Result<Self, globset::Error>> {
        let text = argument.to_str().filter(|text| text.contains(WILDCARDS))?;
        let is_literal = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(WILDCARDS);
        let root: PathBuf = argument.components().take_while(is_literal).collect();
        let rest: Vec<_> = argument.components().skip_while(is_literal).map(Component::as_os_str).collect();
        let is_current = root.as_os_str().is_empty();
        // Each component of the pattern is one of the path, unless it stands for any number of them.
        let max_depth = if text.contains("**") { MAX_DEPTH } else { rest.len() };
        let rest: PathBuf = rest.into_iter().collect();
        let glob = GlobBuilder::new(rest.to_str()?).literal_separator(true).build();
        let root = if is_current { PathBuf::from(".") } else { root };
        Some(glob.map(|glob| Self { root, is_current, matcher: glob.compile_matcher(), max_depth }))
    }

    /// The pictures that match, sorted by path.
    fn pictures(&self) -> impl Iterator<Item = Result<PathBuf, UnreadableEntry>> {
        let matches = |path: &Path| {
            let below = path.strip_prefix(&self.root).unwrap_or(path);
            self.matcher.is_match(below) && !below.iter().any(is_hidden)
        };
        let files =
            if self.root.is_dir() { Some(picture_folder::files(&self.root, self.max_depth)) } else { None };
        let matching =
            files.into_iter().flatten().filter(move |file| file.as_ref().map_or(true, |path| matches(path)));
        matching.filter_map(only_pictures).map(|file| match file {
            Ok(path) if self.is_current => Ok(path.strip_prefix(".").map(Path::to_owned).unwrap_or(path)),
            file => file,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

    struct Tree(tempfile::TempDir);

    impl Tree {
        fn new(files: &[&str]) -> Self {
            let tree = Self(tempfile::tempdir().unwrap());
            for path in files {
                let path = tree.0.path().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, PNG).unwrap();
            }
            tree
        }

        /// What the arguments lead to: the path, its subfolder, and the problem.
        fn collect(&self, arguments: &[&str]) -> Vec<String> {
            let root = self.0.path();
            let arguments: Vec<_> = arguments.iter().map(|argument| root.join(argument)).collect();
            let text = |input: Input| {
                let path = input.path.strip_prefix(root).unwrap().display().to_string();
                match input.problem {
                    Some(problem) => format!("{path}: {problem}"),
                    None => format!("{path} in {:?}", input.subfolder.display().to_string()),
                }
            };
            collect(&arguments, |path| path.ends_with("own.png")).into_iter().map(text).collect()
        }
    }

    #[test]
    fn a_folder_is_searched_and_its_structure_is_kept() {
        let tree = Tree::new(&["f/b.png", "f/a/z.jpg", "f/a/own.png", "f/.hidden.png", "f/.git/x.png"]);
        assert_eq!(tree.collect(&["f"]), [r#"f/a/z.jpg in "a""#, r#"f/b.png in """#]);
    }

    #[test]
    fn a_pattern_matches_within_a_folder_or_below_it() {
        let tree = Tree::new(&["f/b.png", "f/c.jpg", "f/a/z.png", "f/a/deep/y.png", "f/.x.png"]);
        assert_eq!(tree.collect(&["f/*.png"]), [r#"f/b.png in """#]);
        assert_eq!(
            tree.collect(&["f/**/*.png"]),
            [r#"f/a/deep/y.png in "a/deep""#, r#"f/a/z.png in "a""#, r#"f/b.png in """#]
        );
        assert_eq!(tree.collect(&["f/*/z.png"]), [r#"f/a/z.png in "a""#]);
        assert_eq!(tree.collect(&["f/?.{png,jpg}"]), [r#"f/b.png in """#, r#"f/c.jpg in """#]);
    }

    #[test]
    fn a_file_that_is_named_like_a_pattern_is_taken() {
        let tree = Tree::new(&["a[1].png", "a1.png", "*.jpg", "b.jpg"]);
        assert_eq!(tree.collect(&["a[1].png", "*.jpg"]), [r#"a[1].png in """#, r#"*.jpg in """#]);
    }

    #[test]
    fn an_argument_without_pictures_is_a_problem_that_names_it() {
        let tree = Tree::new(&["f/.hidden.png"]);
        let found = tree.collect(&["f", "f/*.png", "none/*.png", "[.png", "missing.png"]);
        let starts = [
            "f: this folder has no pictures",
            "f/*.png: no file matches this pattern",
            "none/*.png: no file matches this pattern",
            "[.png: this is not a valid pattern",
            "missing.png in",
        ];
        assert_eq!(found.len(), starts.len(), "{found:?}");
        for (found, start) in found.iter().zip(starts) {
            assert!(found.starts_with(start), "{found}");
        }
    }

    #[test]
    fn links_to_folders_are_not_followed() {
        let tree = Tree::new(&["f/a.png"]);
        std::os::unix::fs::symlink(tree.0.path().join("f"), tree.0.path().join("f/loop")).unwrap();
        std::os::unix::fs::symlink(tree.0.path().join("f/a.png"), tree.0.path().join("f/link.png")).unwrap();
        let expected = [r#"f/a.png in """#, r#"f/link.png in """#];
        assert_eq!(tree.collect(&["f"]), expected);
        assert_eq!(tree.collect(&["f/**/*.png"]), expected);
    }
}
