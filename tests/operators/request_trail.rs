//! A search of the log for the id of a request finds every step of its job, from the request to the webhook, even where
//! a process dies and where several processes take part.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use serde_json::{Value, json};

use crate::support::http::client;
use crate::support::pictures::small_png;
use crate::support::receiver::{Receiver, Reply};
use crate::support::servers::postgres::Cluster;
use crate::support::servers::require;
use crate::support::service::{Output, Service};
use crate::support::{TIMEOUT, variables, wait_until};

const ID: &str = "order-4711.pictures";

/// The number of pictures of the job. The last one is not a valid picture.
const PICTURES: usize = 6;

/// A server of pictures, which also receives the webhook. While it is `held`, requests for one picture get no answer.
struct ExternalServer {
    server: Receiver,
    held: Arc<AtomicBool>,
    /// Gets a message for each request for the picture that is held.
    requested: mpsc::Receiver<()>,
}

impl ExternalServer {
    fn start() -> Self {
        let held = Arc::new(AtomicBool::new(false));
        let (sender, requested) = mpsc::channel();
        let (is_held, sender) = (held.clone(), std::sync::Mutex::new(sender));
        let server = Receiver::start(move |_, request| match request.path.as_str() {
            "/pictures/3" if is_held.load(Ordering::SeqCst) => {
                sender.lock().unwrap().send(()).unwrap();
                Reply::Silence
            }
            "/pictures/5" => Reply::Whole(200, "", b"no picture".to_vec()),
            path if path.starts_with("/pictures/") => Reply::Whole(200, "", small_png()),
            _ => Reply::status(204),
        });
        Self { server, held, requested }
    }

    /// Starts a service that uses this server.
    fn start_service(&self, data: &Path, settings: &[(&str, &str)]) -> Service {
        let port = self.server.port().to_string();
        let own = [
            ("HUEMILL__OUTBOUND__ALLOW_CIDRS", "127.0.0.1/32"),
            ("HUEMILL__OUTBOUND__ALLOW_PORTS", &*port),
            ("HUEMILL__OUTBOUND__HEAD_SECONDS", "600"),
            ("HUEMILL__OUTBOUND__TOTAL_SECONDS", "600"),
            ("HUEMILL__WORKERS__COUNT", "2"),
            ("HUEMILL__JOBS__LEASE_SECONDS", "10"),
            ("HUEMILL__JOBS__POLL_MS", "50"),
            ("HUEMILL__WEBHOOKS__POLL_SECONDS", "1"),
            ("RUST_LOG", "info"),
        ];
        Service::start(data, &[variables(&own), variables(settings)].concat())
    }

    /// Submits the job and returns its id.
    fn submit(&self, service: &Service) -> String {
        let urls: Vec<String> = (0..PICTURES).map(|n| self.server.url(&format!("/pictures/{n}"))).collect();
        let body = json!({ "urls": urls, "callback_url": self.server.url("/hook") });
        let client = client();
        let answer = client.post(service.url("/jobs")).header("x-request-id", ID).json(&body).send().unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-request-id"]),
            (202, &ID.parse().unwrap())
        );
        answer.json::<Value>().unwrap()["job_id"].as_str().unwrap().to_owned()
    }

    fn has_webhook(&self) -> bool {
        self.server.requests().iter().any(|request| request.path == "/hook")
    }

    /// Waits until the server has the webhook and one of the services has logged it, and checks that it has the id.
    fn assert_delivered(&self, services: &[&Service]) {
        wait_until("the webhook arrives", || self.has_webhook());
        wait_until("the delivery is logged", || {
            services.iter().any(|one| !one.logged("webhook_delivered").is_empty())
        });
        for request in self.server.requests().iter().filter(|request| request.path == "/hook") {
            assert_eq!(request.header("x-request-id"), ID);
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            assert_eq!(body["request_id"], ID);
        }
    }
}

/// The lines that a search for the id finds in these outputs, by event.
fn trail(outputs: &[Output]) -> BTreeMap<String, Vec<Value>> {
    let mut events = BTreeMap::<_, Vec<Value>>::new();
    for line in outputs.iter().flat_map(Output::log).filter(|line| line.contains(ID)) {
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["request_id"], ID, "{line}");
        events.entry(line["event"].as_str().unwrap().to_owned()).or_default().push(line);
    }
    events
}

/// Checks that the trail is complete: one line for each step and one for each picture.
#[track_caller]
fn assert_complete(trail: &BTreeMap<String, Vec<Value>>, job: &str) {
    let one = |event: &str| {
        let lines = trail.get(event).unwrap_or_else(|| panic!("no {event} in {trail:#?}"));
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
        trail["picture_settled"].iter().map(|line| (line["picture"].as_u64().unwrap(), line)).collect();
    assert_eq!(pictures.len(), trail["picture_settled"].len(), "a picture has several lines: {trail:#?}");
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
    let (server, data) = (ExternalServer::start(), tempfile::tempdir().unwrap());
    let service = server.start_service(data.path(), &[]);
    let job = server.submit(&service);
    server.assert_delivered(&[&service]);
    assert_complete(&trail(&[service.output()]), &job);
}

#[test]
fn the_trail_continues_after_a_kill() {
    let (server, data) = (ExternalServer::start(), tempfile::tempdir().unwrap());
    server.held.store(true, Ordering::SeqCst);
    let first = server.start_service(data.path(), &[]);
    let job = server.submit(&first);
    server.requested.recv_timeout(TIMEOUT).unwrap();
    wait_until("the other pictures are done", || first.logged("picture_settled").len() == PICTURES - 1);
    let before = first.output();
    first.kill();
    server.held.store(false, Ordering::SeqCst);
    let second = server.start_service(data.path(), &[]);
    server.assert_delivered(&[&second]);
    let after = second.output();
    let trail = trail(&[before, after]);
    assert_complete(&trail, &job);
    let late = trail["picture_settled"].iter().find(|line| line["picture"] == 3).unwrap();
    assert_eq!(late["attempt"], 2, "{late}");
}

#[test]
fn the_trail_is_complete_over_two_processes() {
    require!(PostgreSql);
    let (server, blobs) = (ExternalServer::start(), tempfile::tempdir().unwrap());
    let (database, folder) = (Cluster::shared().database(), format!("file://{}", blobs.path().display()));
    let settings = [("DATABASE_URL", &*database), ("BLOB_URL", &*folder)];
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    // The process that requests the held picture dies.
    server.held.store(true, Ordering::SeqCst);
    let first = server.start_service(data[0].path(), &settings);
    let job = server.submit(&first);
    server.requested.recv_timeout(TIMEOUT).unwrap();
    wait_until("the other pictures are done", || first.logged("picture_settled").len() == PICTURES - 1);
    let before = first.output();
    let second = server.start_service(data[1].path(), &settings);
    first.kill();
    server.held.store(false, Ordering::SeqCst);
    server.assert_delivered(&[&second]);
    let events = trail(&[before.clone(), second.output()]);
    assert_complete(&events, &job);
    // Each process has logged a part of the trail.
    assert!(
        trail(&[before]).contains_key("job_created")
            && trail(&[second.output()]).contains_key("job_completed")
    );
}

#[test]
fn debug_lines_have_the_request_id_too() {
    let (server, data) = (ExternalServer::start(), tempfile::tempdir().unwrap());
    let service = server.start_service(data.path(), &[("RUST_LOG", "debug")]);
    server.submit(&service);
    server.assert_delivered(&[&service]);
    let trail = trail(&[service.output()]);
    let stages = &trail["stages_timed"];
    assert_eq!(stages.len(), PICTURES - 1, "{stages:#?}");
}
