//! Hostile servers (rows S13, S19 to S22): the service checks the size, the time and the content of a download while it
//! arrives, both for a waiting client and for a job.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;

use crate::answers::photo;
use crate::job_requests::{accepted, ended, id};
use crate::test_server::{HOST, Script, TestServer, answer, ok, redirect, spawn};
use crate::test_service::{TestService, assert_problem};

/// Checks that a waiting client and a job of this URL get this error.
#[track_caller]
fn assert_download_fails(service: &TestService, url: &str, status: u16, code: &str) {
    for path in ["/fetch_url", "/process"] {
        let problem =
            assert_problem(service.post(path).json(&json!({"url": url})).send().unwrap(), status, code);
        let message = problem["user_message"].as_str().unwrap();
        assert!(!message.contains(HOST), "{message}");
    }
    let job = accepted(service.post("/jobs").json(&json!({"urls": [url]})).send().unwrap());
    let job = ended(service, id(&job));
    assert_eq!(job["failed"][0]["error_code"], code, "{url}: {job}");
}

#[test]
fn s19_downloads_from_servers_that_dribble_time_out() {
    let server = TestServer::start(|path| match path {
        "/body" => Script::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec(), b"x".to_vec()),
        "/head" => Script::Drip(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-More: 1\r\n".to_vec()),
        _ => Script::Drip(Vec::new(), Vec::new()),
    });
    let service = spawn(
        &[server.port()],
        &[("HUEMILL__OUTBOUND__TOTAL_SECONDS", "2"), ("HUEMILL__OUTBOUND__HEAD_SECONDS", "1")],
    );
    for path in ["/body", "/head", "/nothing"] {
        assert_download_fails(&service, &server.url(path), 408, "URL_TIMEOUT");
    }
    service.assert_healthy();
}

#[test]
fn s20_wrong_lengths_and_endless_bodies_are_refused() {
    let megabyte = vec![7_u8; 1 << 20];
    let chunk = [b"100000\r\n".as_slice(), &megabyte, b"\r\n"].concat();
    let bomb = {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..32 {
            std::io::Write::write_all(&mut gzip, &megabyte).unwrap();
        }
        gzip.finish().unwrap()
    };
    let server = TestServer::start(move |path| match path {
        "/ten" => {
            Script::Flood(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n".to_vec(), megabyte.clone(), 1_000)
        }
        "/chunks" => Script::Flood(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            chunk.clone(),
            10_000,
        ),
        "/endless" => Script::Flood(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), megabyte.clone(), 10_000),
        "/declared" => Script::Once(b"HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n".to_vec()),
        _ => answer("200 OK", "Content-Encoding: gzip\r\nContent-Type: image/png\r\n", &bomb),
    });
    let service = spawn(&[server.port()], &[("HUEMILL__LIMITS__IMAGE_BYTES", "5000000")]);
    assert_download_fails(&service, &server.url("/ten"), 415, "UNSUPPORTED_MEDIA_TYPE");
    assert_download_fails(&service, &server.url("/gzip"), 415, "UNSUPPORTED_MEDIA_TYPE");
    for path in ["/chunks", "/endless", "/declared"] {
        assert_download_fails(&service, &server.url(path), 413, "PAYLOAD_TOO_LARGE");
    }
    service.assert_healthy();
}

#[test]
fn s21_the_content_decides_whatever_the_header_says() {
    let server = TestServer::start(|path| match path {
        "/picture" => answer("200 OK", "Content-Type: text/html\r\n", &photo("png")),
        "/page" => answer("200 OK", "Content-Type: image/png\r\n", b"<!doctype html><p>no picture"),
        "/svg" => {
            answer("200 OK", "Content-Type: image/png\r\n", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>")
        }
        "/pdf" => ok(b"%PDF-1.7\n"),
        _ => ok(b""),
    });
    let service = spawn(&[server.port()], &[]);
    let fetched = service.post("/fetch_url").json(&json!({"url": server.url("/picture")})).send().unwrap();
    assert_eq!(fetched.json::<serde_json::Value>().unwrap()["content_type"], "image/png");
    for path in ["/page", "/svg", "/pdf", "/empty"] {
        assert_download_fails(&service, &server.url(path), 415, "UNSUPPORTED_MEDIA_TYPE");
    }
    service.assert_healthy();
}

#[test]
fn s22_failures_of_servers_are_reported_as_upstream_errors() {
    let server = TestServer::start(|path| match path {
        "/cut" => Script::Once(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n\x89PNG\r\n\x1a\n".to_vec()),
        "/garbage" => Script::Once(b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec()),
        "/closed" => Script::Once(Vec::new()),
        path => answer(&format!("{} Status", &path[1..]), "", &photo("png")),
    });
    let closed = std::net::TcpListener::bind((HOST, 0)).unwrap().local_addr().unwrap();
    let secure = TestServer::start_tls(tls().0, |_| ok(&photo("png")));
    let service = spawn(&[server.port(), closed.port(), secure.port()], &[]);
    for path in ["/204", "/206", "/404", "/500", "/503", "/cut", "/garbage", "/closed"] {
        assert_download_fails(&service, &server.url(path), 502, "UPSTREAM_ERROR");
    }
    assert_download_fails(&service, &format!("http://{closed}/"), 502, "UPSTREAM_ERROR");
    // No authority that the service trusts has signed the certificate.
    assert_download_fails(&service, &secure.url("/"), 502, "UPSTREAM_ERROR");
    assert!(secure.requests().is_empty(), "a server without a trusted certificate has got a request");
    service.assert_healthy();
}

#[test]
fn s13_a_redirect_from_https_to_http_is_refused() {
    let plain = TestServer::start(|_| ok(&photo("png")));
    let to = plain.url("/");
    let (config, certificate) = tls();
    let secure = TestServer::start_tls(config, move |path| match path {
        "/down" => redirect(302, &to),
        "/on" => redirect(302, "/good"),
        _ => ok(&photo("png")),
    });
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, certificate).unwrap();
    let service =
        spawn(&[plain.port(), secure.port()], &[("HUEMILL__OUTBOUND__ROOTS", roots.to_str().unwrap())]);
    assert_download_fails(&service, &secure.url("/down"), 400, "INVALID_URL");
    assert!(plain.requests().is_empty());
    let fetched = service.post("/fetch_url").json(&json!({"url": secure.url("/on")})).send().unwrap();
    assert_eq!(fetched.status(), 200);
    service.assert_healthy();
}

/// The TLS settings of a server, and its certificate as PEM.
fn tls() -> (Arc<ServerConfig>, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (Arc::new(config), cert.pem())
}
