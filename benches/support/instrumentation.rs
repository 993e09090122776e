//! Measures the processor time of a request's instrumentation: its events, which an actor counts, and its log line,
//! which a thread writes to standard output.

use std::time::Duration;

use actix::Actor;
use actix_rt::{Arbiter, System};
use huemill_actors::metrics::{Metrics, Recorder, Render};
use huemill_observability::{
    Event, LabelValues, PollResult, Registry, RequestFacts, RouteLabels, json_log, log, log_writer,
};

/// A picture while its client waits.
pub const PICTURE: &str = "POST /process, 2 MP";
/// A poll of an unchanged job.
pub const POLL: &str = "GET /jobs/{id}, 304";

/// The number of requests before the benchmark waits for the actor, so that nothing is dropped.
const BATCH: usize = 250;

/// The processor time, in microseconds, of one request's instrumentation in this process.
pub fn micros(what: &str, times: usize) -> f64 {
    let (writer, guard) = log_writer::stdout(log_writer::LineStyle::Json);
    json_log::init("info", writer).unwrap();
    let known = LabelValues {
        routes: &[
            RouteLabels { endpoint: "/process", statuses: &[200], ..RouteLabels::default() },
            RouteLabels { endpoint: "/jobs/{id}", statuses: &[200, 304], ..RouteLabels::default() },
        ],
        ..LabelValues::default()
    };
    let registry = Registry::new("bench", &known).unwrap().into();
    let record = if what == POLL { poll } else { picture };
    let spent = System::new().block_on(async move {
        let (recorder, events) = Recorder::channel(8_192);
        let counter = Metrics::new(registry, recorder.clone(), events);
        let metrics = Metrics::start_in_arbiter(&Arbiter::new().handle(), |_| counter);
        let scrape = scrape(&metrics).await;
        let before = cpu_seconds();
        for _ in 0..times / BATCH {
            (0..BATCH).for_each(|_| record(&recorder));
            // Makes the actor count all events and render. The cost of rendering is subtracted below.
            metrics.send(Render).await.unwrap();
            // Lets the writer empty the queue of lines, which is bounded too.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        drop(guard);
        assert_eq!((recorder.dropped(), log_writer::dropped_lines()), (0, 0), "events or lines were lost");
        cpu_seconds() - before - scrape * (times / BATCH) as f64
    });
    spent * 1e6 / times as f64
}

/// The processor time of one scrape.
async fn scrape(metrics: &actix::Addr<Metrics>) -> f64 {
    let before = cpu_seconds();
    for _ in 0..500 {
        metrics.send(Render).await.unwrap();
    }
    (cpu_seconds() - before) / 500.0
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // utime and stime, in ticks of a hundredth second.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn picture(recorder: &Recorder) {
    let time = Duration::from_millis(15);
    for uploads in [400_000, 0] {
        recorder.record(Event::UploadsInFlight(uploads));
    }
    for busy in [1, 0] {
        recorder.record(Event::Slots { total: 2, busy, guests: 0, abandoned: 0 });
        recorder.record(Event::QueueDepth(0));
        recorder.record(Event::Budget { used: busy as u64 * 20_000_000, total: 400_000_000 });
    }
    recorder.record(Event::QueueWaited(time));
    for stage in ["decode", "palette", "subject", "layout", "card", "encode"] {
        recorder.record(Event::StageTimed { stage, time });
    }
    recorder.record(Event::AttemptEnded { format: "jpeg", outcome: "ok" });
    recorder.record(Event::ImageProcessed { endpoint: "/process" });
    finished(recorder, "/process", "POST", 200);
}

fn poll(recorder: &Recorder) {
    recorder.record(Event::StatusPolled(PollResult::NotModified));
    recorder.record(Event::RetryAfterSent { seconds: 2 });
    finished(recorder, "/jobs/{id}", "GET", 304);
}

fn finished(recorder: &Recorder, endpoint: &'static str, method: &'static str, code: u16) {
    let duration = Duration::from_millis(15);
    let _span = tracing::error_span!("request", request_id = "c298c805").entered();
    log!(
        HTTP_REQUEST,
        request_id = "c298c805",
        endpoint,
        method,
        status_code = code,
        duration_ms = 15_u64,
        success = None::<bool>,
        error_code = None::<&str>,
        bytes_in = 391_168_u64,
        bytes_out = 1_204_417_u64,
    );
    recorder.record(Event::RequestFinished(RequestFacts {
        endpoint,
        method,
        code,
        error_code: None,
        duration,
        bytes_in: 391_168,
        bytes_out: 1_204_417,
    }));
}
