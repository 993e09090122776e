//! `huemill man`: every command has a page, and the formatter of manual pages has nothing to complain about.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{huemill, printed};

/// The formatted text of a page. Fails on any warning.
fn formatted(page: &Path) -> String {
    let output = Command::new("groff")
        .args(["-man", "-Tutf8", "-K", "utf8", "-w", "w", "-P", "-cbou"])
        .arg(page)
        .output()
        .expect("groff must be installed (tests/setup.sh)");
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && warnings.is_empty(), "{}: {warnings}", page.display());
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that the help of a command lists.
fn commands_below(words: &[&str]) -> Vec<String> {
    let help = printed(&[words, &["--help"]].concat());
    let Some((_, rest)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let names =
        rest.lines().take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    names
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .filter(|name| name != "help")
        .collect()
}

#[test]
fn every_command_has_a_page_without_warnings_that_lists_its_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    printed(&["man", "--out", pages.to_str().unwrap()]);
    let written: BTreeSet<String> = fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut expected = BTreeSet::from(["huemill.1".to_owned()]);
    for name in commands_below(&[]) {
        expected.insert(format!("huemill-{name}.1"));
        let below = commands_below(&[&name]);
        expected.extend(below.iter().map(|below| format!("huemill-{name}-{below}.1")));
    }
    assert!(
        expected.contains("huemill-process.1") && expected.contains("huemill-jobs-list.1"),
        "{expected:?}"
    );
    assert_eq!(written, expected);
    for name in &written {
        let text = formatted(&pages.join(name));
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS"] {
            assert!(text.lines().any(|line| line == section), "{name} has no {section}: {text}");
        }
    }
    let serve = formatted(&pages.join("huemill-serve.1"));
    for code in ["70", "78", "130"] {
        assert!(serve.lines().any(|line| line.trim_start().starts_with(code)), "{code}: {serve}");
    }
}

#[test]
fn the_first_page_has_the_environment_the_files_and_examples() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("huemill.1");
    fs::write(&page, printed(&["man"])).unwrap();
    let text = formatted(&page);
    for section in ["EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES"] {
        assert!(text.lines().any(|line| line == section), "{section}: {text}");
    }
    for word in [
        "Huemill Manual",
        "HUEMILL_API_KEY",
        "HUEMILL_CACERT",
        "NO_COLOR",
        "DATABASE_URL_FILE",
        "huemill-submit(1)",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn help_names_the_exit_codes_of_each_command() {
    for (args, codes) in [
        (&["--help"][..], &["0", "1", "2", "70", "78", "130"][..]),
        (&["serve", "--help"], &["0", "1", "2", "70", "78", "130"]),
        (&["process", "--help"], &["0", "1", "2"]),
        (&["submit", "-h"], &["0", "1", "2", "78", "130"]),
        (&["jobs", "list", "--help"], &["0", "1", "2", "78"]),
        (&["check", "--help"], &["0", "2", "78"]),
    ] {
        let help = printed(args);
        let (_, list) = help.split_once("\nExit codes:\n").unwrap_or_else(|| panic!("{args:?}: {help}"));
        let named: Vec<_> = list.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
        assert_eq!(named, codes, "{args:?}");
    }
}

#[test]
fn a_page_that_cannot_be_written_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = huemill(&["man", "--out", file.path().to_str().unwrap()]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.starts_with("huemill: ") && errors.contains(file.path().to_str().unwrap()), "{errors}");
}
