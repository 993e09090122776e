//! A proxy in front of an S3 server that refuses what a test wants refused: one blob (403 `AccessDenied`), its
//! removal alone, or everything for a while (503 `SlowDown`). All else is passed on as it came.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What is wrong with the bucket.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    /// Keys that hold one of these texts are refused to readers.
    pub unreadable: Vec<String>,
    /// Keys that hold one of these texts cannot be removed.
    pub undeletable: Vec<String>,
    /// Of a thousand requests, so many are answered `SlowDown`.
    pub busy_per_mille: u32,
}

/// The proxy. It ends with the process.
pub struct BucketProxy {
    address: SocketAddr,
    trouble: Arc<Mutex<Trouble>>,
}

impl BucketProxy {
    /// A proxy that passes on to this endpoint, without trouble.
    pub fn start(endpoint: &str) -> Self {
        let to: SocketAddr = endpoint.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), trouble: Arc::default() };
        let trouble = proxy.trouble.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let trouble = trouble.clone();
                std::thread::spawn(move || serve(&client, to, &trouble));
            }
        });
        proxy
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on this is wrong.
    pub fn set(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    pub fn change(&self, change: impl FnOnce(&mut Trouble)) {
        change(&mut self.trouble.lock().unwrap());
    }
}

/// One request a connection: what matters here is what is answered, not how fast.
fn serve(client: &TcpStream, to: SocketAddr, trouble: &Mutex<Trouble>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let (head, body) = read(&mut reader)?;
    let trouble = trouble.lock().unwrap().clone();
    let mut client = client;
    if let Some((status, text)) = refusal(&head, &body, &trouble) {
        let length = text.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/xml\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{text}"
        );
        return client.write_all(answer.as_bytes()).ok();
    }
    let mut server = TcpStream::connect(to).ok()?;
    server.write_all(head.as_bytes()).ok()?;
    server.write_all(&body).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    // The server was asked to close, and says so to the client too.
    client.write_all(&answer).ok()
}

/// The head, which asks for the connection to be closed, and the body.
fn read(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim_end().is_empty() {
            break;
        }
        match line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim())) {
            Some((name, _)) if name == "connection" => continue,
            Some((name, value)) if name == "content-length" => length = value.parse().ok()?,
            _ => {}
        }
        head.push_str(&line);
    }
    head.push_str("connection: close\r\n\r\n");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// How a request is refused, if it is.
fn refusal(head: &str, body: &[u8], trouble: &Trouble) -> Option<(&'static str, String)> {
    let (method, rest) = head.split_once(' ')?;
    let path = rest.split(' ').next()?;
    if rand::random_range(0..1000) < trouble.busy_per_mille {
        return Some(("503 Slow Down", error("SlowDown")));
    }
    let names = |texts: &[String], name: &str| texts.iter().any(|text| name.contains(text.as_str()));
    let denied = match method {
        "GET" | "HEAD" => !path.contains("list-type=") && names(&trouble.unreadable, path),
        "DELETE" => names(&trouble.undeletable, path),
        "POST" if path.contains("?delete") => return partly_removed(body, &trouble.undeletable),
        _ => false,
    };
    denied.then(|| ("403 Forbidden", error("AccessDenied")))
}

fn error(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>no</Message></Error>"
    )
}

/// A removal of many keys that names one which cannot go: S3 answers 200 and says which failed. Those beside it are
/// not removed either here; the service asks for the keys of one job at a time.
fn partly_removed(body: &[u8], undeletable: &[String]) -> Option<(&'static str, String)> {
    let text = String::from_utf8_lossy(body);
    if !undeletable.iter().any(|name| text.contains(name.as_str())) {
        return None;
    }
    let keys = text.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0));
    let errors: Vec<String> = keys
        .map(|key| format!("<Error><Key>{key}</Key><Code>AccessDenied</Code><Message>no</Message></Error>"))
        .collect();
    let errors = errors.concat();
    Some((
        "200 OK",
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><DeleteResult>{errors}</DeleteResult>"),
    ))
}
