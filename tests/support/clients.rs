//! Clients of a service that keeps failing. Each behaves as a good client does: it sends its request again, with the
//! same key, until it has an answer. An answer that must not happen fails the test.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use reqwest::blocking::{Client, Response};
use serde_json::Value;

use super::http::{client_builder, images_form};
use super::pictures::encoded;
use super::wait_until;

/// What the clients sent and which answers they got.
#[derive(Debug, Default)]
pub struct ClientRecord {
    /// The job of each key, with the number of its pictures.
    pub accepted: HashMap<String, (String, usize)>,
    /// Jobs that a client asked to cancel. The service may have died after it canceled one and before it answered.
    pub cancel_requested: HashSet<String>,
    /// Jobs whose cancel was answered 202.
    pub canceled: HashSet<String>,
    /// Jobs that a client asked to delete, with or without an answer.
    pub deleted: HashSet<String>,
    /// The number of keys that were sent. Each makes one job in the end.
    pub keys: usize,
    /// The status and the entity tag with which a client first saw that a job had ended.
    pub ended: HashMap<String, (String, String)>,
}

/// The addresses of the service's processes.
#[derive(Clone, Default)]
pub struct Addresses(Arc<Mutex<Vec<SocketAddr>>>);

impl Addresses {
    pub fn set(&self, addresses: &[SocketAddr]) {
        *self.0.lock().unwrap() = addresses.to_vec();
    }
}

/// The pictures that a client sends, and how often.
#[derive(Default)]
struct Workload {
    sides: Range<u32>,
    longest_pause_ms: u64,
}

#[derive(Default)]
struct Shared {
    /// The URL that receives the webhooks.
    callback: String,
    workload: Workload,
    paused: AtomicBool,
    addresses: Addresses,
    record: Mutex<ClientRecord>,
    create: AtomicBool,
    stop: AtomicBool,
}

type Work = fn(&Shared, StdRng);

pub struct Clients {
    shared: Arc<Shared>,
    creators: Vec<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
}

impl Clients {
    /// Starts clients that send small pictures as fast as they can, poll and cancel.
    pub fn start(seed: u64, callback: &str) -> Self {
        let workload = Workload { sides: 40..160, longest_pause_ms: 40 };
        Self::start_all(seed, callback, workload, &[poll, poll, cancel])
    }

    /// Starts clients that also delete, and send larger pictures, at a rate that two workers can just keep up with.
    pub fn start_with_deletion(seed: u64, callback: &str) -> Self {
        let workload = Workload { sides: 300..1200, longest_pause_ms: 1000 };
        Self::start_all(seed, callback, workload, &[poll, poll, cancel, delete])
    }

    fn start_all(seed: u64, callback: &str, workload: Workload, others: &[Work]) -> Self {
        let (callback, creating) = (callback.to_owned(), AtomicBool::new(true));
        let shared = Arc::new(Shared { callback, workload, create: creating, ..Shared::default() });
        let spawn = |offset: u64, work: Work| {
            let shared = shared.clone();
            std::thread::spawn(move || work(&shared, StdRng::seed_from_u64(seed.wrapping_add(offset))))
        };
        Self {
            creators: (0..3).map(|n| spawn(n, create)).collect(),
            others: (10..).zip(others).map(|(n, work)| spawn(n, *work)).collect(),
            shared,
        }
    }

    /// The addresses that the clients use, for the test to change.
    pub fn addresses(&self) -> Addresses {
        self.shared.addresses.clone()
    }

    /// Pauses or resumes the creation of jobs.
    pub fn pause(&self, paused: bool) {
        self.shared.paused.store(paused, Ordering::SeqCst);
    }

    /// Ends the creation of jobs.
    pub fn stop_creating(&self) {
        self.shared.create.store(false, Ordering::SeqCst);
    }

    /// Lets the clients finish what they have begun, on a service that runs.
    pub fn stop(self) -> ClientRecord {
        self.creators.into_iter().for_each(|creator| creator.join().unwrap());
        self.shared.stop.store(true, Ordering::SeqCst);
        self.others.into_iter().for_each(|other| other.join().unwrap());
        std::mem::take(&mut *self.shared.record.lock().unwrap())
    }
}

impl Shared {
    fn client() -> Client {
        client_builder().timeout(Duration::from_secs(10)).build().unwrap()
    }

    /// A URL at one of the processes.
    fn url(&self, random: &mut StdRng, path: &str) -> Option<String> {
        let addresses = self.addresses.0.lock().unwrap();
        let address = addresses.choose(random)?;
        Some(format!("http://{address}{path}"))
    }

    fn any_job(&self, random: &mut StdRng) -> Option<String> {
        let record = self.record.lock().unwrap();
        if record.accepted.is_empty() {
            return None;
        }
        let index = random.random_range(0..record.accepted.len());
        record.accepted.values().nth(index).map(|(job, _)| job.clone())
    }

    fn is_running(&self) -> bool {
        std::thread::sleep(Duration::from_millis(5));
        !self.stop.load(Ordering::SeqCst)
    }
}

/// A picture that no other client sends.
fn picture(random: &mut StdRng, sides: &Range<u32>) -> Vec<u8> {
    let (side, shade) = (random.random_range(sides.clone()), random.random::<[u8; 3]>());
    let image = image::RgbImage::from_fn(side, side, |x, y| {
        image::Rgb([shade[0].wrapping_add(x as u8), shade[1].wrapping_add(y as u8), shade[2]])
    });
    encoded(&image, image::ImageFormat::Png)
}

fn create(shared: &Shared, mut random: StdRng) {
    let client = Shared::client();
    while shared.create.load(Ordering::SeqCst) {
        if shared.paused.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        let key = format!("{:032x}", random.random::<u128>());
        let pictures: Vec<_> =
            (0..random.random_range(1..6)).map(|_| picture(&mut random, &shared.workload.sides)).collect();
        // The key allows the client to send the same request again until it has an answer.
        shared.record.lock().unwrap().keys += 1;
        let mut answer = None;
        wait_until("a request that is sent again and again gets an answer", || {
            answer = shared.url(&mut random, "/jobs").and_then(|url| {
                let form = images_form(&pictures).text("callback_url", shared.callback.clone());
                client.post(url).header("idempotency-key", &key).multipart(form).send().ok()
            });
            answer.as_ref().is_some_and(accepted)
        });
        let body: Value = match answer.unwrap().json() {
            Ok(body) => body,
            // The service died while it sent the answer. The client gives up, so the test does not know this job.
            Err(_) => continue,
        };
        let job = body["job_id"].as_str().unwrap().to_owned();
        let old = shared.record.lock().unwrap().accepted.insert(key, (job, pictures.len()));
        assert!(old.is_none());
        std::thread::sleep(Duration::from_millis(random.random_range(0..shared.workload.longest_pause_ms)));
    }
}

/// Whether the answer is a 202. Any other answer must be a temporary refusal.
fn accepted(answer: &Response) -> bool {
    let status = answer.status().as_u16();
    assert!(matches!(status, 202 | 409 | 503), "POST /jobs answered {status}");
    status == 202
}

fn poll(shared: &Shared, mut random: StdRng) {
    let client = Shared::client();
    while shared.is_running() {
        let Some(job) = shared.any_job(&mut random) else { continue };
        let Some(url) = shared.url(&mut random, &format!("/jobs/{job}")) else { continue };
        let Ok(answer) = client.get(url).send() else { continue };
        let status = answer.status().as_u16();
        if is_gone(shared, &job, status) {
            continue;
        }
        assert!(
            matches!(status, 200 | 503),
            "polling {job}, which was accepted, was answered {status}: {}",
            answer.text().unwrap_or_default()
        );
        let Some(tag) = answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned()) else {
            continue;
        };
        let Ok(body) = answer.json::<Value>() else { continue };
        let state = body["status"].as_str().unwrap_or_default().to_owned();
        if matches!(state.as_str(), "completed" | "failed" | "canceled") {
            let mut record = shared.record.lock().unwrap();
            let first = record.ended.entry(job.clone()).or_insert_with(|| (state.clone(), tag.clone()));
            assert_eq!(*first, (state, tag), "{job} changed after its end");
        }
    }
}

fn cancel(shared: &Shared, mut random: StdRng) {
    let client = Shared::client();
    while shared.is_running() {
        std::thread::sleep(Duration::from_millis(random.random_range(20..120)));
        let Some(job) = shared.any_job(&mut random) else { continue };
        let Some(url) = shared.url(&mut random, &format!("/jobs/{job}/cancel")) else { continue };
        shared.record.lock().unwrap().cancel_requested.insert(job.clone());
        let Ok(answer) = client.post(url).send() else { continue };
        let status = answer.status().as_u16();
        if is_gone(shared, &job, status) {
            continue;
        }
        assert!(matches!(status, 202 | 409 | 503), "cancel answered {status}");
        if status == 202 {
            shared.record.lock().unwrap().canceled.insert(job);
        }
    }
}

/// Whether the answer is that of a deleted job, and a client asked to delete the job.
fn is_gone(shared: &Shared, job: &str, status: u16) -> bool {
    status == 404 && shared.record.lock().unwrap().deleted.contains(job)
}

fn delete(shared: &Shared, mut random: StdRng) {
    let client = Shared::client();
    while shared.is_running() {
        std::thread::sleep(Duration::from_millis(random.random_range(400..2000)));
        let Some(job) = shared.any_job(&mut random) else { continue };
        let Some(url) = shared.url(&mut random, &format!("/jobs/{job}")) else { continue };
        shared.record.lock().unwrap().deleted.insert(job);
        let Ok(answer) = client.delete(url).send() else { continue };
        let status = answer.status().as_u16();
        assert!(matches!(status, 204 | 404 | 503), "DELETE answered {status}");
    }
}
