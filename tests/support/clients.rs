//! The clients of a service that keeps failing, in one process or in several. Each does what a good client does: it
//! sends its request again, with the same key, until it is answered. What they see that must not be fails the test.

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
use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client, Response};
use serde_json::Value;

use super::until;

/// What the clients were told.
#[derive(Debug, Default)]
pub struct Seen {
    /// Job by key, with the number of its pictures.
    pub accepted: HashMap<String, (String, usize)>,
    /// Jobs that were asked to be canceled: the service may have died between doing it and saying so.
    pub asked: HashSet<String>,
    /// Jobs whose cancel was answered 202.
    pub canceled: HashSet<String>,
    /// Jobs that were asked to be deleted, whether or not the answer came through.
    pub deleted: HashSet<String>,
    /// Keys that were sent: each has made one job in the end.
    pub keys: usize,
    /// The entity tag under which an ended job was first seen.
    pub ended: HashMap<String, (String, String)>,
}

/// Where the service's processes are now.
#[derive(Clone, Default)]
pub struct Addresses(Arc<Mutex<Vec<SocketAddr>>>);

impl Addresses {
    pub fn are(&self, addresses: &[SocketAddr]) {
        *self.0.lock().unwrap() = addresses.to_vec();
    }
}

/// What a client creates, and how often.
#[derive(Default)]
struct Habits {
    sides: Range<u32>,
    longest_pause_ms: u64,
}

#[derive(Default)]
struct Shared {
    /// Where the ends of jobs are told.
    callback: String,
    habits: Habits,
    rest: AtomicBool,
    addresses: Addresses,
    seen: Mutex<Seen>,
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
    /// Clients that create small pictures as fast as they can, poll and cancel.
    pub fn start(seed: u64, callback: &str) -> Self {
        let habits = Habits { sides: 40..160, longest_pause_ms: 40 };
        Self::start_all(seed, callback, habits, &[poll, poll, cancel])
    }

    /// The same and one that deletes, with larger pictures, at a pace that two workers just keep up with.
    pub fn start_with_deletion(seed: u64, callback: &str) -> Self {
        let habits = Habits { sides: 300..1200, longest_pause_ms: 1000 };
        Self::start_all(seed, callback, habits, &[poll, poll, cancel, delete])
    }

    fn start_all(seed: u64, callback: &str, habits: Habits, others: &[Work]) -> Self {
        let (callback, going) = (callback.to_owned(), AtomicBool::new(true));
        let shared = Arc::new(Shared { callback, habits, create: going, ..Shared::default() });
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

    /// Where they look for the service.
    pub fn addresses(&self) -> Addresses {
        self.shared.addresses.clone()
    }

    /// From now on nothing new is created, or something is again.
    pub fn rest(&self, rest: bool) {
        self.shared.rest.store(rest, Ordering::SeqCst);
    }

    pub fn create_no_more(&self) {
        self.shared.create.store(false, Ordering::SeqCst);
    }

    /// Lets everybody finish what was begun, on a service that lives.
    pub fn stop(self) -> Seen {
        self.creators.into_iter().for_each(|creator| creator.join().unwrap());
        self.shared.stop.store(true, Ordering::SeqCst);
        self.others.into_iter().for_each(|other| other.join().unwrap());
        std::mem::take(&mut *self.shared.seen.lock().unwrap())
    }
}

impl Shared {
    fn client() -> Client {
        Client::builder().timeout(Duration::from_secs(10)).no_proxy().build().unwrap()
    }

    /// At any of the processes.
    fn url(&self, random: &mut StdRng, path: &str) -> Option<String> {
        let addresses = self.addresses.0.lock().unwrap();
        let address = addresses.choose(random)?;
        Some(format!("http://{address}{path}"))
    }

    fn any_job(&self, random: &mut StdRng) -> Option<String> {
        let seen = self.seen.lock().unwrap();
        if seen.accepted.is_empty() {
            return None;
        }
        let index = random.random_range(0..seen.accepted.len());
        seen.accepted.values().nth(index).map(|(job, _)| job.clone())
    }

    fn going(&self) -> bool {
        std::thread::sleep(Duration::from_millis(5));
        !self.stop.load(Ordering::SeqCst)
    }
}

/// A small picture of its own.
fn picture(random: &mut StdRng, sides: &Range<u32>) -> Vec<u8> {
    let (side, shade) = (random.random_range(sides.clone()), random.random::<[u8; 3]>());
    let image = image::RgbImage::from_fn(side, side, |x, y| {
        image::Rgb([shade[0].wrapping_add(x as u8), shade[1].wrapping_add(y as u8), shade[2]])
    });
    let mut bytes = Vec::new();
    image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}

fn create(shared: &Shared, mut random: StdRng) {
    let client = Shared::client();
    while shared.create.load(Ordering::SeqCst) {
        if shared.rest.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        }
        let key = format!("{:032x}", random.random::<u128>());
        let pictures: Vec<_> =
            (0..random.random_range(1..6)).map(|_| picture(&mut random, &shared.habits.sides)).collect();
        // Sent again, the same, until it is answered: that is what the key is for.
        shared.seen.lock().unwrap().keys += 1;
        let mut answer = None;
        until("a request that is sent again is answered in the end", || {
            answer = shared.url(&mut random, "/jobs").and_then(|url| {
                let form = Form::new().text("callback_url", shared.callback.clone());
                let form = pictures.iter().enumerate().fold(form, |form, (n, bytes)| {
                    form.part("images", Part::bytes(bytes.clone()).file_name(format!("{n}.png")))
                });
                client.post(url).header("idempotency-key", &key).multipart(form).send().ok()
            });
            answer.as_ref().is_some_and(accepted)
        });
        let body: Value = match answer.unwrap().json() {
            Ok(body) => body,
            // The service died while it answered; the job is there, or the next try makes it. Asked no more, so
            // nothing is known of it.
            Err(_) => continue,
        };
        let job = body["job_id"].as_str().unwrap().to_owned();
        let old = shared.seen.lock().unwrap().accepted.insert(key, (job, pictures.len()));
        assert!(old.is_none());
        std::thread::sleep(Duration::from_millis(random.random_range(0..shared.habits.longest_pause_ms)));
    }
}

/// Whether it is a 202. Anything else must be a refusal that passes.
fn accepted(answer: &Response) -> bool {
    let status = answer.status().as_u16();
    assert!(matches!(status, 202 | 409 | 503), "POST /jobs answered {status}");
    status == 202
}

fn poll(shared: &Shared, mut random: StdRng) {
    let client = Shared::client();
    while shared.going() {
        let Some(job) = shared.any_job(&mut random) else { continue };
        let Some(url) = shared.url(&mut random, &format!("/jobs/{job}")) else { continue };
        let Ok(answer) = client.get(url).send() else { continue };
        let status = answer.status().as_u16();
        if is_gone(shared, &job, status) {
            continue;
        }
        assert!(
            matches!(status, 200 | 503),
            "{job}, once accepted, is answered {status}: {}",
            answer.text().unwrap_or_default()
        );
        let Some(tag) = answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned()) else {
            continue;
        };
        let Ok(body) = answer.json::<Value>() else { continue };
        let state = body["status"].as_str().unwrap_or_default().to_owned();
        if matches!(state.as_str(), "completed" | "failed" | "canceled") {
            let mut seen = shared.seen.lock().unwrap();
            let first = seen.ended.entry(job.clone()).or_insert_with(|| (state.clone(), tag.clone()));
            assert_eq!(*first, (state, tag), "{job} had ended");
        }
    }
}

fn cancel(shared: &Shared, mut random: StdRng) {
    let client = Shared::client();
    while shared.going() {
        std::thread::sleep(Duration::from_millis(random.random_range(20..120)));
        let Some(job) = shared.any_job(&mut random) else { continue };
        let Some(url) = shared.url(&mut random, &format!("/jobs/{job}/cancel")) else { continue };
        shared.seen.lock().unwrap().asked.insert(job.clone());
        let Ok(answer) = client.post(url).send() else { continue };
        let status = answer.status().as_u16();
        if is_gone(shared, &job, status) {
            continue;
        }
        assert!(matches!(status, 202 | 409 | 503), "cancel answered {status}");
        if status == 202 {
            shared.seen.lock().unwrap().canceled.insert(job);
        }
    }
}

/// Whether it is answered as a deleted job, and was asked to be deleted.
fn is_gone(shared: &Shared, job: &str, status: u16) -> bool {
    status == 404 && shared.seen.lock().unwrap().deleted.contains(job)
}

fn delete(shared: &Shared, mut random: StdRng) {
    let client = Shared::client();
    while shared.going() {
        std::thread::sleep(Duration::from_millis(random.random_range(400..2000)));
        let Some(job) = shared.any_job(&mut random) else { continue };
        let Some(url) = shared.url(&mut random, &format!("/jobs/{job}")) else { continue };
        shared.seen.lock().unwrap().deleted.insert(job);
        let Ok(answer) = client.delete(url).send() else { continue };
        let status = answer.status().as_u16();
        assert!(matches!(status, 204 | 404 | 503), "DELETE answered {status}");
    }
}
