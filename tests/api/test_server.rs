//! External servers for tests: one that answers by a script, however wrong; one that the service must not reach; and a
//! name server. They use different addresses of this machine, so that a test allows exactly the one it means.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::job_requests::OPERATOR;
use crate::test_service::TestService;

/// The address of test servers, which [`spawn`] allows the service to reach.
pub const HOST: &str = "127.0.0.2";

/// What a server does when it has received a request.
#[derive(Clone)]
pub enum Script {
    /// Sends this and closes the connection.
    Once(Vec<u8>),
    /// Waits, sends this and closes the connection.
    Late(Duration, Vec<u8>),
    /// Sends the first, then the second this many times, as fast as possible.
    Flood(Vec<u8>, Vec<u8>, usize),
    /// Sends the first, then slowly the second again and again.
    Drip(Vec<u8>, Vec<u8>),
}

/// An answer with this status, these additional headers (whole lines) and this body.
pub fn answer(status: &str, headers: &str, body: &[u8]) -> Script {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    Script::Once([head.as_bytes(), body].concat())
}

pub fn ok(body: &[u8]) -> Script {
    answer("200 OK", "", body)
}

pub fn redirect(status: u16, location: &str) -> Script {
    answer(&format!("{status} Elsewhere"), &format!("Location: {location}\r\n"), b"")
}

/// A server on [`HOST`].
pub struct TestServer {
    pub address: SocketAddr,
    scheme: &'static str,
    requests: Arc<Mutex<Vec<String>>>,
}

impl TestServer {
    /// Starts a server. The script decides by the path of a request.
    pub fn start(script: impl Fn(&str) -> Script + Send + Sync + 'static) -> Self {
        Self::start_with(None, script)
    }

    /// Starts a server with TLS.
    pub fn start_tls(
        tls: Arc<ServerConfig>,
        script: impl Fn(&str) -> Script + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(Some(tls), script)
    }

    fn start_with(
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(&str) -> Script + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((HOST, 0)).unwrap();
        let (address, script, requests) =
            (listener.local_addr().unwrap(), Arc::new(script), Arc::new(Mutex::new(Vec::new())));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (tls, script, seen) = (tls.clone(), Arc::clone(&script), Arc::clone(&seen));
                std::thread::spawn(move || match tls {
                    None => serve(&mut { &socket }, &*script, &seen),
                    Some(tls) => {
                        let mut stream = StreamOwned::new(ServerConnection::new(tls).unwrap(), socket);
                        serve(&mut stream, &*script, &seen);
                        stream.conn.send_close_notify();
                        let _ = stream.flush();
                    }
                });
            }
        });
        Self { address, scheme, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The heads of all requests that the server has received.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(stream: &mut (impl Read + Write), script: &dyn Fn(&str) -> Script, seen: &Mutex<Vec<String>>) {
    let Some(head) = head(stream) else { return };
    let say = script(head.split(' ').nth(1).unwrap_or_default());
    seen.lock().unwrap().push(head);
    match say {
        Script::Once(bytes) => drop(stream.write_all(&bytes)),
        Script::Late(wait, bytes) => {
            std::thread::sleep(wait);
            let _ = stream.write_all(&bytes);
        }
        Script::Flood(first, again, times) => {
            let mut going = stream.write_all(&first).is_ok();
            for _ in 0..times {
                going = going && stream.write_all(&again).is_ok();
            }
        }
        Script::Drip(first, again) => {
            let mut going = stream.write_all(&first).is_ok();
            while going {
                std::thread::sleep(Duration::from_millis(200));
                going = stream.write_all(&again).is_ok();
            }
        }
    }
    let _ = stream.flush();
}

/// Reads a request and returns its head.
fn head(stream: &mut impl Read) -> Option<String> {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).ok()?;
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:").and_then(|text| text.trim().parse().ok())
    });
    stream.read_exact(&mut vec![0; length.unwrap_or(0)]).ok()?;
    Some(head)
}

/// A server that the service must not reach. It counts connections.
pub struct ForbiddenServer {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl ForbiddenServer {
    /// Starts a server on an address that no test allows.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&connections);
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                drop(socket);
            }
        });
        Self { address, connections }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Checks that no client has connected.
    #[track_caller]
    pub fn assert_not_reached(&self) {
        // This connection comes last, so all earlier ones have been counted.
        TcpStream::connect(self.address).unwrap().read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(self.connections.load(Ordering::SeqCst), 1, "the forbidden server was reached");
        self.connections.store(0, Ordering::SeqCst);
    }
}

/// Starts a name server that resolves every name to 127.0.0.1.
pub fn start_name_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1_500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&resolved(&buffer[..length]), from);
        }
    });
    address
}

/// The answer to a query (RFC 1035, 4.1): 127.0.0.1 for an IPv4 address, nothing for other types.
fn resolved(query: &[u8]) -> Vec<u8> {
    let mut end = 12;
    while query[end] != 0 {
        end += 1 + usize::from(query[end]);
    }
    let question = &query[12..end + 5];
    let is_a = question[question.len() - 4..question.len() - 2] == [0, 1];
    let head = [query[0], query[1], 0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0];
    let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1];
    [&head[..], question, if is_a { &record[..] } else { &[] }].concat()
}

/// Starts a service that may reach [`HOST`] on these ports and whose operator token is [`OPERATOR`].
pub fn spawn(ports: &[u16], more: &[(&str, &str)]) -> TestService {
    let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
    let (cidrs, ports) = (format!("{HOST}/32"), ports.join(","));
    let mut settings = vec![("OPERATOR_TOKEN", OPERATOR), ("HUEMILL__OUTBOUND__ALLOW_CIDRS", cidrs.as_str())];
    if !ports.is_empty() {
        settings.push(("HUEMILL__OUTBOUND__ALLOW_PORTS", ports.as_str()));
    }
    settings.extend_from_slice(more);
    TestService::start(&settings)
}
