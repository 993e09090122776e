//! TLS on the public listener: certificates and their rotation, client certificates, and that connections with TLS have the
//! same ends as those without. The operators' listener, without TLS, shows what the service thinks of it.

use std::io::{ErrorKind, Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::answers::photo;
use crate::archives::{Member, zip};
use crate::support::wait_for;
use crate::tls_service::{Authority, IMPATIENT, Identity, TlsService, large_answer, write};

#[test]
fn https_is_answered_and_links_say_so() {
    let tls = TlsService::start(&[]);
    let answer = tls.get(tls.trusting(), "/health").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let body = json!({ "zip": STANDARD.encode(zip(&[Member::stored("a.png", &photo("png"))])) }).to_string();
    let head = format!(
        "POST /jobs HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let created = tls.send(tls.trusting(), format!("{head}{body}").as_bytes()).unwrap();
    let (_, body) = created.split_once("\r\n\r\n").unwrap();
    let id = serde_json::from_str::<Value>(body).unwrap()["job_id"].as_str().unwrap().to_owned();
    let done = wait_for("the job is completed", || {
        let status = tls.get(tls.trusting(), &format!("/jobs/{id}?cards=url")).unwrap();
        status.contains("\"completed\"").then_some(status)
    });
    assert!(done.contains("\"download_url\":\"https://localhost:1/"), "{done}");
    assert!(!done.contains("http://"), "{done}");
}

#[test]
fn certificates_are_read_again_when_they_change() {
    let tls = TlsService::start(&[]);
    let next = Authority::new();
    let old = tls.connect(tls.trusting());
    write(&tls.files, &next.issue());
    tls.service.wait_for_event("tls_reloaded", |_| true);
    let trusting = || next.client(None, &["http/1.1"]);
    assert!(tls.get(trusting(), "/health").unwrap().starts_with("HTTP/1.1 200"));
    assert!(tls.get(tls.trusting(), "/health").is_err(), "the old certificate is not used any more");
    drop(old);

    for broken in ["nonsense".to_owned(), Authority::new().issue().certificate] {
        let before = tls.service.log().iter().filter(|line| line["event"] == "tls_reload_failed").count();
        std::fs::write(tls.files.path().join("server.pem"), broken).unwrap();
        tls.service.wait_for("the broken file is logged", |service| {
            service.log().iter().filter(|line| line["event"] == "tls_reload_failed").count() > before
        });
        assert!(
            tls.get(trusting(), "/health").unwrap().starts_with("HTTP/1.1 200"),
            "the last good one stays"
        );
    }
    assert!(!format!("{:?}", tls.service.log()).contains("PRIVATE KEY"));
}

#[test]
fn a_client_certificate_is_required_where_authorities_are_configured() {
    let tls = TlsService::start(&[("HUEMILL__TLS__CLIENT_CA", "CA")]);
    let (right, wrong) = (tls.authority.issue(), Authority::new().issue());
    let with =
        |identity: Option<&Identity>| tls.get(tls.authority.client(identity, &["http/1.1"]), "/health");
    assert!(with(Some(&right)).unwrap().starts_with("HTTP/1.1 200"));
    assert!(with(Some(&wrong)).is_err());
    assert!(with(None).is_err());
    tls.service.wait_for_event("tls_handshake_failed", |line| line["level"] == "debug");
    tls.assert_no_error_logged();
}

#[test]
fn files_that_cannot_be_used_are_an_error_at_start() {
    let files = tempfile::tempdir().unwrap();
    let identity = Authority::new().issue();
    write(&files, &identity);
    std::fs::write(files.path().join("other.key"), Authority::new().issue().key).unwrap();
    let path = |name: &str| files.path().join(name).display().to_string();
    for (certificate, key, expected) in [
        ("server.pem", "missing.key", "missing.key"),
        ("server.key", "server.key", "server.key: contains no certificate"),
        ("server.pem", "server.pem", "server.pem: contains no private key"),
        ("server.pem", "other.key", "cannot be used"),
    ] {
        for command in ["check", "serve"] {
            let output = Command::new(env!("CARGO_BIN_EXE_huemill"))
                .arg(command)
                .env_clear()
                .env("DATA_DIR", path("data"))
                .env("PORT", "0")
                .env("HUEMILL__TLS__CERTIFICATE", path(certificate))
                .env("HUEMILL__TLS__KEY", path(key))
                .output()
                .unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(78), "{command}: {errors}");
            assert!(errors.contains(expected), "{command}: {errors}");
        }
    }
}

#[test]
fn a_slow_handshake_has_an_end() {
    let tls = TlsService::start(&[("HUEMILL__SERVER__HEADER_SECONDS", "1")]);
    let started = Instant::now();
    let mut silent = tls.service.socket();
    let mut slow = tls.service.socket();
    // The beginning of a record that never ends.
    slow.write_all(&[22, 3, 1, 2, 0, 1]).unwrap();
    for socket in [&mut silent, &mut slow] {
        let mut rest = Vec::new();
        let end = socket.read_to_end(&mut rest);
        assert!(!end.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)));
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(tls.get(tls.trusting(), "/health").unwrap().starts_with("HTTP/1.1 200"));
    tls.assert_no_error_logged();
}

#[test]
fn nonsense_instead_of_a_handshake_is_no_error() {
    let tls = TlsService::start(&[]);
    let answer = tls.service.raw(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(!answer.contains("200"), "{answer}");
    assert!(tls.get(tls.trusting(), "/health").unwrap().starts_with("HTTP/1.1 200"));
    tls.assert_no_error_logged();
}

#[test]
fn o2_a_client_that_does_not_read_is_cut_off_with_tls_too() {
    let tls = TlsService::start(&IMPATIENT);
    let zip = large_answer();
    let mut stream = tls.connect(tls.trusting());
    let head = format!(
        "POST /process_zip HTTP/1.1\r\nHost: x\r\nContent-Type: application/zip\r\nContent-Length: {}\r\n\r\n",
        zip.len()
    );
    stream.write_all(&[head.as_bytes(), &zip].concat()).unwrap();
    tls.service.wait_for("the request is in progress", |_| tls.ready()["active_requests"] == 1);
    tls.wait_for_rest();
    drop(stream);
}

#[test]
fn the_commands_speak_https() {
    let tls = TlsService::start(&[]);
    let run = |arguments: &[&str], more: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_huemill"));
        command.env_clear().envs(more.iter().copied()).args(arguments).output().unwrap()
    };
    let picture = tls.files.path().join("a.png");
    std::fs::write(&picture, photo("png")).unwrap();
    let (picture, ca) =
        (picture.display().to_string(), tls.files.path().join("ca.pem").display().to_string());
    let server = tls.url("");
    let submit = ["submit", &picture, "--tries", "1", "--server", &server];
    let output = run(&[&submit[..], &["--cacert", &ca]].concat(), &[]);
    assert!(output.status.success() && output.stdout.starts_with(b"job_"), "{output:?}");
    assert!(!run(&submit, &[]).status.success(), "the authority is unknown");

    let (port, path) = (tls.service.address.port().to_string(), tls.files.path().join("server.pem"));
    let key = tls.files.path().join("server.key");
    let settings = [
        ("PORT", port.as_str()),
        ("HUEMILL__TLS__CERTIFICATE", path.to_str().unwrap()),
        ("HUEMILL__TLS__KEY", key.to_str().unwrap()),
    ];
    assert!(run(&["healthcheck"], &settings).status.success());
    assert!(
        !run(&["healthcheck", "--url", &tls.url("/ready")], &[]).status.success(),
        "the authority is unknown"
    );
}
