//! The commands and a service with TLS, whose certificate is of a private authority, and with keys in force: what works,
//! and the one line that says what does not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use rcgen::date_time_ymd;
use rustls::{ServerConnection, StreamOwned};

use crate::support::authority::{Authority, Identity};
use crate::support::service::Service;
use crate::support::variables;
use crate::workspace::{Run, Workspace};

const OPERATOR_TOKEN: &str = "a token of the operator";

/// A service with TLS and keys, and a workspace whose commands know neither its settings nor its secrets.
struct SecureService {
    workspace: Workspace,
    service: Service,
}

impl SecureService {
    fn start() -> Self {
        let (workspace, authority) = (Workspace::new(), Authority::new());
        let identity = authority.issue();
        for (name, text) in [
            ("server.pem", &identity.certificate),
            ("server.key", &identity.key),
            ("ca.pem", &authority.pem()),
        ] {
            std::fs::write(workspace.path(name), text).unwrap();
        }
        let [certificate, key] =
            ["server.pem", "server.key"].map(|name| workspace.path(name).display().to_string());
        let settings = [
            ("HUEMILL__TLS__CERTIFICATE", certificate.as_str()),
            ("HUEMILL__TLS__KEY", &key),
            ("HUEMILL__ACCESS__MODE", "keys"),
            ("OPERATOR_TOKEN", OPERATOR_TOKEN),
        ];
        let service = Service::start(&workspace.path("data of the service"), &variables(&settings));
        Self { workspace, service }
    }

    /// Runs a command with a key and with a file of authorities.
    fn run_trusting(&self, cacert: &str, key: &str, args: &[&str]) -> Run {
        let mut command = self.workspace.command(args);
        command.env("HUEMILL_SERVER", self.url()).env("HUEMILL_CACERT", cacert).env("HUEMILL_API_KEY", key);
        Run::from(command.output().unwrap())
    }

    /// Runs a command with a key that trusts the service's authority.
    fn run(&self, key: &str, args: &[&str]) -> Run {
        self.run_trusting("ca.pem", key, args)
    }

    #[track_caller]
    fn run_ok(&self, key: &str, args: &[&str]) -> Run {
        let run = self.run(key, args);
        assert_eq!(run.code, Some(0), "{args:?}: {run:?}");
        run
    }

    fn url(&self) -> String {
        format!("https://{}", self.service.address)
    }

    /// Creates a key and returns it.
    fn create_key(&self, scopes: &str) -> String {
        let made = self.run_ok(OPERATOR_TOKEN, &["keys", "create", "shop", "--scopes", scopes, "--json"]);
        made.json()["key"].as_str().unwrap().to_owned()
    }
}

/// Checks that a command failed with one line on standard error that has all of these words.
#[track_caller]
fn assert_one_line(run: &Run, words: &[&str]) {
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
    assert_eq!(run.err.lines().count(), 1, "{run:?}");
    for word in words {
        assert!(run.err.contains(word), "{word:?}: {run:?}");
    }
}

#[test]
fn all_commands_work_over_tls_with_a_private_root_and_a_key() {
    let secure = SecureService::start();
    let key = secure.create_key("process,jobs:read,jobs:write");
    secure.workspace.write_picture("a.png", 30);
    let submitted = secure.run_ok(&key, &["submit", "a.png", "--watch", "--out", "saved"]);
    let id = submitted.line();
    assert!(secure.workspace.names("saved").contains(&"manifest.json".to_owned()), "{submitted:?}");
    assert!(secure.run_ok(&key, &["jobs", "show", id]).out.contains("completed"));
    assert_eq!(secure.run(&key, &["jobs", "cancel", id]).code, Some(1), "it has ended");

    let operator = secure.create_key("operator");
    for credential in [&operator, OPERATOR_TOKEN] {
        assert!(secure.run_ok(credential, &["jobs", "list"]).out.contains(id));
        assert!(secure.run_ok(credential, &["keys", "list"]).out.contains("shop"));
        assert_eq!(secure.run_ok(credential, &["queue", "status"]).line(), "running");
        for command in [&["deliveries", "list"][..], &["processes"]] {
            secure.run_ok(credential, command);
        }
    }
    // A token that is given wins over a key.
    secure.run_ok(&key, &["jobs", "list", "--token", OPERATOR_TOKEN]);
    secure.run_ok("", &["healthcheck", "--url", &format!("{}/ready", secure.url())]);
    let by_option = ["jobs", "show", id, "--server", &secure.url(), "--cacert", "ca.pem", "--api-key", &key];
    secure.workspace.run_ok(&by_option);
    let by_old_names =
        ["jobs", "show", id, "--server", &secure.url(), "--ca", "ca.pem", "--access-key", &key];
    secure.workspace.run_ok(&by_old_names);
}

#[test]
fn a_key_that_is_missing_wrong_or_allows_too_little_is_one_line_that_names_the_variable() {
    let secure = SecureService::start();
    secure.workspace.write_picture("a.png", 30);
    let key = secure.create_key("jobs:write");
    for key in ["", "hm_wrong"] {
        assert_one_line(&secure.run(key, &["submit", "a.png"]), &["UNAUTHORIZED", "HUEMILL_API_KEY"]);
    }
    let submitted = secure.run_ok(&key, &["submit", "a.png"]);
    let shown = secure.run(&key, &["jobs", "show", submitted.line()]);
    assert_one_line(&shown, &["FORBIDDEN", "jobs:read", "HUEMILL_API_KEY"]);
    let listed = secure.run(&key, &["keys", "list"]);
    assert_one_line(&listed, &["FORBIDDEN", "operator", "--token", "HUEMILL_API_KEY"]);
    let listed = secure.run("", &["keys", "list"]);
    assert_one_line(&listed, &["operator token", "--token", "HUEMILL_API_KEY"]);
    assert!(!format!("{shown:?}{listed:?}").contains(&key));
}

#[test]
fn a_certificate_that_cannot_be_trusted_is_one_line_that_says_what_to_do() {
    let secure = SecureService::start();
    secure.workspace.write_picture("a.png", 30);
    std::fs::write(secure.workspace.path("other.pem"), Authority::new().pem()).unwrap();
    let commands: [&[&str]; 3] = [&["submit", "a.png"], &["keys", "list"], &["jobs", "list"]];
    for command in commands {
        for cacert in ["other.pem", ""] {
            let run = secure.run_trusting(cacert, "a key", command);
            assert_one_line(&run, &["authority", "--cacert", "HUEMILL_CACERT"]);
        }
    }
    let url = format!("{}/ready", secure.url());
    let run = secure.run("", &["healthcheck", "--cacert", "other.pem", "--url", &url]);
    assert_one_line(&run, &["--cacert"]);
    std::fs::write(secure.workspace.path("large.pem"), vec![b'#'; (1 << 20) + 1]).unwrap();
    let run = secure.run("", &["keys", "list", "--cacert", "large.pem"]);
    assert_one_line(&run, &["large.pem", "1 MiB"]);
    let run = secure.run("", &["keys", "list", "--cacert", "missing.pem"]);
    assert_one_line(&run, &["missing.pem"]);
}

#[test]
fn a_certificate_for_another_name_or_time_is_one_line_that_says_so() {
    let names = ["huemill.example", "127.0.0.1"];
    let authority = Authority::new();
    for (identity, host, words) in [
        (authority.issue_for(&names[..1], |_| {}), "127.0.0.1", ["not for 127.0.0.1", "huemill.example"]),
        (authority.issue_for(&names, |_| {}), "localhost", ["not for localhost", "--server"]),
        (
            authority.issue_for(&names, |params| params.not_after = date_time_ymd(2001, 1, 1)),
            "127.0.0.1",
            ["has expired", "renew"],
        ),
        (
            authority.issue_for(&names, |params| params.not_before = date_time_ymd(3999, 1, 1)),
            "127.0.0.1",
            ["not valid yet", "clock"],
        ),
    ] {
        let proxy = PrefixProxy::start(&identity, "/", SocketAddr::from(([127, 0, 0, 1], 9)));
        let workspace = Workspace::new();
        std::fs::write(workspace.path("ca.pem"), authority.pem()).unwrap();
        let server = format!("https://{host}:{}", proxy.port());
        let run =
            workspace.run(&["keys", "list", "--api-key", "x", "--cacert", "ca.pem", "--server", &server]);
        assert_one_line(&run, &words);
    }
}

#[test]
fn a_scheme_that_the_server_does_not_speak_is_one_line() {
    let (workspace, service) = Workspace::with_service(&[]);
    let server = format!("https://{}", service.address);
    let run = workspace.run(&["keys", "list", "--api-key", "x", "--server", &server]);
    assert_one_line(&run, &["TLS", "http://"]);
}

#[test]
fn a_server_may_have_a_path_before_its_own() {
    let signing = [("WEBHOOK_SECRET", "a secret of the service"), ("REQUIRE_SIGNATURE", "true")];
    let authority = Authority::new();
    let service = Workspace::new();
    let service = Service::start(
        &service.path("data"),
        &variables(
            &[&signing[..], &[("HUEMILL__ACCESS__MODE", "keys"), ("OPERATOR_TOKEN", OPERATOR_TOKEN)]]
                .concat(),
        ),
    );
    let proxy = PrefixProxy::start(&authority.issue(), "/tools/huemill/", service.address);
    let workspace = Workspace::new();
    std::fs::write(workspace.path("ca.pem"), authority.pem()).unwrap();
    workspace.write_picture("a.png", 30);
    for slash in ["", "/"] {
        let server = format!("https://127.0.0.1:{}/tools/huemill{slash}", proxy.port());
        let mut command = workspace.command(&["submit", "a.png", "--sign", "--watch", "--out", "saved"]);
        command.envs(signing).env("HUEMILL_SERVER", server).env("HUEMILL_CACERT", "ca.pem");
        let run = Run::from(command.env("HUEMILL_API_KEY", OPERATOR_TOKEN).output().unwrap());
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(workspace.names("saved").contains(&"manifest.json".to_owned()), "{run:?}");
    }
}

/// A server with TLS that passes requests below a prefix on to a service, without the prefix, and one for each connection.
struct PrefixProxy(SocketAddr);

impl PrefixProxy {
    fn start(identity: &Identity, prefix: &'static str, service: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, config) = (listener.local_addr().unwrap(), identity.server());
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), connection);
                // A client that does not accept the certificate closes the connection.
                std::thread::spawn(move || pass_on(stream, prefix, service));
            }
        });
        Self(address)
    }

    fn port(&self) -> u16 {
        self.0.port()
    }
}

/// Passes one request and its response on.
fn pass_on(
    mut client: StreamOwned<ServerConnection, TcpStream>,
    prefix: &str,
    service: SocketAddr,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let (method, rest) = head.split_once(' ').unwrap();
    let path = rest.strip_prefix(prefix).unwrap_or_else(|| panic!("{head}"));
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body)?;
    let mut server = TcpStream::connect(service)?;
    let head = format!("{method} /{path}").replacen("\r\n", "\r\nConnection: close\r\n", 1);
    server.write_all(&[head.as_bytes(), &body].concat())?;
    let mut response = Vec::new();
    server.read_to_end(&mut response)?;
    client.write_all(&response)?;
    client.conn.send_close_notify();
    client.flush()
}
