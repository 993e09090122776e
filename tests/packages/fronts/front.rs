//! A reverse proxy with the configuration that the project ships, in front of processes of the service: with TLS, below a
//! path. Only names, ports and files of the configuration are changed for the test.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::blocking::{Client, ClientBuilder};
use reqwest::{Certificate, redirect};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use crate::servers::Tool;
use crate::source::read;
use crate::support::authority::Authority;
use crate::support::{TIMEOUT, wait_until};

/// A program that can be in front of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Caddy,
}

/// A running reverse proxy.
pub struct Front {
    child: Child,
    port: u16,
    authority: Authority,
    _folder: tempfile::TempDir,
}

impl Front {
    /// The settings of a service behind a front at this port.
    pub fn settings(port: u16) -> Vec<(String, String)> {
        crate::support::variables(&[
            ("PUBLIC_URL", format!("https://localhost:{port}/colours").as_str()),
            ("HUEMILL__SERVER__TRUSTED_PROXIES", "127.0.0.1/32"),
        ])
    }

    /// Starts a front at this port, and waits until it accepts connections.
    pub fn start(kind: Kind, port: u16, processes: &[SocketAddr]) -> Self {
        let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let identity = authority.issue();
        std::fs::write(folder.path().join("server.pem"), identity.certificate).unwrap();
        std::fs::write(folder.path().join("server.key"), identity.key).unwrap();
        let mut child = match kind {
            Kind::Nginx => nginx(folder.path(), port, processes),
            Kind::Caddy => caddy(folder.path(), port, processes),
        };
        wait_until("the front listens", || {
            assert_eq!(child.try_wait().unwrap(), None, "the front ended");
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self { child, port, authority, _folder: folder }
    }

    /// The address of a path of the service, behind the front.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}/colours{path}", self.port)
    }

    pub fn client(&self) -> Client {
        self.client_builder().build().unwrap()
    }

    /// A client at another loopback address than the front's.
    pub fn client_from(&self, address: IpAddr) -> Client {
        self.client_builder().local_address(address).build().unwrap()
    }

    /// Sends a head, and then more and more of a body, as clients do that do not listen, until a text is in the answer.
    /// Returns the answer up to there.
    pub fn answer_while_sending(&self, head: &str, text: &str) -> String {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(self.authority.client(None, &[]), name).unwrap();
        let socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        stream.write_all(head.as_bytes()).unwrap();
        let (mut answer, mut buffer) = (String::new(), [0; 4096]);
        wait_until("the answer has come", || {
            // Perhaps the front no longer reads.
            let _ = stream.write_all(&[0; 8192]);
            if let Ok(length) = stream.read(&mut buffer) {
                answer.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
            answer.contains(text)
        });
        answer
    }

    fn client_builder(&self) -> ClientBuilder {
        Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .use_rustls_tls()
            .tls_built_in_root_certs(false)
            .add_root_certificate(Certificate::from_pem(self.authority.pem().as_bytes()).unwrap())
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of the project with these parts replaced, each of which it must have.
fn adapted(file: &str, changes: &[(&str, String)]) -> String {
    changes.iter().fold(read(file), |text, (from, to)| {
        assert!(text.contains(from), "{file} has no {from:?}");
        text.replace(from, to)
    })
}

fn nginx(folder: &Path, port: u16, processes: &[SocketAddr]) -> Child {
    let at = |name: &str| folder.join(name).display().to_string();
    let servers: Vec<_> =
        processes.iter().map(|address| format!("server {address} max_fails=1 fail_timeout=5s;")).collect();
    let server = adapted(
        "packaging/nginx/huemill.conf",
        &[
            ("server 127.0.0.1:8080 max_fails=1 fail_timeout=5s;", servers.join("\n    ")),
            ("listen 443 ssl http2;", format!("listen 127.0.0.1:{port} ssl http2;")),
            ("listen [::]:443 ssl http2;", String::new()),
            ("/etc/ssl/pictures.example.org.pem", at("server.pem")),
            ("/etc/ssl/private/pictures.example.org.key", at("server.key")),
        ],
    );
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {};", at(name)))
        .join(" ");
    let pid = at("nginx.pid");
    let text = format!(
        "daemon off; master_process off; error_log stderr warn; pid {pid};\nevents {{}}\nhttp {{ access_log off; {temporary}\n{server}\n}}\n"
    );
    std::fs::write(folder.join("nginx.conf"), text).unwrap();
    let mut command = Command::new(Tool::Nginx.path());
    command.args(["-e", "stderr", "-p", &at("."), "-c", &at("nginx.conf")]);
    command.stdin(Stdio::null()).spawn().unwrap()
}

fn caddy(folder: &Path, port: u16, processes: &[SocketAddr]) -> Child {
    let at = |name: &str| folder.join(name).display().to_string();
    let processes: Vec<_> = processes.iter().map(ToString::to_string).collect();
    let site = format!(
        "https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls {} {}",
        at("server.pem"),
        at("server.key")
    );
    let sites = adapted(
        "packaging/caddy/Caddyfile",
        &[
            ("https://pictures.example.org {", site),
            ("reverse_proxy 127.0.0.1:8080 {", format!("reverse_proxy {} {{", processes.join(" "))),
        ],
    );
    std::fs::write(
        folder.join("Caddyfile"),
        format!("{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{sites}"),
    )
    .unwrap();
    let mut command = Command::new(Tool::Caddy.path());
    command.args(["run", "--adapter", "caddyfile", "--config", &at("Caddyfile")]);
    command.env("HOME", folder).env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
