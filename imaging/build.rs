//! Finds the face model and puts it where `src/faces.rs` includes it from.
//!
//! The model is a file in the package of the crate rustface, which cargo has already downloaded: it is a build dependency.
//! Cargo does not tell a build script where a dependency lies, so a small package with only that dependency asks
//! `cargo metadata`, without network. The workspace itself would not do: its metadata needs all of its packages, also
//! those of tests and other systems, which a plain build does not download. `HUEMILL_FACE_MODEL`, the path of the file,
//! replaces the search. A build without the model fails with a message that names the variable.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const OVERRIDE: &str = "HUEMILL_FACE_MODEL";
/// Where the file is in the package.
const MODEL: &str = "model/seeta_fd_frontal_v1.0.bin";
const BYTES: u64 = 1_209_904;

/// The workspace table keeps cargo from looking for one above the target folder.
const ASKING: &str = r#"[package]
name = "face-model"
version = "0.0.0"
edition = "2024"

[lib]
path = "lib.rs"

[dependencies]
rustface = { version = "=0.1.7", default-features = false }

[workspace]
"#;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={OVERRIDE}");
    if let Err(message) = copy_model() {
        println!("cargo::error={message}. Set {OVERRIDE} to the path of rustface's {MODEL}.");
    }
}

fn copy_model() -> Result<(), String> {
    let out = PathBuf::from(variable("OUT_DIR")?);
    let model = match env::var_os(OVERRIDE) {
        Some(path) => PathBuf::from(path),
        None => find_model(&out.join("face-model"))?,
    };
    println!("cargo::rerun-if-changed={}", model.display());
    let copied = fs::copy(&model, out.join("faces.bin"));
    match copied.map_err(|error| format!("cannot copy the face model {}: {error}", model.display()))? {
        BYTES => Ok(()),
        other => Err(format!("the face model {} has {other} bytes instead of {BYTES}", model.display())),
    }
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}

/// Asks cargo, from a package in `folder`, where rustface is.
fn find_model(folder: &Path) -> Result<PathBuf, String> {
    let written = fs::create_dir_all(folder)
        .and_then(|()| fs::write(folder.join("Cargo.toml"), ASKING))
        .and_then(|()| fs::write(folder.join("lib.rs"), ""));
    written.map_err(|error| format!("cannot write to {}: {error}", folder.display()))?;
    // The working folder is this package's: the configuration that names a vendored source is found from there.
    let output = Command::new(variable("CARGO")?)
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &variable("HOST")?])
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"))
        .output()
        .map_err(|error| format!("cannot run cargo metadata: {error}"))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
        return Err(format!(
            "cargo metadata did not find the crate rustface, which has the face model: {reason}"
        ));
    }
    model_among(&String::from_utf8_lossy(&output.stdout))
}

/// The model of the one package that has it.
fn model_among(metadata: &str) -> Result<PathBuf, String> {
    let manifests = metadata.split(r#""manifest_path":""#).skip(1).filter_map(|rest| rest.split('"').next());
    let folders =
        manifests.map(|path| PathBuf::from(path.replace(r"\\", r"\"))).map(|path| path.with_file_name(MODEL));
    let mut models = folders.filter(|path| path.is_file());
    models.next().ok_or_else(|| format!("no package of cargo metadata has {MODEL}"))
}
