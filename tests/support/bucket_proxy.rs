//! A proxy in front of an S3 server that refuses the requests a test chooses: reads of a blob (403 `AccessDenied`), its
//! removal, or a share of all requests (503 `SlowDown`). It passes all other requests on unchanged.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The faults of the bucket.
#[derive(Debug, Clone, Default)]
pub struct BucketFaults {
    /// Reads of keys that contain one of these texts are refused.
    pub unreadable: Vec<String>,
    /// Removals of keys that contain one of these texts are refused.
    pub undeletable: Vec<String>,
    /// How many of a thousand requests are answered `SlowDown`.
    pub busy_per_mille: u32,
}

/// The proxy. It runs until the test process ends.
pub struct BucketProxy {
    address: SocketAddr,
    faults: Arc<Mutex<BucketFaults>>,
}

impl BucketProxy {
    /// Starts a proxy in front of this endpoint, without faults.
    pub fn start(endpoint: &str) -> Self {
        let to: SocketAddr = endpoint.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), faults: Arc::default() };
        let faults = proxy.faults.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let faults = faults.clone();
                std::thread::spawn(move || serve(&client, to, &faults));
            }
        });
        proxy
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces the faults.
    pub fn set(&self, faults: BucketFaults) {
        *self.faults.lock().unwrap() = faults;
    }

    /// Changes the faults.
    pub fn change(&self, change: impl FnOnce(&mut BucketFaults)) {
        change(&mut self.faults.lock().unwrap());
    }
}

/// Handles one request per connection: speed does not matter here.
fn serve(client: &TcpStream, to: SocketAddr, faults: &Mutex<BucketFaults>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let (head, body) = read(&mut reader)?;
    let faults = faults.lock().unwrap().clone();
    let mut client = client;
    if let Some((status, text)) = refusal(&head, &body, &faults) {
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
    // The server was asked to close the connection, and tells the client so.
    client.write_all(&answer).ok()
}

/// Reads the head, which then asks to close the connection, and the body.
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

/// The answer to a request that is refused.
fn refusal(head: &str, body: &[u8], faults: &BucketFaults) -> Option<(&'static str, String)> {
    let (method, rest) = head.split_once(' ')?;
    let path = rest.split(' ').next()?;
    if rand::random_range(0..1000) < faults.busy_per_mille {
        return Some(("503 Slow Down", error("SlowDown")));
    }
    let names = |texts: &[String], name: &str| texts.iter().any(|text| name.contains(text.as_str()));
    let denied = match method {
        "GET" | "HEAD" => !path.contains("list-type=") && names(&faults.unreadable, path),
        "DELETE" => names(&faults.undeletable, path),
        "POST" if path.contains("?delete") => return partial_removal(body, &faults.undeletable),
        _ => false,
    };
    denied.then(|| ("403 Forbidden", error("AccessDenied")))
}

fn error(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>no</Message></Error>"
    )
}

/// The answer to a removal of many keys that names one which is refused: S3 answers 200 and lists the failed keys. This
/// proxy removes none of them; the service removes the keys of one job at a time.
fn partial_removal(body: &[u8], undeletable: &[String]) -> Option<(&'static str, String)> {
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
