//! Hostile servers (rows S13, S19 to S22): what they send is judged while it comes, by its bytes, its time and its
//! content, for whoever waits and for a job's picture alike.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;

use crate::app::{App, assert_problem};
use crate::cards::photo;
use crate::jobs_app::{accepted, ended, id};
use crate::site::{HOST, Say, Site, answer, ok, redirect, spawn};

/// Fails unless whoever waits is told so, and a job of this picture alone too.
#[track_caller]
fn judged(app: &App, url: &str, status: u16, code: &str) {
    for path in ["/fetch_url", "/process"] {
        let told = assert_problem(app.post(path).json(&json!({"url": url})).send().unwrap(), status, code);
        let told = told["user_message"].as_str().unwrap();
        assert!(!told.contains(HOST), "{told}");
    }
    let job = accepted(app.post("/jobs").json(&json!({"urls": [url]})).send().unwrap());
    let job = ended(app, id(&job));
    assert_eq!(job["failed"][0]["error_code"], code, "{url}: {job}");
}

#[test]
fn s19_servers_that_dribble_are_given_up_in_time() {
    let site = Site::open(|path| match path {
        "/body" => Say::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec(), b"x".to_vec()),
        "/head" => Say::Drip(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-More: 1\r\n".to_vec()),
        _ => Say::Drip(Vec::new(), Vec::new()),
    });
    let app = spawn(
        &[site.port()],
        &[("HUEMILL__OUTBOUND__TOTAL_SECONDS", "2"), ("HUEMILL__OUTBOUND__HEAD_SECONDS", "1")],
    );
    for path in ["/body", "/head", "/nothing"] {
        judged(&app, &site.url(path), 408, "URL_TIMEOUT");
    }
    app.assert_well();
}

#[test]
fn s20_lengths_that_lie_and_bodies_without_an_end() {
    let megabyte = vec![7_u8; 1 << 20];
    let chunk = [b"100000\r\n".as_slice(), &megabyte, b"\r\n"].concat();
    let bomb = {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..32 {
            std::io::Write::write_all(&mut gzip, &megabyte).unwrap();
        }
        gzip.finish().unwrap()
    };
    let site = Site::open(move |path| match path {
        "/ten" => {
            Say::Flood(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n".to_vec(), megabyte.clone(), 1_000)
        }
        "/chunks" => Say::Flood(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            chunk.clone(),
            10_000,
        ),
        "/endless" => Say::Flood(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), megabyte.clone(), 10_000),
        "/declared" => Say::Once(b"HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n".to_vec()),
        _ => answer("200 OK", "Content-Encoding: gzip\r\nContent-Type: image/png\r\n", &bomb),
    });
    let app = spawn(&[site.port()], &[("HUEMILL__LIMITS__IMAGE_BYTES", "5000000")]);
    judged(&app, &site.url("/ten"), 415, "UNSUPPORTED_MEDIA_TYPE");
    judged(&app, &site.url("/gzip"), 415, "UNSUPPORTED_MEDIA_TYPE");
    for path in ["/chunks", "/endless", "/declared"] {
        judged(&app, &site.url(path), 413, "PAYLOAD_TOO_LARGE");
    }
    app.assert_well();
}

#[test]
fn s21_content_decides_whatever_the_header_says() {
    let site = Site::open(|path| match path {
        "/picture" => answer("200 OK", "Content-Type: text/html\r\n", &photo("png")),
        "/page" => answer("200 OK", "Content-Type: image/png\r\n", b"<!doctype html><p>no picture"),
        "/svg" => {
            answer("200 OK", "Content-Type: image/png\r\n", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>")
        }
        "/pdf" => ok(b"%PDF-1.7\n"),
        _ => ok(b""),
    });
    let app = spawn(&[site.port()], &[]);
    let fetched = app.post("/fetch_url").json(&json!({"url": site.url("/picture")})).send().unwrap();
    assert_eq!(fetched.json::<serde_json::Value>().unwrap()["content_type"], "image/png");
    for path in ["/page", "/svg", "/pdf", "/empty"] {
        judged(&app, &site.url(path), 415, "UNSUPPORTED_MEDIA_TYPE");
    }
    app.assert_well();
}

#[test]
fn s22_servers_that_fail() {
    let site = Site::open(|path| match path {
        "/cut" => Say::Once(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n\x89PNG\r\n\x1a\n".to_vec()),
        "/garbage" => Say::Once(b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec()),
        "/closed" => Say::Once(Vec::new()),
        path => answer(&format!("{} Status", &path[1..]), "", &photo("png")),
    });
    let closed = std::net::TcpListener::bind((HOST, 0)).unwrap().local_addr().unwrap();
    let secure = Site::secure(tls().0, |_| ok(&photo("png")));
    let app = spawn(&[site.port(), closed.port(), secure.port()], &[]);
    for path in ["/204", "/206", "/404", "/500", "/503", "/cut", "/garbage", "/closed"] {
        judged(&app, &site.url(path), 502, "UPSTREAM_ERROR");
    }
    judged(&app, &format!("http://{closed}/"), 502, "UPSTREAM_ERROR");
    // Signed by nobody whom the service knows.
    judged(&app, &secure.url("/"), 502, "UPSTREAM_ERROR");
    assert!(secure.requests().is_empty(), "a server that does not prove who it is is asked nothing");
    app.assert_well();
}

#[test]
fn s13_no_redirect_leads_from_https_to_http() {
    let plain = Site::open(|_| ok(&photo("png")));
    let to = plain.url("/");
    let (config, certificate) = tls();
    let secure = Site::secure(config, move |path| match path {
        "/down" => redirect(302, &to),
        "/on" => redirect(302, "/good"),
        _ => ok(&photo("png")),
    });
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, certificate).unwrap();
    let app = spawn(&[plain.port(), secure.port()], &[("HUEMILL__OUTBOUND__ROOTS", roots.to_str().unwrap())]);
    judged(&app, &secure.url("/down"), 400, "INVALID_URL");
    assert!(plain.requests().is_empty());
    let fetched = app.post("/fetch_url").json(&json!({"url": secure.url("/on")})).send().unwrap();
    assert_eq!(fetched.status(), 200);
    app.assert_well();
}

/// A server's settings, and its certificate as PEM.
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
