//! One request's id tells the whole story: what a search for it in the log finds, from the request to the webhook, over
//! deaths of the process and over several processes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use reqwest::blocking::Client;
use serde_json::{Value, json};

use super::archive::picture;
use super::postgres::Cluster;
use super::receiver::{Receiver, Reply};
use super::service::{PATIENCE, Service, Tape};
use super::{until, variables};

const ID: &str = "order-4711.pictures";

/// Pictures of the job; the last one is none.
const PICTURES: usize = 6;

/// A server of pictures, which is the webhook's receiver too. While it is `held`, one picture is asked for in vain.
struct Town {
    server: Receiver,
    held: Arc<AtomicBool>,
    asked: mpsc::Receiver<()>,
}

impl Town {
    fn open() -> Self {
        let held = Arc::new(AtomicBool::new(false));
        let (told, asked) = mpsc::channel();
        let (own, told) = (held.clone(), std::sync::Mutex::new(told));
        let server = Receiver::start(move |_, request| match request.path.as_str() {
            "/pictures/3" if own.load(Ordering::SeqCst) => {
                told.lock().unwrap().send(()).unwrap();
                Reply::Silence
            }
            "/pictures/5" => Reply::Whole(200, "", b"no picture".to_vec()),
            path if path.starts_with("/pictures/") => Reply::Whole(200, "", picture()),
            _ => Reply::status(204),
        });
        Self { server, held, asked }
    }

    fn service(&self, data: &Path, settings: &[(&str, &str)]) -> Service {
        let port = self.server.port().to_string();
        let own = [
            ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
            ("HUEMILL__OUTBOUND__ALLOW_PORTS", &*port),
            ("HUEMILL__WORKERS__COUNT", "2"),
            ("HUEMILL__JOBS__LEASE_SECONDS", "3"),
            ("HUEMILL__JOBS__POLL_MS", "50"),
            ("HUEMILL__WEBHOOKS__POLL_SECONDS", "1"),
            ("RUST_LOG", "info"),
        ];
        Service::start(data, &[variables(&own), variables(settings)].concat())
    }

    /// Sends the job, and gives its id.
    fn submit(&self, service: &Service) -> String {
        let urls: Vec<String> = (0..PICTURES).map(|n| self.server.url(&format!("/pictures/{n}"))).collect();
        let body = json!({ "urls": urls, "callback_url": self.server.url("/hook") });
        let client = Client::builder().no_proxy().build().unwrap();
        let answer = client.post(service.url("/jobs")).header("x-request-id", ID).json(&body).send().unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-request-id"]),
            (202, &ID.parse().unwrap())
        );
        answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned()
    }

    fn told(&self) -> bool {
        self.server.requests().iter().any(|request| request.path == "/hook")
    }

    /// Waits until the receiver has the webhook, which bears the id, and until one of them says so.
    fn assert_told(&self, services: &[&Service]) {
        until("the webhook comes", || self.told());
        until("it is logged", || services.iter().any(|one| !one.logged("webhook_delivered").is_empty()));
        for request in self.server.requests().iter().filter(|request| request.path == "/hook") {
            assert_eq!(request.header("x-request-id"), ID);
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            assert_eq!(body["request_id"], ID);
        }
    }
}

/// What `grep ID` finds on these tapes, by event.
fn story(tapes: &[Tape]) -> BTreeMap<String, Vec<Value>> {
    let mut events = BTreeMap::<_, Vec<Value>>::new();
    for line in tapes.iter().flat_map(Tape::log).filter(|line| line.contains(ID)) {
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["request_id"], ID, "{line}");
        events.entry(line["event"].as_str().unwrap().to_owned()).or_default().push(line);
    }
    events
}

/// The whole story: one line a step, one a picture.
#[track_caller]
fn assert_whole(story: &BTreeMap<String, Vec<Value>>, job: &str) {
    let one = |event: &str| {
        let lines = story.get(event).unwrap_or_else(|| panic!("no {event} in {story:#?}"));
        assert_eq!(lines.len(), 1, "{lines:#?}");
        &lines[0]
    };
    let request = one("http_request");
    assert_eq!((&request["endpoint"], &request["status_code"]), (&json!("/jobs"), &json!(202)));
    assert_eq!(
        (&one("job_created")["job_id"], &one("job_created")["images"]),
        (&json!(job), &json!(PICTURES))
    );
    let pictures: BTreeMap<u64, &Value> =
        story["picture_settled"].iter().map(|line| (line["picture"].as_u64().unwrap(), line)).collect();
    assert_eq!(pictures.len(), story["picture_settled"].len(), "each is told of once: {story:#?}");
    assert_eq!(pictures.keys().copied().collect::<Vec<_>>(), (0..PICTURES as u64).collect::<Vec<_>>());
    for (number, line) in &pictures {
        assert_eq!((&line["job_id"], &line["level"]), (&json!(job), &json!("info")));
        let (outcome, code) =
            if *number == 5 { ("failed", json!("UNSUPPORTED_MEDIA_TYPE")) } else { ("ok", Value::Null) };
        assert_eq!((&line["outcome"], &line["error_code"]), (&json!(outcome), &code), "{line}");
    }
    let end = one("job_completed");
    assert_eq!((&end["job_id"], &end["status"]), (&json!(job), &json!("completed")));
    assert_eq!((&end["results"], &end["failed"]), (&json!(PICTURES - 1), &json!(1)));
    assert_eq!(
        (&one("webhook_delivered")["job_id"], &one("webhook_delivered")["status_code"]),
        (&json!(job), &json!(204))
    );
}

#[test]
fn a_search_for_the_id_finds_every_step_of_a_job() {
    let (town, data) = (Town::open(), tempfile::tempdir().unwrap());
    let service = town.service(data.path(), &[]);
    let job = town.submit(&service);
    town.assert_told(&[&service]);
    assert_whole(&story(&[service.tape()]), &job);
}

#[test]
fn the_story_goes_on_after_a_kill() {
    let (town, data) = (Town::open(), tempfile::tempdir().unwrap());
    town.held.store(true, Ordering::SeqCst);
    let first = town.service(data.path(), &[]);
    let job = town.submit(&first);
    town.asked.recv_timeout(PATIENCE).unwrap();
    until("the others are done", || first.logged("picture_settled").len() == PICTURES - 1);
    let before = first.tape();
    first.kill();
    town.held.store(false, Ordering::SeqCst);
    let second = town.service(data.path(), &[]);
    town.assert_told(&[&second]);
    let after = second.tape();
    let story = story(&[before, after]);
    assert_whole(&story, &job);
    let late = story["picture_settled"].iter().find(|line| line["picture"] == 3).unwrap();
    assert_eq!(late["attempt"], 2, "{late}");
}

#[test]
fn the_story_is_one_over_two_processes() {
    let (town, blobs) = (Town::open(), tempfile::tempdir().unwrap());
    let (database, folder) = (Cluster::shared().database(), format!("file://{}", blobs.path().display()));
    let settings = [("DATABASE_URL", &*database), ("BLOB_URL", &*folder)];
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    // Whichever of the two asks for the picture that is held dies over it.
    town.held.store(true, Ordering::SeqCst);
    let fail_for_good = town.service(data[0].path(), &settings);
    let job = town.submit(&fail_for_good);
    town.asked.recv_timeout(PATIENCE).unwrap();
    until("the others are done", || fail_for_good.logged("picture_settled").len() == PICTURES - 1);
    let before = fail_for_good.tape();
    let heir = town.service(data[1].path(), &settings);
    fail_for_good.kill();
    town.held.store(false, Ordering::SeqCst);
    town.assert_told(&[&heir]);
    let events = story(&[before.clone(), heir.tape()]);
    assert_whole(&events, &job);
    // Each has told a part of it.
    assert!(
        story(&[before]).contains_key("job_created") && story(&[heir.tape()]).contains_key("job_completed")
    );
}

#[test]
fn what_is_logged_on_the_way_bears_the_id_too() {
    let (town, data) = (Town::open(), tempfile::tempdir().unwrap());
    let service = town.service(data.path(), &[("RUST_LOG", "debug")]);
    town.submit(&service);
    town.assert_told(&[&service]);
    let story = story(&[service.tape()]);
    let stages = &story["stages_timed"];
    assert_eq!(stages.len(), PICTURES - 1, "{stages:#?}");
}
