//! What a client asks of the service, and a picture server that answers when the test lets it.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use reqwest::blocking::Client;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use super::database::Database;
use super::deployment::Deployment;
use super::receiver::{Receiver, Reply};
use super::service::Service;
use super::until;

pub fn client() -> Client {
    Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().unwrap()
}

/// A picture of this width that no compression makes small; another for each seed.
pub fn noise(width: u32, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let image = image::RgbImage::from_fn(width, width * 2 / 3, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb(state.to_be_bytes()[..3].try_into().unwrap())
    });
    let mut bytes = Vec::new();
    image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
    bytes
}

/// Pictures that take a few milliseconds each.
pub fn small(count: u32, seed: u32) -> Vec<Vec<u8>> {
    (0..count).map(|n| noise(60, seed * 1000 + n)).collect()
}

/// Pictures that take long enough to be caught at work.
pub fn large(count: u32) -> Vec<Vec<u8>> {
    let one = noise(2400, 1);
    (0..count).map(|_| one.clone()).collect()
}

pub fn form(pictures: &[Vec<u8>]) -> Form {
    pictures.iter().enumerate().fold(Form::new(), |form, (n, bytes)| {
        form.part("images", Part::bytes(bytes.clone()).file_name(format!("{n}.png")))
    })
}

/// The id of the job that these pictures become.
pub fn submit(service: &Service, pictures: &[Vec<u8>]) -> String {
    submit_form(service, || form(pictures))
}

/// The same with whatever is in the form. A refusal that passes is waited out.
pub fn submit_form(service: &Service, form: impl Fn() -> Form) -> String {
    let (client, mut job) = (client(), None);
    until("the job is accepted", || {
        let answer = client.post(service.url("/jobs")).multipart(form()).send().unwrap();
        assert!(matches!(answer.status().as_u16(), 202 | 503), "{answer:?}");
        if answer.status() == 202 {
            job = Some(answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned());
        }
        job.is_some()
    });
    job.unwrap()
}

/// The same, and no picture of it is begun before `then` has seen the keys of its inputs: the job's row waits for a
/// lock meanwhile, its blobs are there.
pub fn submit_and_before_work<T>(
    deployment: &Deployment,
    service: &Service,
    pictures: &[Vec<u8>],
    then: impl FnOnce(&[String]) -> T,
) -> (String, T) {
    let database: Database = deployment.database();
    let before = deployment.blobs();
    let lock = if deployment.network().is_some() {
        "BEGIN; LOCK TABLE jobs IN EXCLUSIVE MODE"
    } else {
        "BEGIN IMMEDIATE"
    };
    let lock = database.hold(lock);
    std::thread::scope(|scope| {
        let job = scope.spawn(|| submit(service, pictures));
        let mut inputs = Vec::new();
        until("the inputs are there", || {
            inputs = deployment.blobs();
            inputs.retain(|key| !before.contains(key) && key.contains("/in/"));
            inputs.len() >= pictures.len()
        });
        inputs.sort();
        let done = then(&inputs);
        drop(lock);
        (job.join().unwrap(), done)
    })
}

/// The id of the job that has to download this.
pub fn submit_url(service: &Service, url: &str) -> String {
    let answer = client().post(service.url("/jobs")).json(&json!({ "urls": [url] })).send().unwrap();
    assert_eq!(answer.status(), 202);
    answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned()
}

pub fn status(service: &Service, job: &str) -> Value {
    let answer = client().get(service.url(&format!("/jobs/{job}?cards=url"))).send().unwrap();
    assert!(matches!(answer.status().as_u16(), 200 | 503), "{answer:?}");
    answer.json().unwrap()
}

pub fn has_ended(body: &Value) -> bool {
    matches!(body["status"].as_str(), Some("completed" | "failed" | "canceled"))
}

/// Waits for a job's end; so many of its pictures have a result, and so many a reason.
pub fn ends(service: &Service, job: &str, results: usize, failed: usize) {
    let mut body = Value::Null;
    until("the job ends", || {
        body = status(service, job);
        has_ended(&body)
    });
    let count = |list: &str| body[list].as_array().map_or(0, Vec::len);
    assert_eq!((count("results"), count("failed")), (results, failed), "{body}");
}

pub fn delete(service: &Service, job: &str) {
    let answer = client().delete(service.url(&format!("/jobs/{job}"))).send().unwrap();
    assert_eq!(answer.status(), 204);
}

pub fn is_ready(service: &Service) -> bool {
    client().get(service.url("/ready")).send().is_ok_and(|answer| answer.status() == 200)
}

pub fn claimed(database: &Database) -> i64 {
    database.count("SELECT count(*) FROM items WHERE state = 'claimed'")
}

/// A server of one picture, which keeps everyone waiting until it is opened.
pub struct SlowServer {
    receiver: Receiver,
    open: Arc<(Mutex<bool>, Condvar)>,
}

impl SlowServer {
    pub fn start() -> Self {
        let open: Arc<(Mutex<bool>, Condvar)> = Arc::default();
        let opened = open.clone();
        let receiver = Receiver::start(move |_, _| {
            let (open, changed) = &*opened;
            drop(changed.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
            Reply::Whole(200, "content-type: image/png\r\n", noise(60, 7))
        });
        Self { receiver, open }
    }

    /// The deployment, whose processes may wait for it for as long as it takes.
    pub fn reached_from(&self, deployment: Deployment) -> Deployment {
        deployment.with(&[
            ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
            ("HUEMILL__OUTBOUND__ALLOW_PORTS", &self.receiver.port().to_string()),
            ("HUEMILL__OUTBOUND__HEAD_SECONDS", "600"),
            ("HUEMILL__OUTBOUND__TOTAL_SECONDS", "600"),
        ])
    }

    /// Has the service download from here, and waits until it does.
    pub fn holds_up(&self, service: &Service) -> String {
        let job = submit_url(service, &self.receiver.url("/slow.png"));
        until("the download has begun", || !self.receiver.requests().is_empty());
        job
    }

    pub fn open(&self) {
        *self.open.0.lock().unwrap() = true;
        self.open.1.notify_all();
    }
}
