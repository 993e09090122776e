//! A real collector of traces (rotel, which `tests/rotel.sh` installs), and the spans that it says it received.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long it is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A span as the collector has it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub service: String,
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub name: String,
    pub kind: String,
    pub start: u64,
    pub end: u64,
    pub attributes: BTreeMap<String, String>,
    /// Trace and span.
    pub links: Vec<(String, String)>,
}

impl Seen {
    /// An attribute as the collector writes it, with its type.
    pub fn fact(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", |value| value)
    }
}

/// A running collector. Killed when dropped.
pub struct Collector {
    child: Child,
    http: u16,
    grpc: u16,
    lines: Arc<Mutex<Vec<String>>>,
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Collector {
    pub fn start(folder: &Path) -> Self {
        let program =
            Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join("rotel/bin/rotel-agent");
        assert!(program.exists(), "{} is missing: run tests/rotel.sh", program.display());
        let (http, grpc) = (free_port(), free_port());
        let mut child = Command::new(program)
            .args(["start", "--exporter", "blackhole", "--debug-log", "traces"])
            .args(["--debug-log-verbosity", "detailed", "--log-format", "json"])
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")])
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")])
            .arg("--pid-file")
            .arg(folder.join("rotel.pid"))
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (lines, output) = (Arc::<Mutex<Vec<String>>>::default(), child.stdout.take().unwrap());
        let kept = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let deadline = Instant::now() + PATIENCE;
        while [http, grpc].iter().any(|port| TcpStream::connect(("127.0.0.1", *port)).is_err()) {
            assert!(Instant::now() < deadline, "the collector does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child, http, grpc, lines }
    }

    /// What a service is told of it, for this protocol.
    pub fn variables(&self, protocol: &str) -> Vec<(String, String)> {
        let port = if protocol == "grpc" { self.grpc } else { self.http };
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{port}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned()),
            ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    /// All that it says of what it received.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Seen> {
        read(&self.lines.lock().unwrap())
    }

    /// The spans, once these are among them.
    pub fn spans_with(&self, wanted: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let spans = self.spans();
            if wanted(&spans) {
                return spans;
            }
            assert!(Instant::now() < deadline, "only these spans came: {spans:#?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The spans in the collector's text: a head, then `key : value` lines, then attributes and links.
fn read(lines: &[String]) -> Vec<Seen> {
    let (mut spans, mut service): (Vec<Seen>, _) = (Vec::new(), String::new());
    for line in lines {
        let line = line.trim();
        if line.starts_with("Span #") {
            spans.push(Seen { service: service.clone(), ..Seen::default() });
            continue;
        }
        if let Some(name) = line.strip_prefix("-> service.name: ") {
            name.clone_into(&mut service);
            continue;
        }
        let (Some(span), Some((key, value))) = (spans.last_mut(), line.split_once(':')) else { continue };
        let value = value.trim().to_owned();
        match (key.trim(), span.links.last_mut()) {
            ("Trace ID", _) => span.trace = value,
            ("Parent ID", _) => span.parent = value,
            ("ID", _) => span.id = value,
            ("Name", _) => span.name = value,
            ("Kind", _) => span.kind = value,
            ("Start time", _) => span.start = value.parse().unwrap(),
            ("End time", _) => span.end = value.parse().unwrap(),
            ("-> Trace ID", _) => span.links.push((value, String::new())),
            ("-> ID", Some(link)) => link.1 = value,
            (key, None) if key.starts_with("-> ") => {
                span.attributes.insert(key["-> ".len()..].to_owned(), value);
            }
            _ => {}
        }
    }
    spans
}
