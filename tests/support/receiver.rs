//! An HTTP server on loopback that answers requests by a script: a webhook receiver, or an image server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How the server answers a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// With this status, headers (whole lines) and body.
    Whole(u16, &'static str, Vec<u8>),
    /// Not at all; the connection stays open.
    Silence,
    /// With a head and then, for ever, a byte at a time.
    Dribble,
    /// With this many bytes of body.
    Flood(u64),
}

impl Reply {
    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self::Whole(status, "", Vec::new())
    }
}

/// A request that the server received.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

type Script = Arc<dyn Fn(usize, &Request) -> Reply + Send + Sync>;

/// The server. It runs until the test process ends.
pub struct Receiver {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<AtomicUsize>,
    /// Bytes of flooding bodies that clients have read.
    flooded: Arc<Mutex<u64>>,
}

impl Receiver {
    /// Starts a server. The script answers each request by its number, counted from 0.
    pub fn start(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen("127.0.0.1:0", script)
    }

    /// Starts a server on every address of this machine: clients see each of 127.0.0.0/8 as another host.
    pub fn start_everywhere(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen("0.0.0.0:0", script)
    }

    fn listen(address: &str, script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            connections: Arc::default(),
            flooded: Arc::default(),
        };
        let (script, requests): (Script, _) = (Arc::new(script), receiver.requests.clone());
        let (connections, flooded) = (receiver.connections.clone(), receiver.flooded.clone());
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (script, requests, flooded) = (script.clone(), requests.clone(), flooded.clone());
                std::thread::spawn(move || {
                    let Some(request) = read(&socket) else { return };
                    let number = {
                        let mut requests = requests.lock().unwrap();
                        requests.push(request.clone());
                        requests.len() - 1
                    };
                    answer(socket, script(number, &request), &flooded);
                });
            }
        });
        receiver
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn flooded(&self) -> u64 {
        *self.flooded.lock().unwrap()
    }
}

fn read(socket: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(socket);
    let mut line = || {
        let mut text = String::new();
        reader.read_line(&mut text).ok().filter(|read| *read > 0).map(|_| text.trim_end().to_owned())
    };
    let path = line()?.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let text = line()?;
        let Some((name, value)) = text.split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or("0", |(_, value)| value);
    let mut body = vec![0; length.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Request { path, headers, body })
}

fn answer(mut socket: TcpStream, reply: Reply, flooded: &Mutex<u64>) {
    match reply {
        Reply::Whole(status, headers, body) => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\n\r\n");
            let _ = socket.write_all(head.as_bytes());
            let _ = socket.write_all(&body);
        }
        Reply::Silence => {
            // Waits until the client gives up.
            let _ = socket.read(&mut [0]);
        }
        Reply::Dribble => {
            let _ = socket.write_all(b"HTTP/1.1 200 x\r\ncontent-length: 1000000\r\n\r\n");
            while socket.write_all(b".").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Reply::Flood(bytes) => {
            let _ = socket.write_all(format!("HTTP/1.1 200 x\r\ncontent-length: {bytes}\r\n\r\n").as_bytes());
            let piece = vec![b'x'; 64 * 1024];
            let started = Instant::now();
            let mut left = bytes;
            while left > 0 && started.elapsed() < Duration::from_secs(60) {
                let length = left.min(piece.len() as u64) as usize;
                if socket.write_all(&piece[..length]).is_err() {
                    return;
                }
                left -= length as u64;
                *flooded.lock().unwrap() += length as u64;
            }
        }
    }
}
