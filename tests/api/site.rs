//! Servers of others: one that says what its script says, however wrong; one that nobody may reach; one that names
//! addresses. Each on an address of this machine of its own, so that a test opens just what it means.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::app::App;
use crate::jobs_app::OPERATOR;

/// Where sites are: opened by [`spawn`].
pub const HOST: &str = "127.0.0.2";

/// What a server does once it has a request.
#[derive(Clone)]
pub enum Say {
    /// Sends this and closes.
    Once(Vec<u8>),
    /// The same after a while.
    Late(Duration, Vec<u8>),
    /// Sends the first, then the second so many times, as fast as it is taken.
    Flood(Vec<u8>, Vec<u8>, usize),
    /// Sends the first, then the second again and again, slowly.
    Drip(Vec<u8>, Vec<u8>),
}

/// An answer with a body of known length, this status and more headers, each with its line's end.
pub fn answer(status: &str, headers: &str, body: &[u8]) -> Say {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    Say::Once([head.as_bytes(), body].concat())
}

pub fn ok(body: &[u8]) -> Say {
    answer("200 OK", "", body)
}

pub fn redirect(status: u16, location: &str) -> Say {
    answer(&format!("{status} Elsewhere"), &format!("Location: {location}\r\n"), b"")
}

/// A server on [`HOST`].
pub struct Site {
    pub address: SocketAddr,
    scheme: &'static str,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Site {
    /// The script is asked with the path.
    pub fn open(script: impl Fn(&str) -> Say + Send + Sync + 'static) -> Self {
        Self::serve(None, script)
    }

    /// The same over TLS.
    pub fn secure(tls: Arc<ServerConfig>, script: impl Fn(&str) -> Say + Send + Sync + 'static) -> Self {
        Self::serve(Some(tls), script)
    }

    fn serve(tls: Option<Arc<ServerConfig>>, script: impl Fn(&str) -> Say + Send + Sync + 'static) -> Self {
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

    /// The heads of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(stream: &mut (impl Read + Write), script: &dyn Fn(&str) -> Say, seen: &Mutex<Vec<String>>) {
    let Some(head) = head(stream) else { return };
    let say = script(head.split(' ').nth(1).unwrap_or_default());
    seen.lock().unwrap().push(head);
    match say {
        Say::Once(bytes) => drop(stream.write_all(&bytes)),
        Say::Late(wait, bytes) => {
            std::thread::sleep(wait);
            let _ = stream.write_all(&bytes);
        }
        Say::Flood(first, again, times) => {
            let mut going = stream.write_all(&first).is_ok();
            for _ in 0..times {
                going = going && stream.write_all(&again).is_ok();
            }
        }
        Say::Drip(first, again) => {
            let mut going = stream.write_all(&first).is_ok();
            while going {
                std::thread::sleep(Duration::from_millis(200));
                going = stream.write_all(&again).is_ok();
            }
        }
    }
    let _ = stream.flush();
}

/// A request's head, with its body read past.
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

/// A server that nobody may reach: it counts who does.
pub struct Canary {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Canary {
    /// On this machine's own address, which nobody opens.
    pub fn new() -> Self {
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

    /// Fails where anybody was here but this call itself.
    #[track_caller]
    pub fn assert_untouched(&self) {
        // It comes after all that came before, so that it counts what lay in the line.
        TcpStream::connect(self.address).unwrap().read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(self.connections.load(Ordering::SeqCst), 1, "the canary was reached");
        self.connections.store(0, Ordering::SeqCst);
    }
}

/// A name server that gives this machine's own address for every name.
pub fn name_server() -> SocketAddr {
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

/// The answer to a question (RFC 1035, 4.1): 127.0.0.1 where an IPv4 address is asked for, else nothing.
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

/// A service that may reach [`HOST`] on these ports, and has a known operator.
pub fn spawn(ports: &[u16], more: &[(&str, &str)]) -> App {
    let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
    let (cidrs, ports) = (format!("{HOST}/32"), ports.join(","));
    let mut settings = vec![("OPERATOR_TOKEN", OPERATOR), ("HUEMILL__OUTBOUND__ALLOW_CIDRS", cidrs.as_str())];
    if !ports.is_empty() {
        settings.push(("HUEMILL__OUTBOUND__ALLOW_PORTS", ports.as_str()));
    }
    settings.extend_from_slice(more);
    App::start(&settings)
}
