//! The build context of the image: the rules of .dockerignore, the files that they let in, and the files that sources
//! include.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use globset::{GlobBuilder, GlobMatcher};
use serde_json::Value;
use walkdir::WalkDir;

use super::run;

/// The rules of a .dockerignore. The last one that matches a path, or a folder that the path is in, decides.
pub(super) struct Rules(Vec<(GlobMatcher, bool)>);

impl Rules {
    pub(super) fn read(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let rules = lines.map(|line| {
            let (pattern, lets_in) = line.strip_prefix('!').map_or((line, false), |pattern| (pattern, true));
            let glob = GlobBuilder::new(pattern).literal_separator(true).build().unwrap();
            (glob.compile_matcher(), lets_in)
        });
        Self(rules.collect())
    }

    /// Whether a file is in the context. Its path is relative to the root of the repository.
    pub(super) fn let_in(&self, path: impl AsRef<Path>) -> bool {
        let matches = |glob: &GlobMatcher| path.as_ref().ancestors().any(|part| glob.is_match(part));
        self.0.iter().rev().find(|(glob, _)| matches(glob)).is_none_or(|(_, lets_in)| *lets_in)
    }
}

/// The paths of all files in a folder, relative to it. What git and cargo write is not looked at.
pub(super) fn files(root: &Path) -> Vec<PathBuf> {
    let is_built = |name: &str| name == ".git" || name == "node_modules" || name.starts_with("target");
    let entries = WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(|entry| {
        !entry.file_type().is_dir() || !entry.file_name().to_str().is_some_and(is_built)
    });
    let files = entries.map(Result::unwrap).filter(|entry| !entry.file_type().is_dir());
    files.map(|entry| entry.path().strip_prefix(root).unwrap().to_owned()).collect()
}

/// Copies the files that the rules let in.
pub(super) fn copy(from: &Path, to: &Path, rules: &Rules) {
    for file in files(from).into_iter().filter(|file| rules.let_in(file)) {
        let target = to.join(&file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(from.join(&file), target).unwrap();
    }
}

/// The files that sources in a folder include. Those that a build script makes are not among them.
pub(super) fn included(root: &Path) -> Vec<PathBuf> {
    let sources = files(root).into_iter().filter(|file| file.extension().is_some_and(|end| end == "rs"));
    let mut included: Vec<_> = sources.flat_map(|source| included_by(&root.join(source))).collect();
    // The pages' files are listed by name in one macro call.
    let list = fs::read_to_string(root.join("src/http/page/files.rs")).unwrap();
    let names = list.split_once("files! {").unwrap().1.split_once('}').unwrap().0;
    included.extend(names.split('"').skip(1).step_by(2).map(|name| root.join("web").join(name)));
    included
}

/// The root files of the workspace's libraries, programs, build scripts and benchmarks, relative to its folder. Tests and
/// examples are left out: cargo finds them by itself and does not miss them.
pub(super) fn targets(root: &Path) -> Vec<PathBuf> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut metadata = Command::new(cargo);
    metadata.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).current_dir(root);
    let metadata: Value = serde_json::from_str(&run(&mut metadata)).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let targets = packages.iter().flat_map(|package| package["targets"].as_array().unwrap());
    let built = targets.filter(|target| target["kind"][0] != "test" && target["kind"][0] != "example");
    let root = Path::new(metadata["workspace_root"].as_str().unwrap());
    built
        .map(|target| Path::new(target["src_path"].as_str().unwrap()).strip_prefix(root).unwrap().to_owned())
        .collect()
}

fn included_by(source: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(source).unwrap();
    let calls = ["include_str!(\"", "include_bytes!(\"", "include!(\""];
    let after = calls.iter().flat_map(|call| text.split(call).skip(1));
    after.map(|rest| source.parent().unwrap().join(rest.split_once('"').unwrap().0)).collect()
}
