//! `huemill keys`, and keys that other commands send.

use crate::workspace::Workspace;

/// The value behind a word of the lines that show a new key.
fn value<'a>(shown: &'a str, word: &str) -> &'a str {
    shown
        .lines()
        .find_map(|line| line.strip_prefix(word))
        .unwrap_or_else(|| panic!("{word} in {shown}"))
        .trim()
}

#[test]
fn a_key_is_created_used_listed_rotated_and_revoked() {
    let (workspace, _service) = Workspace::with_service(&[("HUEMILL__ACCESS__MODE", "keys")]);
    workspace.write_picture("a.png", 30);
    let run = workspace.run(&["submit", "a.png"]);
    assert!(run.code == Some(1) && run.err.contains("UNAUTHORIZED"), "{run:?}");
    let made =
        workspace.run_ok(&["keys", "create", "shop", "--days", "30", "--limits", r#"{"open_jobs": 5}"#]);
    let (id, key) = (value(&made.out, "id"), value(&made.out, "key"));
    assert!(key.starts_with("hm_") && value(&made.out, "webhook secret").starts_with("whsec_"), "{made:?}");
    let submitted = workspace.run_ok(&["submit", "a.png", "--api-key", key, "--watch"]);
    assert!(submitted.out.contains("job_"), "{submitted:?}");
    let list = workspace.run_ok(&["keys", "list"]);
    assert!(list.out.contains("shop") && list.out.contains("process,jobs:read,jobs:write"), "{list:?}");
    assert!(!list.out.contains("hm_"), "{list:?}");
    let json = workspace.run_ok(&["keys", "list", "--json"]).json();
    assert!(json["id"] == id && json["limits"]["open_jobs"] == 5, "{json}");
    let rotated = workspace.run_ok(&["keys", "rotate", id, "--overlap", "0"]);
    let run = workspace.run(&["submit", "a.png", "--api-key", key]);
    assert!(run.code == Some(1) && run.err.contains("expired"), "{run:?}");
    workspace.run_ok(&["submit", "a.png", "--api-key", value(&rotated.out, "key")]);
    workspace.run_ok(&["keys", "revoke", value(&rotated.out, "id")]);
    let run = workspace.run(&["submit", "a.png", "--api-key", value(&rotated.out, "key")]);
    assert!(run.code == Some(1) && run.err.contains("revoked"), "{run:?}");
    for args in [&["keys", "create", "x", "--scopes", "root"][..], &["keys", "revoke", "x"]] {
        assert_eq!(workspace.run(args).code, Some(2), "{args:?}");
    }
}
