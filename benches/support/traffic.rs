//! Traffic as users make it: requests of all kinds at their appointed times, whether or not earlier ones have been
//! answered, and jobs that are followed to their end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

use super::archives::{Member, zip};
use super::pictures;

/// Threads that send requests; far more than are in flight at a time.
const CLIENTS: u64 = 24;

/// So much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub requests_per_minute: u64,
    pub jobs_per_hour: u64,
    /// The smallest and the largest job.
    pub pictures: (usize, usize),
}

/// What clients send.
pub struct Stock {
    jpeg: Vec<u8>,
    large: Vec<u8>,
    png: Vec<u8>,
    zip: Vec<u8>,
    /// Where `/fetch_url` finds a picture.
    pub picture_url: String,
    /// Who is told of jobs' ends.
    pub callback_url: String,
}

impl Stock {
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

/// What clients saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// From each request's appointed time to the end of its answer, sorted.
    pub times: Vec<Duration>,
    /// Answers that were not those expected.
    pub surprises: u64,
    pub jobs: u64,
}

impl Seen {
    pub fn p95(&self) -> Duration {
        self.times[(self.times.len() * 95).div_ceil(100).max(1) - 1]
    }
}

/// Sends this load for so long.
pub fn run(service: SocketAddr, load: Load, stock: &Arc<Stock>, time: Duration) -> Seen {
    let surprises = Arc::new(AtomicU64::new(0));
    let gap = Duration::from_secs(60) / load.requests_per_minute as u32;
    let begun = Instant::now();
    let jobs = {
        let (caller, stock) = (Caller::new(service), stock.clone());
        std::thread::spawn(move || send_jobs(&caller, load, &stock, begun, time))
    };
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (caller, stock, surprises) = (Caller::new(service), stock.clone(), surprises.clone());
            std::thread::spawn(move || {
                let mut times = Vec::new();
                for number in (client..).step_by(CLIENTS as usize) {
                    let appointed = begun + gap * number as u32;
                    if appointed >= begun + time {
                        return times;
                    }
                    std::thread::sleep(appointed.saturating_duration_since(Instant::now()));
                    if !caller.request(number, &stock) {
                        surprises.fetch_add(1, Ordering::Relaxed);
                    }
                    times.push(appointed.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    times.sort_unstable();
    Seen { times, surprises: surprises.load(Ordering::Relaxed), jobs: jobs.join().unwrap() }
}

/// Sends jobs at their times, each followed by a thread of its own.
fn send_jobs(caller: &Caller, load: Load, stock: &Arc<Stock>, begun: Instant, time: Duration) -> u64 {
    let gap = Duration::from_secs(3600) / load.jobs_per_hour as u32;
    let (least, most) = load.pictures;
    let mut followed = Vec::new();
    for number in 0.. {
        let appointed = begun + gap * number;
        if appointed >= begun + time {
            break;
        }
        std::thread::sleep(appointed.saturating_duration_since(Instant::now()));
        // Every size in turn, in a mixed order.
        let pictures = least + (number as usize * 7) % (most - least + 1);
        let (caller, stock) = (caller.clone(), stock.clone());
        followed.push(std::thread::spawn(move || caller.job(pictures, &stock)));
    }
    followed.into_iter().map(|job| u64::from(job.join().unwrap())).sum()
}

#[derive(Clone)]
struct Caller {
    client: Client,
    url: String,
}

impl Caller {
    fn new(service: SocketAddr) -> Self {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        Self { client, url: format!("http://{service}") }
    }

    /// The request of this number; whether its answer was the expected one. Three quarters are 2-megapixel JPEGs.
    fn request(&self, number: u64, stock: &Stock) -> bool {
        let post = |path: &str| self.client.post(format!("{}{path}", self.url));
        let send =
            |kind: &str, body: &[u8]| post("/process").header("content-type", kind).body(body.to_vec());
        let (request, expected) = match number % 20 {
            0 => (send("image/jpeg", &stock.large), 200),
            1 => (send("image/png", &stock.png), 200),
            2 => (post("/process_zip").multipart(form("zip_file", "a.zip", &stock.zip)), 200),
            3 => (post("/fetch_url").json(&json!({ "url": stock.picture_url })), 200),
            4 => (send("image/jpeg", b"no picture"), 422),
            5 => (send("image/jpeg", &stock.jpeg).header("accept", "image/png"), 200),
            _ => (send("image/jpeg", &stock.jpeg), 200),
        };
        request.send().is_ok_and(|answer| answer.status() == expected && answer.bytes().is_ok())
    }

    /// Sends a job and follows it as the service says: by its entity tag, no sooner than it asks. Every other one's results
    /// are fetched. Whether all of it went well.
    fn job(&self, pictures: usize, stock: &Stock) -> bool {
        let mut form = Form::new().text("callback_url", stock.callback_url.clone());
        for number in 0..pictures {
            let part = Part::bytes(stock.jpeg.clone()).file_name(format!("{number}.jpg"));
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
