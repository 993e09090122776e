//! Starts a real OTLP collector (rotel, which `tests/rotel.sh` installs) and reads from its log which spans it received.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::servers::Tool;
use super::servers::free_ports;
use super::{TIMEOUT, variables, wait_until};

/// A span that the collector received.
#[derive(Debug, Clone, Default)]
pub struct ReceivedSpan {
    pub service: String,
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub name: String,
    pub kind: String,
    pub start: u64,
    pub end: u64,
    pub attributes: BTreeMap<String, String>,
    /// The trace and the span of each link.
    pub links: Vec<(String, String)>,
}

impl ReceivedSpan {
    /// An attribute as the collector prints it, with its type.
    pub fn attribute(&self, key: &str) -> &str {
        self.attributes.get(key).map_or("", |value| value)
    }
}

/// A running collector. It is killed when it is dropped.
pub struct Collector {
    child: Child,
    http: u16,
    grpc: u16,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    pub fn start(folder: &Path) -> Self {
        let [http, grpc] = free_ports();
        let mut child = Command::new(Tool::Collector.path())
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
        wait_until("the collector listens", || {
            [http, grpc].iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
        });
        Self { child, http, grpc, lines }
    }

    /// The environment of a service that exports to this collector by this protocol.
    pub fn environment(&self, protocol: &str) -> Vec<(String, String)> {
        let port = if protocol == "grpc" { self.grpc } else { self.http };
        variables(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*format!("http://127.0.0.1:{port}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ])
    }

    /// All that the collector has printed.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// All spans that the collector has received.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        parse(&self.lines.lock().unwrap())
    }

    /// Waits until the received spans meet the condition, and returns them.
    pub fn spans_with(&self, wanted: impl Fn(&[ReceivedSpan]) -> bool) -> Vec<ReceivedSpan> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let spans = self.spans();
            if wanted(&spans) {
                return spans;
            }
            assert!(Instant::now() < deadline, "the collector received only these spans: {spans:#?}");
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

/// Parses the collector's log: for each span a heading, then `key : value` lines, then attributes and links.
fn parse(lines: &[String]) -> Vec<ReceivedSpan> {
    let (mut spans, mut service): (Vec<ReceivedSpan>, _) = (Vec::new(), String::new());
    for line in lines {
        let line = line.trim();
        if line.starts_with("Span #") {
            spans.push(ReceivedSpan { service: service.clone(), ..ReceivedSpan::default() });
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
