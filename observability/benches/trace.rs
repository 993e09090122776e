//! Benchmarks what tracing costs a request: switched off, and with a collector that accepts everything, compared with the
//! same work without tracing.
//!
//! Tracing cannot be switched on or off within a process, so a child process measures the second half.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use criterion::Criterion;
use huemill_observability::json_log::JsonLayer;
use huemill_observability::log;
use huemill_observability::trace::{self, Export, KeyValue, Scope, SpanKind};
use tokio::runtime::Runtime;
use tracing_bunyan_formatter::JsonStorageLayer;
use tracing_subscriber::layer::SubscriberExt;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// The parts of a request: admission, the store, the queue, the picture.
const PARTS: [&str; 4] = ["admit", "store", "queue wait", "picture"];

async fn part() {
    black_box(std::future::ready(7)).await;
}

fn log_request() {
    log!(HTTP_REQUEST, request_id = "c298c805", status_code = 202_u16, duration_ms = 15_u64);
}

async fn plain() {
    for name in PARTS {
        black_box(name);
        part().await;
    }
    log_request();
}

async fn traced(caller: Scope) {
    let caller = caller.of_request("c298c805");
    let span = trace::begin(caller, "POST /jobs", SpanKind::Server, || {
        [KeyValue::new("http.request.method", "POST"), KeyValue::new("http.route", "/jobs")]
    });
    let work = async {
        for name in PARTS {
            let span = Scope::here().span(name, SpanKind::Internal, || []);
            span.scope().run(part()).await;
        }
        log_request();
    };
    span.scope().run(work).await;
    span.set("http.response.status_code", 202);
}

/// Starts a collector that accepts everything, and returns its port.
fn start_collector() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("the listener is bound").port();
    let answer = |mut socket: TcpStream| {
        let mut buffer = vec![0; 64 * 1_024];
        while let Ok(1..) = socket.read(&mut buffer) {
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    };
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            std::thread::spawn(move || answer(socket));
        }
    });
    port
}

fn main() {
    let (io, mut criterion) =
        (Runtime::new().expect("a runtime"), Criterion::default().configure_from_args());
    let lines = tracing_subscriber::registry().with(JsonStorageLayer).with(JsonLayer::new(std::io::sink));
    let _default = tracing::dispatcher::set_default(&lines.into());
    let caller = || Scope::of_caller("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None);
    let mut run = |name: &str, request: &dyn Fn()| {
        criterion.bench_function(name, |bench| bench.iter(request));
    };
    if std::env::var_os(ENDPOINT).is_some() {
        let export = Export::start("bench", io.handle()).expect("the variables are valid");
        run("request/recorded", &|| io.block_on(traced(Scope::default())));
        drop(export);
    } else {
        run("request/without", &|| io.block_on(plain()));
        run("request/off", &|| io.block_on(traced(Scope::default())));
        run("request/off, of a traced caller", &|| io.block_on(traced(caller())));
        let mut child = Command::new(std::env::current_exe().expect("the executable is known"));
        let child = child.args(std::env::args().skip(1));
        let status = child.env(ENDPOINT, format!("http://127.0.0.1:{}", start_collector())).status();
        assert!(status.expect("the child starts").success());
    }
    criterion.final_summary();
}
