//! What a client asks of the service over HTTP, and a picture server that a test makes wait.

use std::sync::{Arc, Condvar, LazyLock, Mutex};

use reqwest::blocking::multipart::{Form, Part};
use reqwest::blocking::{Client, ClientBuilder};
use serde_json::{Value, json};

use super::database::Database;
use super::deployment::Deployment;
use super::pictures::noise_png;
use super::receiver::{Receiver, Reply};
use super::service::Service;
use super::{TIMEOUT, loopback_settings, wait_until};

/// A client that all tests of a program share: each one costs a thread. It keeps no idle connections, since a service that
/// stops closes them.
pub fn client() -> Client {
    static CLIENT: LazyLock<Client> =
        LazyLock::new(|| client_builder().pool_max_idle_per_host(0).build().unwrap());
    CLIENT.clone()
}

/// For a client of plain HTTP with settings of its own. It has no trusted certificates: reading the system's costs most.
pub fn client_builder() -> ClientBuilder {
    Client::builder().timeout(TIMEOUT).no_proxy().tls_built_in_root_certs(false)
}

/// A form with these pictures, which are called `0.png`, `1.png` and so on.
pub fn images_form<P: AsRef<[u8]>>(pictures: &[P]) -> Form {
    pictures.iter().enumerate().fold(Form::new(), |form, (n, bytes)| {
        form.part("images", Part::bytes(bytes.as_ref().to_vec()).file_name(format!("{n}.png")))
    })
}

/// Submits a job of these pictures and returns its id.
pub fn submit(service: &Service, pictures: &[Vec<u8>]) -> String {
    submit_form(service, || images_form(pictures))
}

/// Submits a job with this form and returns its id. Sends the form again while the service answers 503.
pub fn submit_form(service: &Service, form: impl Fn() -> Form) -> String {
    let (client, mut job) = (client(), None);
    wait_until("the service accepts the job", || {
        let answer = client.post(service.url("/jobs")).multipart(form()).send().unwrap();
        assert!(matches!(answer.status().as_u16(), 202 | 503), "{answer:?}");
        if answer.status() == 202 {
            job = Some(answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned());
        }
        job.is_some()
    });
    job.unwrap()
}

/// Submits a job and calls `then` with the keys of its inputs before the service begins any of its pictures: the job's
/// row waits for a lock while its blobs are stored already.
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
        wait_until("the inputs are stored", || {
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

/// Submits a job whose picture the service must download, and returns its id.
pub fn submit_url(service: &Service, url: &str) -> String {
    let answer = client().post(service.url("/jobs")).json(&json!({ "urls": [url] })).send().unwrap();
    assert_eq!(answer.status(), 202);
    answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned()
}

/// The status of a job. While the store is away this is the body of a 503.
pub fn job_status(service: &Service, job: &str) -> Value {
    let answer = client().get(service.url(&format!("/jobs/{job}?cards=url"))).send().unwrap();
    assert!(matches!(answer.status().as_u16(), 200 | 503), "{answer:?}");
    answer.json().unwrap()
}

pub fn has_ended(body: &Value) -> bool {
    matches!(body["status"].as_str(), Some("completed" | "failed" | "canceled"))
}

/// Waits for the job's end and checks how many of its pictures succeeded and how many failed.
#[track_caller]
pub fn assert_job_ends(service: &Service, job: &str, results: usize, failed: usize) {
    let mut body = Value::Null;
    wait_until("the job ends", || {
        body = job_status(service, job);
        has_ended(&body)
    });
    let count = |list: &str| body[list].as_array().map_or(0, Vec::len);
    assert_eq!((count("results"), count("failed")), (results, failed), "{body}");
}

pub fn delete_job(service: &Service, job: &str) {
    let answer = client().delete(service.url(&format!("/jobs/{job}"))).send().unwrap();
    assert_eq!(answer.status(), 204);
}

pub fn is_ready(service: &Service) -> bool {
    client().get(service.url("/ready")).send().is_ok_and(|answer| answer.status() == 200)
}

/// The body of /ready.
pub fn readiness(service: &Service) -> Value {
    client().get(service.url("/ready")).send().unwrap().json().unwrap()
}

/// The value of a series in a scrape of the service, if the series is there.
pub fn metric(service: &Service, series: &str) -> Option<f64> {
    let scrape = client().get(service.url("/metrics")).send().ok()?.text().ok()?;
    metric_in(&scrape, series)
}

/// The value of a series, named with its labels, in the text of a scrape.
pub fn metric_in(scrape: &str, series: &str) -> Option<f64> {
    scrape.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?.parse().ok()
}

/// How many pictures are claimed by any process.
pub fn claimed_pictures(database: &Database) -> i64 {
    database.count("SELECT count(*) FROM items WHERE state = 'claimed'")
}

/// A server of one picture that keeps all its clients waiting until it is released.
pub struct HeldServer {
    receiver: Receiver,
    released: Arc<(Mutex<bool>, Condvar)>,
}

impl HeldServer {
    pub fn start() -> Self {
        let released: Arc<(Mutex<bool>, Condvar)> = Arc::default();
        let condition = released.clone();
        let receiver = Receiver::start(move |_, _| {
            let (released, changed) = &*condition;
            drop(changed.wait_while(released.lock().unwrap(), |released| !*released).unwrap());
            Reply::Whole(200, "content-type: image/png\r\n", noise_png(60, 7))
        });
        Self { receiver, released }
    }

    /// Lets the processes of a deployment wait for this server for as long as it takes.
    pub fn reached_from(&self, deployment: Deployment) -> Deployment {
        let loopback = loopback_settings(&[self.receiver.port()]);
        let loopback: Vec<_> = loopback.iter().map(|(key, value)| (&**key, &**value)).collect();
        deployment
            .with(&loopback)
            .with(&[("HUEMILL__OUTBOUND__HEAD_SECONDS", "600"), ("HUEMILL__OUTBOUND__TOTAL_SECONDS", "600")])
    }

    /// Submits a job that downloads from here, and waits until the download has begun.
    pub fn hold_job(&self, service: &Service) -> String {
        let job = submit_url(service, &self.receiver.url("/slow.png"));
        wait_until("the download begins", || !self.receiver.requests().is_empty());
        job
    }

    /// Answers all waiting clients, and later ones at once.
    pub fn release(&self) {
        *self.released.0.lock().unwrap() = true;
        self.released.1.notify_all();
    }
}
