//! The container image and the Compose files. The short form lints them and holds them to the sources and the settings;
//! the long form (`HUEMILL_PACKAGES=all`, which `make packages` sets) builds the image's last stage and runs it. Neither
//! needs a daemon or a registry.

mod compose;
mod context;
mod image;

use std::process::Command;

use crate::source::{file, read, run};
use crate::support::servers::{Tool, require};
use context::Rules;

/// A program that `tests/verifiers.sh` installs for these tests.
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
    run(tool("hadolint").arg(file("Dockerfile")));
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
    context::copy(&file(""), context.path(), &rules);

    let included = context::included(context.path());
    assert!(included.len() > 50, "{included:#?}");
    // Cargo builds nothing while the file of a benchmark that a manifest names is not there.
    let targets = context::targets(&file("")).into_iter().map(|target| context.path().join(target));
    let missing: Vec<_> = included.into_iter().chain(targets).filter(|file| !file.exists()).collect();
    assert!(missing.is_empty(), "the build reads these, and .dockerignore leaves them out: {missing:#?}");
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
