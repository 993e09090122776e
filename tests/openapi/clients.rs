//! Clients that published generators make of the document: their types compile, and they upload pictures, run jobs, poll
//! them and read webhooks.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::document::committed;
use crate::support::pictures::noise_png;
use crate::support::servers::{Tool, require};
use crate::support::service::Service;
use crate::support::{loopback_settings, variables};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn program(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi/clients").join(name);
    path.to_str().unwrap().to_owned()
}

/// A folder with a picture in it.
fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("picture.png"), noise_png(64, 1)).unwrap();
    folder
}

fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {stdout}{stderr}");
    output
}

#[test]
fn a_typescript_client_uploads_pictures_and_polls_jobs() {
    require!(OpenApiTools);
    let (folder, tools) = (workspace(), Tool::OpenApiTools.path());
    let libraries = tools.join("node_modules");
    std::os::unix::fs::symlink(&libraries, folder.path().join("node_modules")).unwrap();
    std::fs::write(folder.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
    std::fs::copy(program("client.ts"), folder.path().join("client.ts")).unwrap();
    let node = |program: &str| {
        let mut command = Command::new("node");
        command.current_dir(folder.path()).arg(libraries.join(".bin").join(program));
        command
    };
    run(node("openapi-typescript").arg(committed()).args(["--output", "service.d.ts"]));
    let target = ["--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable"];
    let strict =
        ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--types", "node"];
    run(node("tsc").args(target).args(strict).arg("client.ts"));

    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &[]);
    let mut client = Command::new("node");
    client.current_dir(folder.path()).args(["client.js", &service.url(""), "picture.png"]);
    let found: Value = serde_json::from_slice(&run(&mut client).stdout).unwrap();
    assert_eq!((found["colors"].as_array().unwrap().len(), &found["triple"]), (5, &json!(3)), "{found}");
    assert_eq!((&found["card"], &found["refused"]), (&Value::Null, &json!("INVALID_INPUT")));
    assert_eq!((&found["status"], found["results"].as_array().unwrap().len()), (&json!("completed"), 2));
    assert_eq!(found["card_is_inline"], true);
    assert_eq!(found["again"], 304, "{found}");
}

#[test]
fn a_python_client_uploads_pictures_and_reads_webhooks() {
    require!(OpenApiTools);
    let (folder, tools) = (workspace(), Tool::OpenApiTools.path());
    let python = tools.join("python/bin");
    let generated = run(Command::new(python.join("openapi-python-client"))
        .current_dir(folder.path())
        .env("PATH", format!("{}:{}", python.display(), std::env::var("PATH").unwrap()))
        .args(["generate", "--meta", "none", "--output-path", "service", "--config", &program("config.json")])
        .arg("--path")
        .arg(committed()));
    let report = String::from_utf8_lossy(&generated.stdout).into_owned();
    assert!(!report.contains("WARNING") && !report.contains("Unable"), "{report}");

    let mut client = Command::new(python.join("python"))
        .args([&program("client.py"), folder.path().to_str().unwrap()])
        .args([folder.path().join("picture.png").to_str().unwrap(), SECRET])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(client.stdout.take().unwrap());
    let mut port = String::new();
    output.read_line(&mut port).unwrap();
    let data = tempfile::tempdir().unwrap();
    let settings =
        [loopback_settings(&[port.trim().parse().unwrap()]), variables(&[("WEBHOOK_SECRET", SECRET)])];
    let service = Service::start(data.path(), &settings.concat());
    writeln!(client.stdin.take().unwrap(), "{}", service.url("")).unwrap();
    let mut found = String::new();
    output.read_to_string(&mut found).unwrap();
    assert!(client.wait().unwrap().success(), "{found}");
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(
        (&found["colors"], &found["triple"], &found["refused"]),
        (&json!(5), &json!(3), &json!("INVALID_INPUT"))
    );
    assert_eq!((&found["status"], found["results"].as_array().unwrap().len()), (&json!("completed"), 2));
    assert_eq!(found["again"], 304, "{found}");
    assert_eq!(found["webhook"], json!([true, "completed", 2]), "{found}");
    assert_eq!((&found["signatures"], &found["forged"]), (&json!([true, true]), &json!([false, false])));
}
