//! The shape of the source tree: no crate's modules import each other in a circle, and each file says at its top what
//! it is for. Reads the sources' `use` lines; an import of a name that a module re-exports counts as one of the module
//! that the name comes from.

#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test")]

mod graph;
mod imports;

use std::path::{Path, PathBuf};

use graph::Graph;
use imports::Crate;

/// The source folders of all crates.
const CRATES: [&str; 5] = ["src", "actors/src", "store/src", "imaging/src", "observability/src"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    for name in CRATES {
        let modules = Crate::read(&folder(name));
        assert!(modules.len() > 10, "{name}: {} modules", modules.len());
        let circles = Graph::new(modules.imports()).circles();
        assert!(circles.is_empty(), "{name}: these modules import each other in a circle: {circles:#?}");
    }
}

#[test]
fn each_file_says_at_its_top_what_it_is_for() {
    for name in CRATES {
        for (module, text) in Crate::read(&folder(name)).texts() {
            let has_header = text.starts_with("//! ") || text.starts_with("#![doc = include_str!");
            assert!(has_header, "{name}: {module} has no `//!` header");
        }
    }
}
