//! Generated requests, sent to a real service: every answer is one that the document describes. Undocumented members of
//! answers are found too, since the schemas of answers are closed here.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::document::committed;
use crate::support::servers::{Tool, require};
use crate::support::service::Service;
use crate::support::variables;

const TOKEN: &str = "the-operator-token-of-tests";

/// Requests in `make test`. `make openapi-cases` sends more.
const CASES: &str = "400";

/// The setting of this name, or this value.
fn setting(name: &str, otherwise: &str) -> String {
    std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| otherwise.to_owned())
}

/// The document with schemas of answers that allow no members but those that they name. Clients must expect others; the
/// service of this version has none.
fn closed() -> Value {
    let mut document: Value = serde_json::from_slice(&std::fs::read(committed()).unwrap()).unwrap();
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    let of_requests = ["Form", "Json", "NewKey", "KeyRotation", "KeyLimits"];
    for (name, schema) in schemas {
        let is_closed = of_requests.iter().all(|end| !name.ends_with(end));
        if is_closed && schema["type"] == "object" && schema.get("additionalProperties").is_none() {
            schema["additionalProperties"] = json!(false);
        }
    }
    document
}

#[test]
fn the_service_answers_nothing_that_the_document_does_not_describe() {
    require!(OpenApiTools);
    let (seed, cases) = (setting("HUEMILL_OPENAPI_SEED", "1"), setting("HUEMILL_OPENAPI_CASES", CASES));
    println!("HUEMILL_OPENAPI_SEED={seed}, {cases} cases");
    let data = tempfile::tempdir().unwrap();
    let document = data.path().join("openapi.json");
    std::fs::write(&document, closed().to_string()).unwrap();
    let service = Service::start(&data.path().join("service"), &variables(&[("OPERATOR_TOKEN", TOKEN)]));
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openapi/clients/cases.py");
    let sent = Command::new(Tool::OpenApiTools.path().join("python/bin/python"))
        .current_dir(data.path())
        .arg(program)
        .arg(&document)
        .args([&service.url(""), TOKEN, &seed, &cases])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&sent.stdout).into_owned();
    println!("{report}");
    assert!(sent.status.success(), "seed {seed}: {report}{}", String::from_utf8_lossy(&sent.stderr));
}
