//! The container image and the Compose files. The short form lints them and holds them to the sources and the settings;
//! the long form (`HUEMILL_PACKAGES=all`, which `make packages` sets) builds the image's last stage and runs it. Neither
//! needs a daemon or a registry.

mod compose;
mod context;
mod image;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::servers::{Tool, require};
use context::Rules;

/// A file or folder of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap()
}

/// Whether the tests that need buildah, Caddy and root run too.
fn is_long_form() -> bool {
    std::env::var_os("HUEMILL_PACKAGES").is_some_and(|form| form == "all")
}

/// Runs a command that must succeed, and returns its output.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {stdout}{stderr}");
    stdout.into_owned()
}

/// A program that is installed from PyPI for these tests.
fn tool(name: &str) -> Command {
    Command::new(Tool::ContainerTools.path().join("python/bin").join(name))
}

/// The value of an `ARG` of the Dockerfile.
fn argument(name: &str) -> String {
    let prefix = format!("ARG {name}=");
    read("Dockerfile").lines().find_map(|line| line.strip_prefix(&prefix)).unwrap().to_owned()
}

#[test]
fn hadolint_finds_nothing_in_the_dockerfile() {
    require!(ContainerTools);
    run(tool("hadolint").arg(repository("Dockerfile")));
}

#[test]
fn the_image_has_the_version_of_the_program_and_bases_that_cannot_change() {
    assert_eq!(argument("VERSION"), env!("CARGO_PKG_VERSION"));
    for name in ["RUST_IMAGE", "RUNTIME_IMAGE"] {
        let image = argument(name);
        let digest =
            image.split_once("@sha256:").unwrap_or_else(|| panic!("{name} has no digest: {image}")).1;
        let is_hexadecimal = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(digest.len() == 64 && is_hexadecimal, "{name}: {image}");
    }
}

#[test]
fn the_build_context_has_all_that_cargo_and_the_sources_read() {
    let context = tempfile::tempdir().unwrap();
    let rules = Rules::read(&read(".dockerignore"));
    context::copy(&repository(""), context.path(), &rules);

    // Cargo refuses a manifest that names a target whose file is not there.
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    run(Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(context.path()));
    let included = context::included(context.path());
    assert!(included.len() > 50, "{included:#?}");
    let missing: Vec<_> = included.iter().filter(|file| !file.exists()).collect();
    assert!(missing.is_empty(), "the sources include these, and .dockerignore leaves them out: {missing:#?}");
    for needed in [".cargo/config.toml", "Cargo.lock", "LICENSE-MIT", "LICENSE-APACHE", "LICENSE-SEETAFACE"] {
        assert!(context.path().join(needed).exists(), "{needed}");
    }
}

#[test]
fn secrets_data_tests_and_built_files_stay_out_of_the_build_context() {
    let rules = Rules::read(&read(".dockerignore"));
    for path in [
        ".git/config",
        "data/huemill.db",
        "docs/openapi.json",
        "imaging/target/criterion/report.json",
        "packaging/compose/secrets/database_url",
        "rust-toolchain.toml",
        "store/tests/support/servers.rs",
        "target/ci/huemill",
        "tests/api/main.rs",
        "web/node_modules/typescript/package.json",
    ] {
        assert!(!rules.let_in(path), "{path}");
    }
}
