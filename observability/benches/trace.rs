//! What tracing costs a request, beside the same work without it: switched off, and with a collector that takes all.
//!
//! The process traces or it does not, for good: so the second half is measured by a second process.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use criterion::Criterion;
use huemill_observability::line::Lines;
use huemill_observability::log;
use huemill_observability::trace::{self, Export, KeyValue, Scope, SpanKind};
use tokio::runtime::Runtime;
use tracing_bunyan_formatter::JsonStorageLayer;
use tracing_subscriber::layer::SubscriberExt;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Parts of a request: admission, the store, the queue, the picture.
const PARTS: [&str; 4] = ["admit", "store", "queue wait", "picture"];

async fn part() {
    black_box(std::future::ready(7)).await;
}

fn line() {
    log!(HTTP_REQUEST, request_id = "c298c805", status_code = 202_u16, duration_ms = 15_u64);
}

async fn plain() {
    for name in PARTS {
        black_box(name);
        part().await;
    }
    line();
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
        line();
    };
    span.scope().run(work).await;
    span.set("http.response.status_code", 202);
}

/// A collector that takes everything and says that it is well.
fn sink() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
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
    let lines = tracing_subscriber::registry().with(JsonStorageLayer).with(Lines::new(std::io::sink));
    let _default = tracing::dispatcher::set_default(&lines.into());
    let caller = || Scope::of_caller("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None);
    let mut run = |name: &str, request: &dyn Fn()| {
        criterion.bench_function(name, |bench| bench.iter(request));
    };
    if std::env::var_os(ENDPOINT).is_some() {
        let export = Export::start("bench", io.handle()).expect("the variables are good");
        run("request/recorded", &|| io.block_on(traced(Scope::default())));
        drop(export);
    } else {
        run("request/without", &|| io.block_on(plain()));
        run("request/off", &|| io.block_on(traced(Scope::default())));
        run("request/off, of a traced caller", &|| io.block_on(traced(caller())));
        let mut again = Command::new(std::env::current_exe().expect("this program has a file"));
        let again = again.args(std::env::args().skip(1));
        let status = again.env(ENDPOINT, format!("http://127.0.0.1:{}", sink())).status();
        assert!(status.expect("it starts").success());
    }
    criterion.final_summary();
}
