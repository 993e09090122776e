//! Reads a crate's modules and what each imports from the others, out of the `use` lines of its files. Unit tests at a
//! file's end are left out: they may look at everything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The path of a module or of an item, one name each.
type Names = Vec<String>;

/// How many re-exports a name may pass through.
const HOPS: usize = 8;

/// The modules of a crate by path: `[]` is its root.
pub struct Crate(BTreeMap<Names, Module>);

struct Module {
    text: String,
    uses: Vec<Names>,
}

impl Crate {
    /// Reads all files below a crate's source folder.
    pub fn read(folder: &Path) -> Self {
        let mut modules = BTreeMap::new();
        read_folder(folder, &[], &mut modules);
        Self(modules)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each module's name with its text.
    pub fn texts(&self) -> impl Iterator<Item = (String, &str)> {
        self.0.iter().map(|(path, module)| (name(path), &*module.text))
    }

    /// Which modules each module imports from.
    pub fn imports(&self) -> BTreeMap<String, BTreeSet<String>> {
        let imported = |(path, module): (&Names, &Module)| {
            let paths = module.uses.iter().filter_map(|names| self.within_crate(path, names));
            let sources = paths.map(|names| self.source(&names, HOPS)).filter(|source| source != path);
            (name(path), sources.map(|source| name(&source)).collect())
        };
        self.0.iter().map(imported).collect()
    }

    /// The path from the crate's root, unless it leads to another crate.
    fn within_crate(&self, module: &[String], names: &[String]) -> Option<Names> {
        let up = names.iter().take_while(|name| *name == "super").count();
        let (start, rest) = match names.first()?.as_str() {
            "crate" => (&module[..0], &names[1..]),
            "self" => (module, &names[1..]),
            "super" => (&module[..module.len().checked_sub(up)?], &names[up..]),
            child if self.0.contains_key(&[module, &[child.to_owned()]].concat()) => (module, names),
            _ => return None,
        };
        Some([start, rest].concat())
    }

    /// The module that an item comes from, through the re-exports on the way.
    fn source(&self, names: &[String], hops: usize) -> Names {
        let depth = (0..=names.len()).rev().find(|depth| self.0.contains_key(&names[..*depth])).unwrap_or(0);
        let (module, rest) = names.split_at(depth);
        if let Some(item) = rest.first().filter(|_| hops > 0) {
            let reexport = self.0[module].uses.iter().find(|names| names.last() == Some(item));
            if let Some(path) =
                reexport.and_then(|path| self.within_crate(module, path)).filter(|path| path[..] != *names)
            {
                return self.source(&[&path[..], &rest[1..]].concat(), hops - 1);
            }
        }
        module.to_vec()
    }
}

fn name(path: &[String]) -> String {
    if path.is_empty() { "lib".to_owned() } else { path.join("::") }
}

fn read_folder(folder: &Path, parent: &[String], modules: &mut BTreeMap<Names, Module>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            read_folder(&path, &[parent, &[stem]].concat(), modules);
        } else if path.extension().is_some_and(|extension| extension == "rs") && stem != "main" {
            let text = std::fs::read_to_string(&path).unwrap();
            let module = if stem == "lib" { Vec::new() } else { [parent, &[stem]].concat() };
            modules.insert(module, Module { uses: uses(&text), text });
        }
    }
}

/// All paths that a file's `use` lines name.
fn uses(text: &str) -> Vec<Names> {
    let code = text.split("\nmod tests {").next().unwrap_or_default();
    let code: String =
        code.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect();
    let mut paths = Vec::new();
    for statement in code.split(';') {
        let Some(start) = statement.rfind("use ") else { continue };
        let is_keyword = statement[..start].chars().next_back().is_none_or(char::is_whitespace);
        if is_keyword {
            expand("", &statement[start + 4..], &mut paths);
        }
    }
    paths
}

/// Takes a path with groups apart: `a::{b, c::d as e}` is `a::b` and `a::c::d`.
fn expand(prefix: &str, path: &str, paths: &mut Vec<Names>) {
    let path = path.trim();
    let Some((before, group)) = path.split_once('{') else {
        let whole = format!("{prefix}{}", path.split(" as ").next().unwrap_or_default());
        let names = whole.split("::").map(|name| name.trim().to_owned());
        let mut names: Names = names.filter(|name| !name.is_empty()).collect();
        if names.len() > 1 && names.last().is_some_and(|last| last == "self") {
            names.pop();
        }
        return paths.push(names);
    };
    let (mut depth, mut start) = (0_i32, 0);
    let group = group.strip_suffix('}').unwrap_or(group);
    for (at, letter) in group.char_indices().chain([(group.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !group[start..at].trim().is_empty() {
                    expand(&format!("{prefix}{before}"), &group[start..at], paths);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

#[test]
fn groups_and_renames_are_taken_apart() {
    let text = "//! Not use this::one;\nuse a::b;\npub(crate) use self::c::{D, e::{self, F as G}};\n#[cfg(test)]\nmod tests {\nuse h::i;";
    let found: Vec<String> = uses(text).iter().map(|names| names.join("::")).collect();
    assert_eq!(found, ["a::b", "self::c::D", "self::c::e", "self::c::e::F"]);
}
