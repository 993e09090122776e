//! Traffic like that of users: requests of all kinds at scheduled times, whether or not earlier ones have been answered,
//! and jobs that clients follow to their end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

use super::harness::archives::{Member, zip};
use super::pictures;

/// The number of threads that send requests: far more than are in flight at a time.
const CLIENTS: u64 = 24;

/// How much traffic there is.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub requests_per_minute: u64,
    pub jobs_per_hour: u64,
    /// The numbers of pictures in the smallest and in the largest job.
    pub pictures: (usize, usize),
}

/// What clients send.
pub struct Payloads {
    jpeg: Vec<u8>,
    large: Vec<u8>,
    png: Vec<u8>,
    zip: Vec<u8>,
    /// The URL of a picture for `/fetch_url`.
    pub picture_url: String,
    /// The URL that receives the webhooks.
    pub callback_url: String,
}

impl Payloads {
    pub fn new(picture_url: String, callback_url: String) -> Self {
        let small: Vec<_> =
            (0..5).map(|n| Member::stored(format!("{n}.jpg"), &pictures::jpeg(640, 427, n))).collect();
        Self {
            jpeg: pictures::jpeg(1920, 1080, 7),
            large: pictures::jpeg(4000, 3000, 8),
            png: pictures::png(&pictures::photo(2048, 1365, 9)),
            zip: zip(&small),
            picture_url,
            callback_url,
        }
    }
}

/// What clients measured.
#[derive(Debug, Default)]
pub struct TrafficReport {
    /// The times from each request's scheduled time to the end of its answer, sorted.
    pub times: Vec<Duration>,
    /// The number of unexpected answers.
    pub unexpected: u64,
    pub jobs: u64,
}

impl TrafficReport {
    pub fn p95(&self) -> Duration {
        self.times[(self.times.len() * 95).div_ceil(100).max(1) - 1]
    }
}

/// Sends this load for this time.
pub fn run(service: SocketAddr, load: Load, payloads: &Arc<Payloads>, time: Duration) -> TrafficReport {
    let unexpected = Arc::new(AtomicU64::new(0));
    let gap = Duration::from_secs(60) / load.requests_per_minute as u32;
    let begun = Instant::now();
    let jobs = {
        let (client_of_service, payloads) = (TrafficClient::new(service), payloads.clone());
        std::thread::spawn(move || send_jobs(&client_of_service, load, &payloads, begun, time))
    };
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (client_of_service, payloads, unexpected) =
                (TrafficClient::new(service), payloads.clone(), unexpected.clone());
            std::thread::spawn(move || {
                let mut times = Vec::new();
                for number in (client..).step_by(CLIENTS as usize) {
                    let scheduled = begun + gap * number as u32;
                    if scheduled >= begun + time {
                        return times;
                    }
                    std::thread::sleep(scheduled.saturating_duration_since(Instant::now()));
                    if !client_of_service.request(number, &payloads) {
                        unexpected.fetch_add(1, Ordering::Relaxed);
                    }
                    times.push(scheduled.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    times.sort_unstable();
    TrafficReport { times, unexpected: unexpected.load(Ordering::Relaxed), jobs: jobs.join().unwrap() }
}

/// Submits jobs at their scheduled times. A thread follows each job to its end.
fn send_jobs(
    client_of_service: &TrafficClient,
    load: Load,
    payloads: &Arc<Payloads>,
    begun: Instant,
    time: Duration,
) -> u64 {
    let gap = Duration::from_secs(3600) / load.jobs_per_hour as u32;
    let (least, most) = load.pictures;
    let mut followed = Vec::new();
    for number in 0.. {
        let scheduled = begun + gap * number;
        if scheduled >= begun + time {
            break;
        }
        std::thread::sleep(scheduled.saturating_duration_since(Instant::now()));
        // All sizes in turn, in a mixed order.
        let pictures = least + (number as usize * 7) % (most - least + 1);
        let (client_of_service, payloads) = (client_of_service.clone(), payloads.clone());
        followed.push(std::thread::spawn(move || client_of_service.job(pictures, &payloads)));
    }
    followed.into_iter().map(|job| u64::from(job.join().unwrap())).sum()
}

#[derive(Clone)]
struct TrafficClient {
    client: Client,
    url: String,
}

impl TrafficClient {
    fn new(service: SocketAddr) -> Self {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        Self { client, url: format!("http://{service}") }
    }

    /// Sends the request of this number. Returns whether the answer was the expected one. Three quarters of the requests
    /// are 2-megapixel JPEGs.
    fn request(&self, number: u64, payloads: &Payloads) -> bool {
        let post = |path: &str| self.client.post(format!("{}{path}", self.url));
        let send =
            |kind: &str, body: &[u8]| post("/process").header("content-type", kind).body(body.to_vec());
        let (request, expected) = match number % 20 {
            0 => (send("image/jpeg", &payloads.large), 200),
            1 => (send("image/png", &payloads.png), 200),
            2 => (post("/process_zip").multipart(form("zip_file", "a.zip", &payloads.zip)), 200),
            3 => (post("/fetch_url").json(&json!({ "url": payloads.picture_url })), 200),
            4 => (send("image/jpeg", b"no picture"), 422),
            5 => (send("image/jpeg", &payloads.jpeg).header("accept", "image/png"), 200),
            _ => (send("image/jpeg", &payloads.jpeg), 200),
        };
        request.send().is_ok_and(|answer| answer.status() == expected && answer.bytes().is_ok())
    }

    /// Submits a job and polls it as the service asks: with its entity tag and its Retry-After. Downloads the results of
    /// every other job. Returns whether all of this worked.
    fn job(&self, pictures: usize, payloads: &Payloads) -> bool {
        let mut form = Form::new().text("callback_url", payloads.callback_url.clone());
        for number in 0..pictures {
            let part = Part::bytes(payloads.jpeg.clone()).file_name(format!("{number}.jpg"));
            form = form.part("images", part);
        }
        let accepted = self.client.post(format!("{}/jobs", self.url)).multipart(form).send().unwrap();
        assert_eq!(accepted.status(), 202);
        let id = accepted.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned();
        let url = format!("{}/jobs/{id}", self.url);
        let mut tag = String::new();
        loop {
            let answer = self.client.get(&url).header("if-none-match", &tag).send().unwrap();
            let pause = header(&answer, "retry-after").parse().unwrap_or(1);
            if answer.status() == 200 {
                tag = header(&answer, "etag");
                let job: Value = answer.json().unwrap();
                if job["status"] == "completed" {
                    break;
                }
                assert!(["queued", "processing"].contains(&job["status"].as_str().unwrap()), "{job}");
            }
            std::thread::sleep(Duration::from_secs(pause));
        }
        pictures.is_multiple_of(2)
            || self.client.get(format!("{url}/results.zip")).send().unwrap().bytes().is_ok()
    }
}

fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned())
}

fn form(field: &'static str, name: &'static str, bytes: &[u8]) -> Form {
    Form::new().part(field, Part::bytes(bytes.to_vec()).file_name(name))
}
