//! The document itself: the service, the command and the repository have the same one, and Spectral finds nothing in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::http::client;
use crate::support::servers::{Tool, require};
use crate::support::service::Service;

/// The file that the repository has.
pub fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json")
}

fn printed() -> String {
    let printed = Command::new(env!("CARGO_BIN_EXE_huemill")).arg("openapi").output().unwrap();
    assert!(printed.status.success());
    String::from_utf8(printed.stdout).unwrap()
}

#[test]
fn the_committed_document_is_that_of_the_code() {
    let committed = std::fs::read_to_string(committed()).unwrap_or_default();
    assert!(committed == printed(), "docs/openapi.json is out of date: run `make openapi` and commit it");
}

#[test]
fn the_served_document_is_the_printed_one_and_is_revalidated_by_its_tag() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &[]);
    let get = |headers: &[(&str, &str)]| {
        let request = client().get(service.url("/openapi.json"));
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().unwrap()
    };
    let answer = get(&[]);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let tag = header("etag");
    assert_eq!(
        (header("content-type"), header("cache-control")),
        ("application/json".into(), "no-cache".into())
    );
    assert!(tag.starts_with('"') && header("vary").contains("Accept-Encoding"), "{:?}", answer.headers());
    let served: Value = answer.json().unwrap();
    assert_eq!(served, serde_json::from_str::<Value>(&printed()).unwrap());
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1."));

    let unchanged = get(&[("if-none-match", &tag)]);
    assert_eq!((unchanged.status().as_u16(), unchanged.headers()["etag"].to_str().unwrap()), (304, &*tag));
    let compressed = get(&[("accept-encoding", "gzip")]);
    assert_eq!(compressed.headers()["content-encoding"], "gzip");
    let other_tag = compressed.headers()["etag"].to_str().unwrap().to_owned();
    assert_ne!(other_tag, tag, "compressed, it is another representation");
    assert_eq!(get(&[("if-none-match", &other_tag), ("accept-encoding", "gzip")]).status(), 304);
}

#[test]
fn spectral_finds_nothing() {
    require!(OpenApiTools);
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi/spectral.yaml");
    let found = Command::new("node")
        .arg(Tool::OpenApiTools.path().join("node_modules/.bin/spectral"))
        .args(["lint", "--fail-severity=hint", "--display-only-failures=false", "--ruleset"])
        .args([&rules, &committed()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let report =
        String::from_utf8_lossy(&found.stdout).into_owned() + &String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success(), "{report}");
}
