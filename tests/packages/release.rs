//! A release: its version comes from one place, its notes from the changelog, and what is made twice is the same. With
//! `HUEMILL_PACKAGES=all` (`make packages`) its files are made of the built program.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::PoisonError;

use crate::debian::{STAGE, package};
use crate::source::{self, is_long_form, program, run};

/// Runs a script with what the scripts of packages share, in this folder.
fn script(folder: &Path, text: &str) -> Output {
    let script = format!(". '{}/packaging/common.sh'; {text}", source::file("").display());
    Command::new("bash")
        .args(["-euc", &script])
        .current_dir(folder)
        .env("SOURCE_DATE_EPOCH", "0")
        .output()
        .unwrap()
}

fn printed(folder: &Path, text: &str) -> String {
    let output = script(folder, text);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_version_of_a_release_is_that_of_the_program() {
    assert_eq!(printed(&source::file(""), "echo $version").trim(), env!("CARGO_PKG_VERSION"));
    let of_program = run(Command::new(env!("CARGO_BIN_EXE_huemill")).arg("--version"));
    assert_eq!(of_program.trim(), concat!("huemill ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn this_version_has_notes() {
    let notes = printed(&source::file(""), "changelog $version");
    assert!(notes.contains("### "), "{notes}");
    assert!(!notes.contains("\n## "), "{notes}");
}

#[test]
fn the_notes_are_the_section_of_the_version_or_else_what_is_unreleased() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("CHANGELOG.md");
    std::fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    std::fs::write(&file, "# Changelog\n\n## Unreleased\n\n### Added\n- b\n\n## 0.1.0 - 2026-01-01\n\n- a\n")
        .unwrap();
    let notes = |version: &str| printed(folder.path(), &format!("changelog {version}"));
    assert_eq!(notes("0.2.0"), "### Added\n- b\n\n");
    assert_eq!(notes("0.1.0"), "- a\n");
    // An empty section is no notes.
    std::fs::write(&file, "# Changelog\n\n## Unreleased\n\n## 0.1.0\n- a\n").unwrap();
    let output = script(folder.path(), "changelog 0.2.0");
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("section 0.2.0"));
}

#[test]
fn a_package_that_is_made_twice_is_the_same() {
    if !is_long_form() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| package(&folder.path().join(name)));
    assert!(std::fs::read(first).unwrap() == std::fs::read(second).unwrap());
}

#[test]
fn a_release_has_all_its_files_and_their_checksums() {
    if !is_long_form() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let release = folder.path().join("release");
    let stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    run(Command::new(source::file("packaging/release.sh"))
        .arg(&release)
        .env("HUEMILL_PACKAGE_BINARY", program())
        .env("HUEMILL_PACKAGE_FAST", "1"));
    drop(stage);
    run(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&release));
    let version = env!("CARGO_PKG_VERSION");
    let sums = std::fs::read_to_string(release.join("SHA256SUMS")).unwrap();
    for end in [".deb", ".ddeb", "-linux.tar.gz", ".cdx.json", "notes.md"] {
        assert!(sums.lines().any(|line| line.ends_with(end)), "{end}: {sums}");
    }
    let materials = std::fs::read_to_string(release.join(format!("huemill-{version}.cdx.json"))).unwrap();
    let materials: serde_json::Value = serde_json::from_str(&materials).unwrap();
    assert_eq!(materials["metadata"]["component"]["version"], version);
    let components = materials["components"].as_array().unwrap();
    assert!(components.iter().any(|component| component["name"] == "actix-web"), "{components:?}");

    // The archive works where it is unpacked.
    let tarball = format!("huemill-{version}-{}-linux", std::env::consts::ARCH);
    run(Command::new("tar")
        .arg("-xzf")
        .arg(release.join(format!("{tarball}.tar.gz")))
        .arg("-C")
        .arg(folder.path()));
    let tree = folder.path().join(tarball);
    assert!(run(Command::new(tree.join("bin/huemill")).arg("--version")).contains(version));
    for file in [
        "lib/systemd/system/huemill.service",
        "share/man/man1/huemill.1",
        "share/doc/huemill/LICENSE-SEETAFACE",
    ] {
        assert!(tree.join(file).is_file(), "{file}");
    }
}
