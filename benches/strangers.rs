//! Measures what an honest caller notices of a stranger that takes whatever it can get (`make load-strangers`): the median
//! time of a picture and of a job of one picture beside each attack, compared to the time alone, and the memory before,
//! during and after. At the end all attacks run at once for ten minutes, and what they cost is printed. The stranger calls
//! from 127.0.0.2, the honest caller from 127.0.0.1. All ratios are of one run.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a benchmark: it may stop, and prints its output"
)]

#[path = "../tests/support/mod.rs"]
mod harness;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use harness::archives::{Member, zip};
use harness::http::{client, images_form, job_status};
use harness::pictures::{noise_png, small_pngs};
use harness::service::Service;
use harness::{connect_from, files_below, loopback_settings, wait_until};
use reqwest::blocking::Client;
use serde_json::json;

const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// How much of each attack there is.
#[derive(Clone, Copy)]
struct Scale {
    sockets: usize,
    rounds: usize,
    rest: Duration,
    /// How long all attacks run at once.
    all: Duration,
}

/// Something that a stranger does, as long as this lives.
struct Attack {
    _sockets: Vec<TcpStream>,
    stop: Arc<AtomicBool>,
}

impl Attack {
    fn sockets(sockets: Vec<TcpStream>) -> Self {
        Self { _sockets: sockets, stop: Arc::default() }
    }

    /// Runs this again and again on a few threads.
    fn again(threads: usize, work: impl Fn() + Send + Sync + 'static) -> Self {
        let (stop, work) = (Arc::<AtomicBool>::default(), Arc::new(work));
        for _ in 0..threads {
            let (stop, work) = (Arc::clone(&stop), Arc::clone(&work));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    work();
                }
            });
        }
        Self { _sockets: Vec::new(), stop }
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        // The threads end with their requests, or with the service. Nobody waits for those that hang.
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The service, and what attacks need beside it.
struct Scene {
    service: Service,
    scale: Scale,
    /// A server that accepts and never answers.
    silent: SocketAddr,
    /// The path of results that are larger than a connection's buffers.
    results: String,
    data: PathBuf,
}

impl Scene {
    fn start(scale: Scale) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let _held: Vec<_> = listener.incoming().collect();
        });
        // The data stays until the process ends.
        let data = tempfile::tempdir().unwrap().keep();
        let service = Service::start(&data, &loopback_settings(&[silent.port()]));
        wait_until("the service is ready", || harness::http::is_ready(&service));
        let large: Vec<_> = (0..6).map(|seed| noise_png(900, seed)).collect();
        let job = harness::http::submit(&service, &large);
        harness::http::assert_job_ends(&service, &job, large.len(), 0);
        Self { service, scale, silent, results: format!("/jobs/{job}/results.zip"), data }
    }

    fn request(&self, head: &str) -> TcpStream {
        let mut socket = connect_from(STRANGER, self.service.address);
        let _ = socket.write_all(head.as_bytes());
        socket
    }

    fn sockets(&self, head: &str) -> Attack {
        Attack::sockets((0..self.scale.sockets).map(|_| self.request(head)).collect())
    }

    fn posts(&self, threads: usize, path: &str, kind: &'static str, body: Vec<u8>) -> Attack {
        let url = self.service.url(path);
        let client =
            Client::builder().local_address(STRANGER).timeout(Duration::from_secs(60)).build().unwrap();
        Attack::again(threads, move || {
            let request = client.post(&url).header("content-type", kind).body(body.clone());
            let _ = request.send().and_then(reqwest::blocking::Response::bytes);
        })
    }

    fn urls(&self, count: usize) -> Vec<String> {
        (0..count).map(|n| format!("http://{}/{n}.png", self.silent)).collect()
    }

    fn attack(&self, name: &str) -> Attack {
        let length = |route: &str, bytes: u64| {
            format!(
                "POST {route} HTTP/1.1\r\nHost: x\r\nContent-Type: application/zip\r\nContent-Length: {bytes}\r\n\r\n"
            )
        };
        match name {
            "large uploads that never come" => self.sockets(&length("/process_zip", 500_000_000)),
            "small uploads that never come" => self.sockets(&length("/jobs", 10)),
            "readers that never read" => {
                self.sockets(&format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", self.results))
            }
            "connections that are kept" => self.sockets(""),
            "pictures without end" => self.posts(16, "/process", "image/png", noise_png(900, 1)),
            "archives without end" => {
                let members: Vec<_> =
                    (0..50).map(|n| Member::stored(format!("{n}.png"), &noise_png(600, n))).collect();
                self.posts(4, "/process_zip", "application/zip", zip(&members))
            }
            "jobs of pictures" => {
                let members: Vec<_> =
                    (0..200).map(|n| Member::stored(format!("{n}.png"), &noise_png(300, n))).collect();
                self.posts(2, "/jobs?priority=high", "application/zip", zip(&members))
            }
            "jobs of silent URLs" => {
                let body = json!({"urls": self.urls(200), "priority": "high"}).to_string();
                self.posts(2, "/jobs", "application/json", body.into())
            }
            "downloads that hang" => {
                let body = json!({"url": self.urls(1)[0]}).to_string();
                self.posts(64, "/fetch_url", "application/json", body.into())
            }
            _ => self.posts(4, "/nothing", "text/plain", Vec::new()),
        }
    }

    /// The median seconds of a picture and of a job of one picture, and the slowest /health.
    fn honest(&self) -> [f64; 3] {
        let (client, picture) = (client(), noise_png(600, 99));
        let (mut pictures, mut jobs, mut health) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.scale.rounds {
            let started = Instant::now();
            let request = client.post(self.service.url("/process")).header("content-type", "image/png");
            assert_eq!(request.body(picture.clone()).send().unwrap().status(), 200);
            pictures.push(started.elapsed().as_secs_f64());
            let started = Instant::now();
            let form = images_form(&small_pngs(1, round as u32));
            let answer = client.post(self.service.url("/jobs")).multipart(form).send().unwrap();
            assert_eq!(answer.status(), 202);
            let job: serde_json::Value = answer.json().unwrap();
            let id = job["job_id"].as_str().unwrap();
            wait_until("the job ends", || job_status(&self.service, id)["status"] == "completed");
            jobs.push(started.elapsed().as_secs_f64());
            let started = Instant::now();
            assert_eq!(client.get(self.service.url("/health")).send().unwrap().status(), 200);
            health.push(started.elapsed().as_secs_f64());
        }
        let slowest = health.into_iter().fold(0.0, f64::max);
        [median(pictures), median(jobs), slowest]
    }

    /// What the service has used so far: seconds of processor time, and bytes on the disk, in the log, and sent as bodies.
    fn used(&self) -> [f64; 4] {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.service.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        // utime and stime, in hundredths of a second.
        let seconds = (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0;
        let length = |name: &String| std::fs::metadata(self.data.join(name)).map_or(0, |file| file.len());
        let disk: u64 = files_below(&self.data).iter().map(length).sum();
        let log: usize = self.service.output().log().iter().map(|line| line.len() + 1).sum();
        let scrape = client().get(self.service.url("/metrics")).send().unwrap().text().unwrap();
        let sent = scrape.lines().filter(|line| line.starts_with("http_response_bytes_total{"));
        let sent = sent.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
        [seconds, disk as f64, log as f64, sent]
    }

    fn resident_mb(&self) -> f64 {
        let mut text = String::new();
        let path = format!("/proc/{}/status", self.service.id());
        std::fs::File::open(path).unwrap().read_to_string(&mut text).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1024.0 / 1e6
    }
}

const ATTACKS: [&str; 10] = [
    "large uploads that never come",
    "small uploads that never come",
    "readers that never read",
    "connections that are kept",
    "pictures without end",
    "archives without end",
    "jobs of pictures",
    "jobs of silent URLs",
    "downloads that hang",
    "paths that do not exist",
];

fn main() {
    // `cargo test` runs benchmarks too, with few rounds.
    let short = !std::env::args().any(|argument| argument == "--bench");
    let scale = if short {
        Scale { sockets: 20, rounds: 1, rest: Duration::ZERO, all: Duration::from_millis(100) }
    } else {
        Scale { sockets: 2_000, rounds: 15, rest: Duration::from_secs(60), all: Duration::from_secs(600) }
    };
    for name in ATTACKS {
        let scene = Scene::start(scale);
        let alone = scene.honest();
        let before = scene.resident_mb();
        let attack = scene.attack(name);
        std::thread::sleep(scale.rest / 20);
        let beside = scene.honest();
        let during = scene.resident_mb();
        drop(attack);
        std::thread::sleep(scale.rest);
        println!(
            "{name:30} picture {:4.0} ms ({:.2} × alone)   job {:4.0} ms ({:.2} ×)   /health at most {:3.0} ms   \
             memory {before:4.0}, {during:4.0}, {:4.0} MB",
            beside[0] * 1e3,
            beside[0] / alone[0],
            beside[1] * 1e3,
            beside[1] / alone[1],
            beside[2] * 1e3,
            scene.resident_mb()
        );
    }
    all_at_once(scale);
}

/// Everything at once: what it costs, and what is left for the honest caller.
fn all_at_once(scale: Scale) {
    let scene = Scene::start(scale);
    let (alone, before, started) = (scene.honest(), scene.used(), Instant::now());
    let attacks: Vec<_> = ATTACKS.iter().map(|name| scene.attack(name)).collect();
    let (mut peak, mut shares) = (0.0_f64, Vec::new());
    loop {
        let honest = scene.honest();
        shares.push(honest[0] / alone[0]);
        peak = peak.max(scene.resident_mb());
        if started.elapsed() >= scale.all {
            break;
        }
    }
    let (seconds, used) = (started.elapsed().as_secs_f64(), scene.used());
    drop(attacks);
    let [cpu, disk, log, sent] = [0, 1, 2, 3].map(|at| used[at] - before[at]);
    println!(
        "all at once for {seconds:.0} s: {cpu:.0} s of CPU, {peak:.0} MB of memory, {:.0} MB of disk, {:.1} MB of log, {:.0} MB \
         sent; pictures of the honest caller {:.2} × alone",
        disk / 1e6,
        log / 1e6,
        sent / 1e6,
        median(shares)
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
