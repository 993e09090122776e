//! `huemill deliveries`: the operator lists webhooks and redelivers them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use serde_json::Value;

use crate::support::service::Service;
use crate::support::wait_for;
use crate::workspace::{Workspace, client, wait_for_end};

/// Starts a receiver that answers 410 to the first webhook and accepts all others. Returns its port.
fn start_receiver() -> u16 {
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (seen, mut socket) in listener.incoming().map_while(Result::ok).enumerate() {
            let mut reader = BufReader::new(socket.try_clone().unwrap());
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = text.trim().parse().unwrap();
                }
                line.clear();
            }
            let _ = reader.read_exact(&mut vec![0; length]);
            let status = if seen == 0 { "410 Gone" } else { "204 No Content" };
            let _ = write!(socket, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        }
    });
    port
}

/// A workspace, its service, and the dead delivery of a job.
fn with_dead_letter() -> (Workspace, Service, Value) {
    let port = start_receiver();
    let port_text = port.to_string();
    let settings = [
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.2"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", port_text.as_str()),
    ];
    let (workspace, service) = Workspace::with_service(&settings);
    workspace.write_picture("a.png", 30);
    let bytes = std::fs::read(workspace.path("a.png")).unwrap();
    let form = reqwest::blocking::multipart::Form::new()
        .part("images", reqwest::blocking::multipart::Part::bytes(bytes).file_name("a.png"))
        .text("callback_url", format!("http://127.0.0.2:{port}/hook?key=hunter2"));
    let job: Value = client().post(service.url("/jobs")).multipart(form).send().unwrap().json().unwrap();
    wait_for_end(&service, job["job_id"].as_str().unwrap());
    let row = wait_for_status(&workspace, "dead");
    assert_eq!(row["job_id"], job["job_id"]);
    (workspace, service, row)
}

/// Waits until the newest delivery has this status and returns it.
fn wait_for_status(workspace: &Workspace, status: &str) -> Value {
    wait_for(&format!("a delivery is {status}"), || {
        let run = workspace.run_ok(&["deliveries", "list", "--json", "--limit", "1", "--status", status]);
        (!run.out.is_empty()).then(|| run.json())
    })
}

#[test]
fn a_dead_delivery_is_listed_and_redelivered() {
    let (workspace, _service, row) = with_dead_letter();
    let (id, job) = (row["id"].as_str().unwrap(), row["job_id"].as_str().unwrap());
    let list = workspace.run_ok(&["deliveries", "list", "--job", job]);
    let lines: Vec<&str> = list.out.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("DELIVERY "), "{list:?}");
    assert!(
        lines[1].starts_with(id) && lines[1].contains("dead  ") && lines[1].contains("410 gone"),
        "{list:?}"
    );
    assert!(!list.out.contains("hunter2"), "{list:?}");
    assert_eq!(workspace.run_ok(&["deliveries", "list", "--status", "delivered", "--json"]).out, "");
    let run = workspace.run_ok(&["deliveries", "redeliver", id]);
    assert!(run.line().starts_with(&format!("{id}  ")), "{run:?}");
    let taken = wait_for_status(&workspace, "delivered");
    assert_eq!(taken["attempts"].as_array().unwrap().len(), 2, "{taken}");
    let last = if id.ends_with('0') { "1" } else { "0" };
    let run = workspace.run(&["deliveries", "redeliver", &format!("{}{last}", &id[..id.len() - 1])]);
    assert!(run.code == Some(1) && run.err.contains("NOT_FOUND"), "{run:?}");
}

#[test]
fn only_the_operator_can_list_deliveries() {
    let (workspace, _service) = Workspace::with_service(&[]);
    assert_eq!(workspace.run_ok(&["deliveries", "list"]).out.lines().count(), 1);
    let run = workspace.run(&["deliveries", "list", "--token", "another"]);
    assert!(run.code == Some(1) && run.err.contains("UNAUTHORIZED"), "{run:?}");
    let output = workspace
        .command(&["deliveries", "list"])
        .env("DATA_DIR", workspace.path("nowhere"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("OPERATOR_TOKEN"), "{output:?}");
    for args in [
        &["deliveries", "list", "--status", "gone"][..],
        &["deliveries", "list", "--job", "1"],
        &["deliveries", "list", "--limit", "0"],
        &["deliveries", "redeliver", "../health"],
    ] {
        assert_eq!(workspace.run(args).code, Some(2), "{args:?}");
    }
}

#[test]
fn a_redelivery_is_signed_where_the_secret_is_set() {
    let (workspace, _service) = Workspace::with_service(&[
        ("REQUIRE_SIGNATURE", "true"),
        ("WEBHOOK_SECRET", "a-secret-of-both-sides"),
    ]);
    let args = ["deliveries", "redeliver", "dlv_018c0000000000112233445566778899aabbccddeeff"];
    let error = |secret: &str| {
        let output = workspace.command(&args).env("WEBHOOK_SECRET", secret).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(error("a-secret-of-both-sides").contains("NOT_FOUND"), "the signature was refused");
    assert!(error("another-secret-than-that").contains("INVALID_SIGNATURE"));
}
