//! Webhooks listed and sent anew by the operator.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::desk::{Desk, client, ended};
use crate::service::{PATIENCE, Service};

/// A receiver that says 410 to the first webhook and takes all others.
fn receiver() -> u16 {
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

/// A desk, its service, and a job whose end was told in vain.
fn with_dead_letter() -> (Desk, Service, Value) {
    let port = receiver();
    let port_text = port.to_string();
    let settings = [
        ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.2"),
        ("HUEMILL__OUTBOUND__ALLOW_PORTS", port_text.as_str()),
    ];
    let (desk, service) = Desk::with_service(&settings);
    desk.picture("a.png", 30);
    let bytes = std::fs::read(desk.path("a.png")).unwrap();
    let form = reqwest::blocking::multipart::Form::new()
        .part("images", reqwest::blocking::multipart::Part::bytes(bytes).file_name("a.png"))
        .text("callback_url", format!("http://127.0.0.2:{port}/hook?key=hunter2"));
    let job: Value = client().post(service.url("/jobs")).multipart(form).send().unwrap().json().unwrap();
    ended(&service, job["job_id"].as_str().unwrap());
    let row = stands(&desk, "dead");
    assert_eq!(row["job_id"], job["job_id"]);
    (desk, service, row)
}

/// The newest delivery once it stands so.
fn stands(desk: &Desk, status: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let run = desk.ok(&["deliveries", "list", "--json", "--limit", "1", "--status", status]);
        if !run.out.is_empty() {
            return run.json();
        }
        assert!(Instant::now() < deadline, "no delivery is {status}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_dead_letter_is_found_and_sent_anew() {
    let (desk, _service, row) = with_dead_letter();
    let (id, job) = (row["id"].as_str().unwrap(), row["job_id"].as_str().unwrap());
    let list = desk.ok(&["deliveries", "list", "--job", job]);
    let lines: Vec<&str> = list.out.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("DELIVERY "), "{list:?}");
    assert!(
        lines[1].starts_with(id) && lines[1].contains("dead  ") && lines[1].contains("410 gone"),
        "{list:?}"
    );
    assert!(!list.out.contains("hunter2"), "{list:?}");
    assert_eq!(desk.ok(&["deliveries", "list", "--status", "delivered", "--json"]).out, "");
    let run = desk.ok(&["deliveries", "redeliver", id]);
    assert!(run.line().starts_with(&format!("{id}  ")), "{run:?}");
    let taken = stands(&desk, "delivered");
    assert_eq!(taken["attempts"].as_array().unwrap().len(), 2, "{taken}");
    let last = if id.ends_with('0') { "1" } else { "0" };
    let run = desk.run(&["deliveries", "redeliver", &format!("{}{last}", &id[..id.len() - 1])]);
    assert!(run.code == Some(1) && run.err.contains("NOT_FOUND"), "{run:?}");
}

#[test]
fn deliveries_are_the_operators() {
    let (desk, _service) = Desk::with_service(&[]);
    assert_eq!(desk.ok(&["deliveries", "list"]).out.lines().count(), 1);
    let run = desk.run(&["deliveries", "list", "--token", "another"]);
    assert!(run.code == Some(1) && run.err.contains("UNAUTHORIZED"), "{run:?}");
    let output =
        desk.command(&["deliveries", "list"]).env("DATA_DIR", desk.path("nowhere")).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("OPERATOR_TOKEN"), "{output:?}");
    for args in [
        &["deliveries", "list", "--status", "gone"][..],
        &["deliveries", "list", "--job", "1"],
        &["deliveries", "list", "--limit", "0"],
        &["deliveries", "redeliver", "../health"],
    ] {
        assert_eq!(desk.run(args).code, Some(2), "{args:?}");
    }
}

#[test]
fn sending_anew_is_signed_where_the_secret_is_known() {
    let (desk, _service) =
        Desk::with_service(&[("REQUIRE_SIGNATURE", "true"), ("WEBHOOK_SECRET", "a-secret-of-both-sides")]);
    let args = ["deliveries", "redeliver", "dlv_018c0000000000112233445566778899aabbccddeeff"];
    let told = |secret: &str| {
        let output = desk.command(&args).env("WEBHOOK_SECRET", secret).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(told("a-secret-of-both-sides").contains("NOT_FOUND"), "it was believed, and there is none");
    assert!(told("another-secret-than-that").contains("INVALID_SIGNATURE"));
}
