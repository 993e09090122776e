//! Dependencies are what deny.toml allows: each comes from crates.io and under a licence of the list. The same rules as
//! `make deny`, for machines without cargo-deny; the advisories are asked for there alone.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, LicenseReq, ParseMode};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// All packages that the lock file names, those of other systems included.
fn packages() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--all-features"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The licences that deny.toml allows.
fn allowed() -> BTreeSet<String> {
    let rules: toml::Value = toml::from_str(include_str!("../deny.toml")).unwrap();
    let names = rules["licenses"]["allow"].as_array().unwrap();
    names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn is_allowed(allowed: &BTreeSet<String>, licence: &LicenseReq) -> bool {
    allowed.contains(&licence.to_string())
}

#[test]
fn every_dependency_comes_from_the_registry_under_an_allowed_licence() {
    let (packages, allowed) = (packages(), allowed());
    assert!(packages.len() > 100 && allowed.contains("MIT"), "{} packages, {allowed:?}", packages.len());
    let mut wrong = Vec::new();
    for package in &packages {
        let name = format!("{} {}", package["name"], package["version"]);
        match package["source"].as_str() {
            None | Some(REGISTRY) => {}
            Some(source) => wrong.push(format!("{name} comes from {source}")),
        }
        let expression = package["license"].as_str().unwrap_or_default();
        let licence = Expression::parse_mode(expression, ParseMode::LAX);
        if !licence.is_ok_and(|licence| licence.evaluate(|licence| is_allowed(&allowed, licence))) {
            wrong.push(format!("{name} has the licence {expression:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_licence_of_the_gpl_is_refused_and_a_choice_is_enough() {
    let allowed = allowed();
    let passes = |text: &str| {
        let licence = Expression::parse_mode(text, ParseMode::LAX).unwrap();
        licence.evaluate(|licence| is_allowed(&allowed, licence))
    };
    assert!(
        passes("MIT OR GPL-3.0-only") && passes("MIT/Apache-2.0") && passes("Apache-2.0 WITH LLVM-exception")
    );
    assert!(!passes("GPL-3.0-or-later") && !passes("MIT AND GPL-2.0-only") && !passes("AGPL-3.0-only"));
}
