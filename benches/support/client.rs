//! Clients that cost next to nothing: a socket each, kept alive, the request prepared once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Answers a second that this many clients get together.
pub fn per_second(address: SocketAddr, picture: &[u8], clients: usize, time: Duration) -> f64 {
    let head = format!(
        "POST /process HTTP/1.1\r\nHost: bench\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
        picture.len()
    );
    let request = [head.as_bytes(), picture].concat();
    let started = Instant::now();
    let done: usize = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..clients).map(|_| scope.spawn(|| ask(address, &request, started, time))).collect();
        all.into_iter().map(|client| client.join().unwrap()).sum()
    });
    done as f64 / started.elapsed().as_secs_f64()
}

fn ask(address: SocketAddr, request: &[u8], started: Instant, time: Duration) -> usize {
    let mut socket = BufReader::with_capacity(256 * 1024, TcpStream::connect(address).unwrap());
    let mut done = 0;
    while started.elapsed() < time {
        socket.get_mut().write_all(request).unwrap();
        if read_answer(&mut socket) {
            done += 1;
        }
    }
    done
}

/// Reads one answer to its end; whether it was a 200.
fn read_answer(socket: &mut BufReader<TcpStream>) -> bool {
    let (mut ok, mut length, mut line) = (false, 0, String::new());
    loop {
        line.clear();
        socket.read_line(&mut line).unwrap();
        let text = line.trim_end().to_ascii_lowercase();
        if text.is_empty() {
            break;
        }
        ok |= text.starts_with("http/1.1 200");
        if let Some(value) = text.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
    }
    std::io::copy(&mut socket.by_ref().take(length), &mut std::io::sink()).unwrap();
    ok
}
