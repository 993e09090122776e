//! TLS: which certificates are trusted, and that no redirect leads from https to http.

use std::io::Write;
use std::sync::Arc;

use huemill_actors::outbound::{AddressPolicy, Outbound, OutboundError, Reason, RequestFailure, SetupError};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::dns_server::DnsServer;
use super::harness::{fetch, policy};
use super::http_server::{HttpServer, ok, redirect};

/// A server's side of TLS for `secure.test`, and its certificate in a file.
pub(crate) fn identity() -> (Arc<ServerConfig>, NamedTempFile) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["secure.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(cert.pem().as_bytes()).unwrap();
    (Arc::new(config), file)
}

#[actix_rt::test]
async fn s22_a_certificate_is_accepted_if_its_root_is_trusted_and_its_name_matches() {
    let (tls, root) = identity();
    let server = HttpServer::start_tls("127.0.0.2:0", tls, |_| ok(b"sealed")).await;
    let dns =
        DnsServer::start(&[("secure.test", &[&["127.0.0.2"]]), ("other.test", &[&["127.0.0.2"]])]).await;
    let untrusting =
        AddressPolicy { nameservers: vec![dns.address], ..policy(&["127.0.0.2"], &[server.port()]) };
    let trusting = AddressPolicy { roots: Some(root.path().to_owned()), ..untrusting.clone() };
    let untrusted = OutboundError::Upstream { status: None, what: RequestFailure::Tls };

    let url = format!("https://secure.test:{}/a.png", server.port());
    assert_eq!(fetch(&trusting, &url).await.unwrap().1, b"sealed");
    assert_eq!(fetch(&untrusting, &url).await.unwrap_err(), untrusted);
    let wrong_name = format!("https://other.test:{}/a.png", server.port());
    assert_eq!(fetch(&trusting, &wrong_name).await.unwrap_err(), untrusted);
    assert_eq!(server.requests().len(), 1, "no request is sent to an untrusted server");
}

#[actix_rt::test]
async fn a_server_without_tls_fails_the_handshake() {
    let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    actix_rt::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"220 mail.test ready\r\n").await.unwrap();
        // Keeps the connection open until the client closes it.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    });
    let policy = policy(&["127.0.0.2"], &[address.port()]);
    let outcome = fetch(&policy, &format!("https://{address}/")).await;
    assert_eq!(outcome.unwrap_err(), OutboundError::Upstream { status: None, what: RequestFailure::Tls });
}

#[actix_rt::test]
async fn s13_a_redirect_from_https_to_http_is_refused() {
    let (tls, root) = identity();
    let open = HttpServer::start("127.0.0.2:0", |_| ok(b"open")).await;
    let location = open.url("/");
    let server = HttpServer::start_tls("127.0.0.2:0", tls, move |_| redirect("302 Found", &location)).await;
    let dns = DnsServer::start(&[("secure.test", &[&["127.0.0.2"]])]).await;
    let policy = AddressPolicy {
        nameservers: vec![dns.address],
        roots: Some(root.path().to_owned()),
        ..policy(&["127.0.0.2"], &[server.port(), open.port()])
    };
    let outcome = fetch(&policy, &format!("https://secure.test:{}/", server.port())).await;
    assert_eq!(outcome.unwrap_err(), OutboundError::Refused(Reason::Downgrade));
    assert!(open.requests().is_empty());
}

#[test]
fn unreadable_roots_are_an_error_at_setup() {
    let mut empty = NamedTempFile::new().unwrap();
    empty.write_all(b"no certificate\n").unwrap();
    for path in [empty.path().to_owned(), "/nonexistent/roots.pem".into()] {
        let outcome = Outbound::new(AddressPolicy { roots: Some(path), ..AddressPolicy::default() });
        assert!(matches!(outcome, Err(SetupError::Roots { .. })));
    }
}
