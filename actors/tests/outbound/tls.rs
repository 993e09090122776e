//! TLS: whom it trusts, and that nothing leads from it to the open.

use std::io::Write;
use std::sync::Arc;

use huemill_actors::outbound::{AddressPolicy, Outbound, OutboundError, Reason, RequestFailure, SetupError};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::dns::Dns;
use crate::ground::{fetch, on_actix, policy};
use crate::site::{Site, ok, redirect};

/// A server's side of TLS for `secure.test`, and its certificate in a file.
fn identity() -> (Arc<ServerConfig>, NamedTempFile) {
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

#[test]
fn s22_a_certificate_counts_if_its_root_is_known_and_its_name_is_right() {
    on_actix(async {
        let (tls, root) = identity();
        let site = Site::secure("127.0.0.2:0", tls, |_| ok(b"sealed")).await;
        let dns = Dns::new(&[("secure.test", &[&["127.0.0.2"]]), ("other.test", &[&["127.0.0.2"]])]).await;
        let stranger =
            AddressPolicy { nameservers: vec![dns.address], ..policy(&["127.0.0.2"], &[site.port()]) };
        let friend = AddressPolicy { roots: Some(root.path().to_owned()), ..stranger.clone() };
        let untrusted = OutboundError::Upstream { status: None, what: RequestFailure::Tls };

        let url = format!("https://secure.test:{}/a.png", site.port());
        assert_eq!(fetch(&friend, &url).await.unwrap().1, b"sealed");
        assert_eq!(fetch(&stranger, &url).await.unwrap_err(), untrusted);
        let wrong_name = format!("https://other.test:{}/a.png", site.port());
        assert_eq!(fetch(&friend, &wrong_name).await.unwrap_err(), untrusted);
        assert_eq!(site.requests().len(), 1, "nothing is asked of a server that is not trusted");
    });
}

#[test]
fn a_server_without_tls_fails_the_handshake() {
    on_actix(async {
        let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        actix_rt::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"220 mail.test ready\r\n").await.unwrap();
            // Stays until the other side has had enough.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        });
        let policy = policy(&["127.0.0.2"], &[address.port()]);
        let outcome = fetch(&policy, &format!("https://{address}/")).await;
        assert_eq!(outcome.unwrap_err(), OutboundError::Upstream { status: None, what: RequestFailure::Tls });
    });
}

#[test]
fn s13_a_redirect_from_https_to_http_is_refused() {
    on_actix(async {
        let (tls, root) = identity();
        let open = Site::open("127.0.0.2:0", |_| ok(b"open")).await;
        let location = open.url("/");
        let site = Site::secure("127.0.0.2:0", tls, move |_| redirect("302 Found", &location)).await;
        let dns = Dns::new(&[("secure.test", &[&["127.0.0.2"]])]).await;
        let policy = AddressPolicy {
            nameservers: vec![dns.address],
            roots: Some(root.path().to_owned()),
            ..policy(&["127.0.0.2"], &[site.port(), open.port()])
        };
        let outcome = fetch(&policy, &format!("https://secure.test:{}/", site.port())).await;
        assert_eq!(outcome.unwrap_err(), OutboundError::Refused(Reason::Downgrade));
        assert!(open.requests().is_empty());
    });
}

#[test]
fn roots_that_cannot_be_read_are_told_at_the_start() {
    let mut empty = NamedTempFile::new().unwrap();
    empty.write_all(b"no certificate\n").unwrap();
    for path in [empty.path().to_owned(), "/nonexistent/roots.pem".into()] {
        let outcome = Outbound::new(AddressPolicy { roots: Some(path), ..AddressPolicy::default() });
        assert!(matches!(outcome, Err(SetupError::Roots { .. })));
    }
}
