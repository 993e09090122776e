//! Cheap HTTP clients for benchmarks: each has one socket that is kept alive, and a request that is prepared once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The number of pictures per second that this many clients get processed.
pub fn per_second(address: SocketAddr, picture: &[u8], clients: usize, time: Duration) -> f64 {
    rate(address, &post("/process", "image/jpeg", picture), clients, time, 200)
}

/// The bytes of a POST request.
pub fn post(path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The bytes of a GET request, conditional where a tag is given.
pub fn get(path: &str, tag: Option<&str>) -> Vec<u8> {
    let condition = tag.map_or(String::new(), |tag| format!("If-None-Match: {tag}\r\n"));
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{condition}\r\n").into_bytes()
}

/// The request with another header.
#[allow(dead_code, reason = "not every benchmark uses all of this")]
pub fn with_header(request: &[u8], header: &str) -> Vec<u8> {
    let end = request.windows(2).position(|two| two == b"\r\n").unwrap();
    [&request[..end], b"\r\n", header.as_bytes(), &request[end..]].concat()
}

/// Sends a request on a connection of its own, which the server closes, and returns the whole answer.
#[allow(dead_code, reason = "not every benchmark uses all of this")]
pub fn whole(address: SocketAddr, request: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(request).unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    text
}

/// The number of answers with this status per second that this many clients get.
pub fn rate(address: SocketAddr, request: &[u8], clients: usize, time: Duration, status: u16) -> f64 {
    let started = Instant::now();
    let done: usize = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..clients).map(|_| scope.spawn(|| ask(address, request, started, time, status))).collect();
        all.into_iter().map(|client| client.join().unwrap()).sum()
    });
    done as f64 / started.elapsed().as_secs_f64()
}

/// Sends a request and returns a header of the answer.
pub fn header(address: SocketAddr, request: &[u8], name: &str) -> String {
    let mut socket = BufReader::new(TcpStream::connect(address).unwrap());
    socket.get_mut().write_all(request).unwrap();
    let mut lines = socket.lines().map_while(Result::ok);
    let line = lines.find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:"))).unwrap();
    line.split_once(": ").unwrap().1.to_owned()
}

/// The value of a series in a scrape; 0 where it is not there.
pub fn metric(address: SocketAddr, series: &str) -> f64 {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().unwrap())
}

/// Sends the request again and again for this time. Returns the number of answers with this status.
fn ask(address: SocketAddr, request: &[u8], started: Instant, time: Duration, status: u16) -> usize {
    let mut socket = BufReader::with_capacity(256 * 1024, TcpStream::connect(address).unwrap());
    let expected = format!("http/1.1 {status}");
    let mut done = 0;
    while started.elapsed() < time {
        socket.get_mut().write_all(request).unwrap();
        if read_answer(&mut socket, &expected) {
            done += 1;
        }
    }
    done
}

/// Reads one answer to its end. Returns whether it was the expected one.
fn read_answer(socket: &mut BufReader<TcpStream>, expected: &str) -> bool {
    let (mut ok, mut length, mut line) = (false, 0, String::new());
    loop {
        line.clear();
        socket.read_line(&mut line).unwrap();
        let text = line.trim_end().to_ascii_lowercase();
        if text.is_empty() {
            break;
        }
        ok |= text.starts_with(expected);
        if let Some(value) = text.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
    }
    std::io::copy(&mut socket.by_ref().take(length), &mut std::io::sink()).unwrap();
    ok
}
