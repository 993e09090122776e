//! Measures what keys and limits cost, in the processor time of a poll and of a picture (`make load-access`). A service in
//! open mode without limits and one with keys, rates and quotas take turns; the result is the ratio of one run.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a benchmark: it may stop, and prints its output"
)]

#[path = "support/client.rs"]
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod client;
#[allow(dead_code, reason = "the pipeline's benchmark uses the rest")]
#[path = "../imaging/benches/support/pictures.rs"]
mod pictures;
#[path = "support/seed.rs"]
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod seed;
#[path = "support/server.rs"]
#[allow(dead_code, reason = "the other benchmarks use the rest")]
mod server;

use std::time::Duration;

use server::Server;

const ROUNDS: usize = 7;
const CLIENTS: usize = 4;
const OPERATOR: &str = "the-operators-own-token";

/// Settings without any limit.
const OPEN: [(&str, &str); 5] = [
    ("HUEMILL__ACCESS__REQUESTS_PER_MINUTE", "0"),
    ("HUEMILL__ACCESS__PICTURES_PER_MINUTE", "0"),
    ("HUEMILL__QUOTAS__OPEN_JOBS", "0"),
    ("HUEMILL__QUOTAS__OPEN_PICTURES", "0"),
    ("HUEMILL__QUOTAS__STORED_BYTES", "0"),
];

/// Settings with keys, and limits that are counted and never reached.
const KEYS: [(&str, &str); 4] = [
    ("HUEMILL__ACCESS__MODE", "keys"),
    ("OPERATOR_TOKEN", OPERATOR),
    ("HUEMILL__ACCESS__REQUESTS_PER_MINUTE", "100000000"),
    ("HUEMILL__ACCESS__PICTURES_PER_MINUTE", "100000000"),
];

/// A service, and the two requests that are measured on it.
struct Side {
    server: Server,
    poll: Vec<u8>,
    picture: Vec<u8>,
    _data: tempfile::TempDir,
}

impl Side {
    fn start(settings: &[(&str, &str)], has_keys: bool, photo: &[u8]) -> Self {
        let data = tempfile::tempdir().unwrap();
        seed::fill(data.path(), 1);
        let server = Server::start_on(data.path(), settings);
        let path = format!("/jobs/{}", seed::in_progress(data.path()));
        let credential = has_keys.then(|| key(&server));
        // The job is nobody's, so only the operator may see it with a key.
        let with = |request: Vec<u8>| match &credential {
            Some(key) => client::with_header(&request, &format!("Authorization: Bearer {key}")),
            None => request,
        };
        let tag = client::header(server.address, &with(client::get(&path, None)), "etag");
        let poll = with(client::get(&path, Some(&tag)));
        let picture = with(client::post("/process", "image/jpeg", photo));
        Self { server, poll, picture, _data: data }
    }

    /// The processor time of one answer, in microseconds.
    fn cost(&self, request: &[u8], status: u16, time: Duration) -> f64 {
        let before = self.server.cpu_seconds();
        let done = client::rate(self.server.address, request, CLIENTS, time, status) * time.as_secs_f64();
        (self.server.cpu_seconds() - before) / done * 1e6
    }
}

/// Creates a key.
fn key(server: &Server) -> String {
    let body = br#"{"name": "bench", "scopes": ["operator"]}"#;
    let request = client::post("/keys", "application/json", body);
    let request =
        client::with_header(&request, &format!("Authorization: Bearer {OPERATOR}\r\nConnection: close"));
    let answer = client::whole(server.address, &request);
    let json = answer.split_once("\r\n\r\n").unwrap().1;
    let body: serde_json::Value = serde_json::from_str(json).unwrap();
    body["key"].as_str().unwrap().to_owned()
}

fn main() {
    // `cargo test` runs benchmarks too, with few rounds.
    let short = !std::env::args().any(|argument| argument == "--bench");
    let (rounds, time) =
        if short { (1, Duration::from_millis(300)) } else { (ROUNDS, Duration::from_secs(4)) };
    let photo = pictures::jpeg(1920, 1080, 7);
    let (open, keys) = (Side::start(&OPEN, false, &photo), Side::start(&KEYS, true, &photo));
    let (mut polls, mut processed) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let poll = [&open, &keys].map(|side| side.cost(&side.poll, 304, time));
        let picture = [&open, &keys].map(|side| side.cost(&side.picture, 200, time));
        println!(
            "304: open {:6.1} µs, keys {:6.1} µs   2 MP picture: open {:7.0} µs, keys {:7.0} µs",
            poll[0], poll[1], picture[0], picture[1]
        );
        polls.push(poll[1] / poll[0]);
        processed.push(picture[1] / picture[0]);
    }
    println!("keys to open, medians: 304 {:.3}, picture {:.4}", median(polls), median(processed));
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
