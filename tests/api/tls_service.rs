//! A service with TLS, and its clients: requests over HTTP/1.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::Value;

use crate::archives::{Member, zip};
use crate::support::pictures::noise_png;
use crate::test_service::TestService;

pub use crate::support::authority::{Authority, Identity};

/// A service with TLS, whose operators have a listener of their own without it.
pub struct TlsService {
    pub service: TestService,
    pub operations: SocketAddr,
    pub files: tempfile::TempDir,
    pub authority: Authority,
}

impl TlsService {
    pub fn start(more: &[(&str, &str)]) -> Self {
        let (files, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        write(&files, &authority.issue());
        std::fs::write(files.path().join("ca.pem"), authority.pem()).unwrap();
        let [certificate, key] =
            ["server.pem", "server.key"].map(|name| files.path().join(name).display().to_string());
        let mut settings = vec![
            ("HUEMILL__TLS__CERTIFICATE", certificate.as_str()),
            ("HUEMILL__TLS__KEY", &key),
            ("HUEMILL__TLS__POLL_SECONDS", "1"),
            ("HUEMILL__SERVER__OPERATIONS", "127.0.0.1:0"),
            ("RUST_LOG", "info,huemill=debug"),
        ];
        let client_ca = files.path().join("ca.pem").display().to_string();
        settings.extend(
            more.iter().map(|(name, value)| (*name, if *value == "CA" { &client_ca } else { *value })),
        );
        let service = TestService::start_unready(&settings);
        let started = service.wait_for_event("service_started", |_| true);
        let operations = started["operations"].as_str().unwrap().parse().unwrap();
        let running = Self { service, operations, files, authority };
        running.service.wait_for("the service is ready", |_| running.ready()["ready"] == true);
        running
    }

    pub fn ready(&self) -> Value {
        self.service.client.get(format!("http://{}/ready", self.operations)).send().unwrap().json().unwrap()
    }

    /// Waits until no request is in progress.
    pub fn wait_for_rest(&self) {
        self.service.wait_for("no request is active", |_| self.ready()["active_requests"] == 0);
    }

    pub fn connect(&self, config: Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
        let name = ServerName::try_from("localhost").unwrap();
        StreamOwned::new(ClientConnection::new(config, name).unwrap(), self.service.socket())
    }

    /// Sends a request over HTTP/1 and returns the answer.
    pub fn send(&self, config: Arc<ClientConfig>, request: &[u8]) -> std::io::Result<String> {
        let mut stream = self.connect(config);
        stream.write_all(request)?;
        stream.flush()?;
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Err(error) if answer.is_empty() || error.kind() != ErrorKind::UnexpectedEof => Err(error),
            _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
        }
    }

    pub fn get(&self, config: Arc<ClientConfig>, path: &str) -> std::io::Result<String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n");
        self.send(config, request.as_bytes())
    }

    pub fn trusting(&self) -> Arc<ClientConfig> {
        self.authority.client(None, &["http/1.1"])
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.service.address.port())
    }

    /// No line of the log is an error: what clients do wrong is none.
    pub fn assert_no_error_logged(&self) {
        let errors: Vec<_> = self.service.log().into_iter().filter(|line| line["level"] == "error").collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

pub fn write(files: &tempfile::TempDir, identity: &Identity) {
    std::fs::write(files.path().join("server.pem"), &identity.certificate).unwrap();
    std::fs::write(files.path().join("server.key"), &identity.key).unwrap();
}

/// An archive whose answer is larger than the buffers of a connection.
pub fn large_answer() -> Vec<u8> {
    let pictures: Vec<_> = (0..16).map(|n| Member::stored(format!("{n}.png"), &noise_png(900, n))).collect();
    zip(&pictures)
}

/// A client must read.
pub const IMPATIENT: [(&str, &str); 2] =
    [("HUEMILL__ANSWERS__IDLE_SECONDS", "2"), ("HUEMILL__LIMITS__ZIP_SECONDS", "300")];
